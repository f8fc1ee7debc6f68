using FlowRuntime.Cards;

namespace FlowRuntime.Tests;

/// <summary>Every rule about measured hints, by a card that breaks it: the field that is wrong is named.</summary>
public class TunedHintsCheckTests
{
    private const string Level = """{ "method": "dopri5", "tolerance": 1e-2, "profiled": true }""";
    private const string Profile = """{ "method": "dopri5", "tolerances": [1e-3, 1e-2], "steps": [[0.1, 0.05], [0.3, 0.1]] }""";
    private const string Hints = $$"""
        {
          "graph": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
          "quality": { "draft": {{Level}}, "normal": {{Level}}, "fine": {{Level}} },
          "profiles": [{{Profile}}]
        }
        """;

    [Theory]
    [InlineData("draft", "method", "\"nope\"")]
    [InlineData("normal", "method", "\"euler\"")] // it has no error estimate
    [InlineData("fine", "method", "\"DOPRI5\"")]
    [InlineData("draft", "tolerance", "0")]
    [InlineData("normal", "tolerance", "-1")]
    [InlineData("fine", "tolerance", "1e999")]
    [InlineData("fine", "whitened", "true", "profiled")] // the profile is in the other coordinates
    [InlineData("draft", "evaluations", "-1")]
    [InlineData("normal", "evaluations", "1e999")]
    [InlineData("normal", "error", "-0.1")]
    [InlineData("fine", "error", "1e999")]
    public void A_level_is_held_to_what_the_solver_takes(string level, string name, string value, string? field = null) =>
        CardJsonTests.Refused("hints", CardJsonTests.With(Hints, $"quality.{level}.{name}", value), $"field 'hints.quality.{level}.{field ?? name}' is ");

    [Theory]
    [InlineData("quality.fine", "null", "the field 'hints.quality.fine' is missing")]
    [InlineData("quality", """{ "normal": { "method": "dopri5", "tolerance": 1e-2 } }""", "the field 'hints.quality.draft' is missing")]
    [InlineData("quality.fine", """{ "method": "dopri5" }""", "the field 'hints.quality.fine.tolerance' is missing")]
    [InlineData("quality.best", Level, "unknown field 'hints.quality.best'")]
    [InlineData("quality.fine.rtol", "1", "unknown field 'hints.quality.fine.rtol'")]
    public void A_level_that_is_missing_or_unknown_is_named(string path, string value, string named) =>
        CardJsonTests.Refused("hints", CardJsonTests.With(Hints, path, value), named);

    [Fact]
    public void A_whitened_level_needs_the_mean_and_the_scale_of_the_data()
    {
        string whitened = CardJsonTests.With(Hints, "quality.fine", """{ "method": "dopri5", "tolerance": 1e-2, "whitened": true }""");
        CardJsonTests.Refused("hints", whitened, "field 'hints.quality.fine.whitened' is ");

        string card = CardJsonTests.With(CardJsonTests.Least, "data", """{ "mean": [0], "scale": [1] }""");
        Assert.True(CardFile.FromJson(CardJsonTests.With(card, "hints", whitened), "card.json").Hints!.Quality!.Fine.Whitened);
    }

    [Theory]
    [InlineData("""{ "method": "nope", "tolerances": [1e-2], "steps": [[0.1, 0.1]] }""", "field 'hints.profiles[1].method' is nope")]
    [InlineData("""{ "method": "heun", "tolerances": [1e-2], "steps": [[0.1, 0.1]] }""", "field 'hints.profiles[1].method' is heun")]
    [InlineData("""{ "method": "bosh3", "tolerances": [], "steps": [] }""", "field 'hints.profiles[1]' is no profile")]
    [InlineData("""{ "method": "bosh3", "tolerances": [1e-2], "steps": [] }""", "field 'hints.profiles[1]' is no profile")]
    [InlineData("""{ "method": "bosh3", "tolerances": [1e-2], "steps": [[0.1]] }""", "field 'hints.profiles[1]' is no profile")]
    [InlineData("""{ "method": "bosh3", "tolerances": [1e-2], "steps": [[0.1, 0]] }""", "field 'hints.profiles[1]' is no profile")]
    [InlineData("""{ "method": "bosh3", "tolerances": [1e-2], "steps": [[0.1, 1e999]] }""", "field 'hints.profiles[1]' is no profile")]
    [InlineData("""{ "method": "bosh3", "tolerances": [1e-2, 1e-3], "steps": [[0.1, 0.1], [0.1, 0.1]] }""", "field 'hints.profiles[1]' is no profile")]
    [InlineData("""{ "method": "bosh3", "tolerances": [0], "steps": [[0.1, 0.1]] }""", "field 'hints.profiles[1]' is no profile")]
    [InlineData("""{ "method": "bosh3", "tolerances": [1e-2], "steps": [null] }""", "field 'hints.profiles[1]' is null or has a row")]
    [InlineData("null", "field 'hints.profiles[1]' is null")]
    public void A_profile_that_is_none_is_refused_by_its_number(string profile, string named) =>
        CardJsonTests.Refused("hints", CardJsonTests.With(Hints, "profiles", $"[{Profile}, {profile}]"), named);

    [Theory]
    [InlineData("quality.fine.tolerance", "1e-300")]
    [InlineData("quality.fine.evaluations", "0")]
    [InlineData("quality.fine.error", "0")]
    [InlineData("quality.fine.profiled", "false")]
    public void A_value_at_the_edge_of_a_rule_is_taken(string path, string value) =>
        Assert.NotNull(CardFile.FromJson(CardJsonTests.With(CardJsonTests.Least, "hints", CardJsonTests.With(Hints, path, value)), "card.json").Hints!.Quality);
}
