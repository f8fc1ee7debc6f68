using FlowRuntime.Cards;

namespace FlowRuntime.Tests;

/// <summary>Every rule about a card's values, by a card that breaks it.</summary>
public class CardCheckTests
{
    private const string Classes = """{ "input": "label", "names": ["a", "b"] }""";
    private const string Columns = """{ "names": ["x", "y"], "mean": [0, 0], "scale": [1, 1] }""";
    private const string Hints = """{ "graph": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" }""";

    [Theory]
    [InlineData("format", "0")]
    [InlineData("format", "-1")]
    [InlineData("prediction.sign", "0")]
    [InlineData("prediction.sign", "2")]
    [InlineData("sample.shape", "[]")]
    [InlineData("sample.shape", "[0]")]
    [InlineData("sample.shape", "[2, -1]")]
    [InlineData("sample.shape", "[1, 1, 1, 1, 1, 1, 1, 1, 1]")]
    [InlineData("sample.shape", "[65536, 65536]")]
    [InlineData("sample.shape", "[2147483647, 2147483647, 2147483647]")]
    [InlineData("path.start", "-0.1")]
    [InlineData("path.start", "1")]
    [InlineData("path.end", "0", "path.start")]
    [InlineData("path.end", "1.001", "path.start")]
    [InlineData("path.sigma_min", "-0.1")]
    [InlineData("path.sigma_min", "1")]
    [InlineData("path.sigma_max", "1e999")]
    [InlineData("path.beta_min", "-0.1")]
    [InlineData("path.beta_max", "1e999")]
    [InlineData("path.noise", "-1")]
    [InlineData("path.alpha_bar", "[0.9, 0]")]
    [InlineData("path.alpha_bar", "[1.5]")]
    [InlineData("inputs.time", "\"\"")]
    [InlineData("inputs.state", "\"\"")]
    [InlineData("outputs.prediction", "\"\"")]
    [InlineData("time.scale", "0")]
    [InlineData("time.scale", "-1")]
    [InlineData("time.scale", "1e999")]
    [InlineData("time.steps", "1")]
    [InlineData("prior.mean", "1e999")]
    [InlineData("prior.scale", "0")]
    [InlineData("prior.scale", "-2")]
    [InlineData("data.mean", "[1, 2, 3]")]
    [InlineData("data.mean", "[1e999]")]
    [InlineData("data.scale", "[]")]
    [InlineData("data.scale", "[0]")]
    [InlineData("data.scale", "[1, -1]")]
    public void A_value_that_makes_no_sense_is_refused_by_its_field(string path, string value, string? field = null) =>
        CardJsonTests.Refused(path, value, $"field '{field ?? path}' is ");

    [Theory]
    [InlineData("""{ "kind": "tabulated" }""", "alpha_bar")]
    [InlineData("""{ "kind": "tabulated", "alpha_bar": [0.9, 0] }""", "alpha_bar")]
    [InlineData("""{ "kind": "tabulated", "alpha_bar": [1, 0.1] }""", "alpha_bar")]
    [InlineData("""{ "kind": "tabulated", "alpha_bar": [0.5, 0.5] }""", "alpha_bar")]
    [InlineData("""{ "kind": "tabulated", "alpha_bar": [0.5] }""", "alpha_bar")]
    [InlineData("""{ "kind": "vp", "alpha_bar": [0.9, 0.1] }""", "alpha_bar")]
    [InlineData("""{ "kind": "ve", "sigma_min": 0 }""", "sigma_min")]
    [InlineData("""{ "kind": "ve", "sigma_min": 2, "sigma_max": 1 }""", "sigma_max")]
    [InlineData("""{ "kind": "vp", "beta_min": 2, "beta_max": 1 }""", "beta_max")]
    [InlineData("""{ "kind": "schrodinger-bridge", "noise": 0 }""", "noise")]
    public void A_path_has_the_numbers_of_its_kind(string path, string field) =>
        CardJsonTests.Refused("path", path, $"field 'path.{field}' is ");

    /// <summary>Where noise and data are coupled, or the source is any, the velocity does not tell noise, data or score.</summary>
    [Theory]
    [InlineData("""{ "kind": "independent-pairs" }""")]
    [InlineData("""{ "kind": "schrodinger-bridge" }""")]
    [InlineData("""{ "kind": "conditional-ot", "coupling": "optimal-transport" }""")]
    public void Coupled_noise_and_data_allow_velocities_alone(string path)
    {
        string velocity = CardJsonTests.With(CardJsonTests.Least, "path", path), noise = CardJsonTests.With(velocity, "prediction.kind", "\"noise\"");
        Assert.Equal(PredictionKind.Velocity, CardFile.FromJson(velocity, "card.json").Prediction.Kind);
        Assert.Contains("field 'prediction.kind' is Noise", Assert.Throws<InvalidDataException>(() => CardFile.FromJson(noise, "card.json")).Message);
    }

    [Theory]
    [InlineData("scale", "0")]
    [InlineData("scale", "1e999")]
    [InlineData("shift", "1e999")]
    public void Latents_have_a_positive_scale_and_a_finite_shift(string name, string value) =>
        CardJsonTests.Refused("latent", CardJsonTests.With("""{ "decoder": "decoder.onnx" }""", name, value), $"field 'latent.{name}' is ");

    [Theory]
    [InlineData("input", "\"\"")]
    [InlineData("names", "[]")]
    [InlineData("names", """["a", "b", "a"]""")]
    [InlineData("names", """["a", ""]""")]
    [InlineData("names", """["a", null]""")]
    [InlineData("null", "-1")]
    public void Classes_have_an_input_names_of_their_own_and_a_null_label_of_at_least_0(string name, string value) =>
        CardJsonTests.Refused("conditions.classes", CardJsonTests.With(Classes, name, value), $"field 'conditions.classes.{name}' is ");

    [Theory]
    [InlineData("names", """["x"]""")]
    [InlineData("names", """["x", null]""")]
    [InlineData("mean", "[0]")]
    [InlineData("mean", "[0, 1e999]")]
    [InlineData("scale", "[1, 1, 1]")]
    [InlineData("scale", "[1, 0]")]
    public void Columns_have_a_name_a_mean_and_a_positive_scale_for_each_value(string name, string value) =>
        CardJsonTests.Refused("data.columns", CardJsonTests.With(Columns, name, value), $"field 'data.columns.{name}' is ");

    [Theory]
    [InlineData("""{ "low": 1, "high": 1 }""", "[1, 2, 2]", "data.image.low")]
    [InlineData("""{ "low": 1, "high": -1 }""", "[1, 2, 2]", "data.image.low")]
    [InlineData("""{ "low": 0, "high": 1e999 }""", "[1, 2, 2]", "data.image.low")]
    [InlineData("""{ "low": 0, "high": 1 }""", "[2]", "data.image")]
    [InlineData("""{ "low": 0, "high": 1 }""", "[2, 4, 4]", "data.image")]
    public void An_image_has_a_range_and_1_or_3_channels(string image, string shape, string field)
    {
        string json = CardJsonTests.With(CardJsonTests.With(CardJsonTests.Least, "sample.shape", shape), "data.image", image);
        string message = Assert.Throws<InvalidDataException>(() => CardFile.FromJson(json, "card.json")).Message;
        Assert.Contains($"field '{field}' is ", message);
    }

    [Fact]
    public void Data_are_an_image_or_columns_and_not_both() =>
        CardJsonTests.Refused("data", $$"""{ "image": { "low": 0, "high": 1 }, "columns": {{Columns}} }""", "field 'data' is an image and columns");

    [Theory]
    [InlineData("graph", "\"abc\"")]
    [InlineData("graph", "\"g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"")]
    [InlineData("method", "\"rk9\"")]
    [InlineData("steps", "0")]
    [InlineData("relative_tolerance", "0")]
    [InlineData("relative_tolerance", "-1")]
    [InlineData("relative_tolerance", "1e999")]
    [InlineData("absolute_tolerance", "0")]
    [InlineData("absolute_tolerance", "1e999")]
    [InlineData("guidance", "1e999")]
    public void Hints_are_held_to_what_the_solver_takes(string name, string value) =>
        CardJsonTests.Refused("hints", CardJsonTests.With(Hints, name, value), $"field 'hints.{name}' is ");

    [Theory]
    [InlineData("relative_tolerance")]
    [InlineData("absolute_tolerance")]
    public void Hints_give_steps_or_tolerances_and_not_both(string tolerance) =>
        CardJsonTests.Refused("hints", CardJsonTests.With(CardJsonTests.With(Hints, "steps", "20"), tolerance, "1e-3"), "field 'hints.steps' is 20: give steps or tolerances");

    [Theory]
    [InlineData("path.sigma_min", "0.999")]
    [InlineData("path", """{ "kind": "tabulated", "alpha_bar": [0.9999, 0.001] }""")]
    [InlineData("path", """{ "kind": "ve", "sigma_min": 0.01, "sigma_max": 0.02 }""")]
    [InlineData("path", """{ "kind": "vp", "beta_min": 0, "beta_max": 1 }""")]
    [InlineData("path.coupling", "\"conditional-optimal-transport\"")]
    [InlineData("sample.shape", "[16384, 16384]")]
    [InlineData("data.scale", "[1, 2]")]
    [InlineData("data.columns", Columns)]
    [InlineData("conditions.classes", Classes)]
    [InlineData("hints", Hints)]
    public void A_value_at_the_edge_of_a_rule_is_taken(string path, string value) =>
        Assert.Equal(1, CardFile.FromJson(CardJsonTests.With(CardJsonTests.Least, path, value), "card.json").Format);
}
