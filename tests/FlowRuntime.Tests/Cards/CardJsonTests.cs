using System.Text.Json.Nodes;
using CsCheck;
using FlowRuntime.Cards;

namespace FlowRuntime.Tests;

/// <summary>A card is JSON that says every mistake by name.</summary>
public class CardJsonTests
{
    /// <summary>The least a card can say.</summary>
    internal const string Least = """
        {
          "format": 1,
          "prediction": { "kind": "velocity" },
          "path": { "kind": "conditional-ot" },
          "sample": { "shape": [2] },
          "inputs": { "time": "t", "state": "x" },
          "outputs": { "prediction": "v" }
        }
        """;

    /// <summary>A card with every field.</summary>
    internal static readonly FlowCard Whole = new(1,
        new PredictionCard(PredictionKind.VPrediction, Sign: -1),
        new PathCard(PathKind.Tabulated, 0.1, 80, 0.2, 20, 0.3, [0.99, 0.5, 0.01], Start: 0.001, End: 0.999),
        new SampleCard([1, 2, 2]),
        new InputsCard("timestep", "sample"),
        new OutputsCard("out", "divergence"),
        new TimeCard(TimeOrigin.Data, 1, 50),
        new PriorCard(0.5, 2),
        new ConditionsCard(new ClassesCard("label", ["chat", "chien", "café"], Null: 3), [new ConditionInputCard("pose", [7])], [new SequenceInputCard("text", [77, 768], "text_mask", Padding: -1, Null: 0)]),
        new DataCard(Image: new ImageCard(-1, 1), Mean: [0.1], Scale: [0.5, 0.6, 0.7, 0.8]),
        new LatentCard("decoder.onnx", "encoder.onnx", 0.18215, 0.1),
        new HintsCard(new string('a', 64), "dopri5", 1e-4, 1e-5, Guidance: 1.5),
        new ProvenanceCard("cats & dogs", 3_000_000_000, ulong.MaxValue, "2026-11-23", "FlowRuntime 0.1.0", "MIT", "int8"));

    [Fact]
    public void Writing_and_reading_a_card_with_every_field_changes_nothing()
    {
        string json = CardFile.ToJson(Whole);
        FlowCard read = CardFile.FromJson(json, "card.json");
        Assert.Equal(json, CardFile.ToJson(read));
        Assert.Equal(
            (Whole.Prediction, Whole.Inputs, Whole.Outputs, Whole.Time, Whole.Prior, Whole.Latent, Whole.Hints, Whole.Provenance),
            (read.Prediction, read.Inputs, read.Outputs, read.Time, read.Prior, read.Latent, read.Hints, read.Provenance));
        Assert.Equal((0.001, 0.999, 80.0, 0.3), (read.Path.Start, read.Path.End, read.Path.SigmaMax, read.Path.Noise));
        Assert.Equal([0.99, 0.5, 0.01], read.Path.AlphaBar);
        Assert.Equal(["chat", "chien", "café"], read.Conditions!.Classes!.Names);
        Assert.Equal([77, 768], read.Conditions.Sequences![0].Shape);
    }

    [Fact]
    public void Every_card_of_the_documentation_is_one()
    {
        string page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "model-card.md")).ReplaceLineEndings("\n");
        string[] cards = [.. page.Split("```json\n").Skip(1).Select(rest => rest.Split("```")[0])];
        Assert.Equal(3, cards.Length);
        Assert.All(cards, card => CardFile.FromJson(card, "docs/model-card.md"));
    }

    [Fact]
    public void Names_are_written_in_snake_case_and_letters_as_they_are()
    {
        string json = CardFile.ToJson(Whole);
        Assert.Contains("\"sigma_min\": 0.1", json);
        Assert.Contains("\"alpha_bar\"", json);
        Assert.Contains("\"v-prediction\"", json);
        Assert.Contains("café", json);
        Assert.Contains("cats & dogs", json);
        Assert.DoesNotContain("null\n", json); // what is not given is left out
    }

    [Fact]
    public void The_least_card_has_the_defaults()
    {
        FlowCard card = CardFile.FromJson(Least, "card.json");
        Assert.Equal((1, 0.0, 1.0), (card.Prediction.Sign, card.Path.Start, card.Path.End));
        Assert.True(card is { Time: null, Prior: null, Conditions: null, Data: null, Latent: null, Hints: null, Provenance: null });
    }

    [Theory]
    [InlineData("extra", "1", "unknown field 'extra'")]
    [InlineData("path.foo", "1", "unknown field 'path.foo'")]
    [InlineData("Format", "1", "unknown field 'Format'")]
    [InlineData("prior.std", "1", "unknown field 'prior.std'")]
    [InlineData("conditions.classes.labels", "[]", "unknown field 'conditions.classes.labels'")]
    [InlineData("conditions.vectors", """[{ "input": "a", "shape": [1], "size": 1 }]""", "'conditions.vectors[0].size'")]
    public void An_unknown_field_is_named_with_its_path(string path, string value, string named) => Refused(path, value, named);

    [Theory]
    [InlineData("prediction", "field 'prediction' is missing")]
    [InlineData("prediction.kind", "field 'prediction.kind' is missing")]
    [InlineData("path.kind", "field 'path.kind' is missing")]
    [InlineData("sample.shape", "field 'sample.shape' is missing")]
    [InlineData("inputs.state", "field 'inputs.state' is missing")]
    [InlineData("outputs", "field 'outputs' is missing")]
    [InlineData("format", "field 'format' is missing")]
    public void A_required_field_that_is_missing_or_null_is_named(string path, string named)
    {
        Refused(path, value: null, named);
        Refused(path, "null", named);
    }

    [Theory]
    [InlineData("format", "\"one\"", "'format'")]
    [InlineData("prediction", "\"velocity\"", "'prediction'")]
    [InlineData("prediction.kind", "\"speed\"", "'prediction.kind'")]
    [InlineData("prediction.kind", "0", "'prediction.kind'")]
    [InlineData("path.coupling", "\"sinkhorn,independent\"", "'path.coupling'")]
    [InlineData("prediction.sign", "null", "'prediction.sign'")]
    [InlineData("sample.shape", "2", "'sample.shape'")]
    [InlineData("sample.shape", "[2.5]", "'sample.shape[0]'")]
    [InlineData("path.end", "\"1\"", "'path.end'")]
    [InlineData("time.from", "1", "'time.from'")]
    [InlineData("time.from", "\"noise,data\"", "'time.from'")]
    [InlineData("time.steps", "99999999999", "'time.steps'")]
    [InlineData("inputs.time", "7", "'inputs.time'")]
    [InlineData("provenance.seed", "-1", "'provenance.seed'")]
    [InlineData("provenance", "[]", "'provenance'")]
    public void A_value_of_the_wrong_kind_is_named(string path, string value, string named) =>
        Refused(path, value, $"field {named} has a value of the wrong kind");

    [Theory]
    [InlineData("prediction.kind", "\"speed\"", "velocity, noise, data, score, v-prediction")]
    [InlineData("path.coupling", "\"ot\"", "independent, optimal-transport, sinkhorn, conditional-optimal-transport")]
    public void A_name_that_is_none_of_its_field_is_answered_with_those_there_are(string path, string value, string names) =>
        Refused(path, value, $"{value}. Give one of: {names}.");

    [Fact]
    public void A_newer_format_is_refused_by_its_number_before_anything_else()
    {
        // Its fields may be unknown here, which is no mistake of theirs.
        JsonObject json = JsonNode.Parse(Least)!.AsObject();
        (json["format"], json["new_in_format_2"]) = (2, true);
        string message = Assert.Throws<InvalidDataException>(() => CardFile.FromJson(json.ToJsonString(), "card.json")).Message;
        Assert.StartsWith("card.json has format 2", message);
        Assert.Contains("Update FlowRuntime", message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("velocity")]
    [InlineData("{")]
    [InlineData("[1, 2]")]
    [InlineData("null")]
    [InlineData("\"card\"")]
    [InlineData("{ \"format\": 1, \"format\": 1 }")]
    [InlineData("{ \"\\ud800\": 1 }")]
    [InlineData("{ \"format\": \"\\udc00\" }")]
    [InlineData("{ \"a\": [[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]] }")]
    public void What_is_no_JSON_object_is_refused_with_the_name_of_the_file(string text)
    {
        string message = Assert.Throws<InvalidDataException>(() => CardFile.FromJson(text, "card.json")).Message;
        Assert.StartsWith("card.json: ", message);
    }

    [Fact]
    public void A_mistake_in_the_grammar_is_told_with_its_line()
    {
        string message = Assert.Throws<InvalidDataException>(() => CardFile.FromJson("{\n\"format\": 1,\n}", "card.json")).Message;
        Assert.Contains("(line 3)", message);
    }

    [Fact]
    public void Whatever_stands_in_the_text_the_answer_is_a_card_or_an_InvalidDataException()
    {
        string text = CardFile.ToJson(Whole);
        Gen.Select(Gen.Int[0, text.Length - 1], Gen.Int[0, 30], Gen.OneOf("", "\"", "{", "}", "[]", ",", ":", "-", "1e999", "null", "\\ud800", "\u0000", "é", "0.5", "\"x\""))
            .Sample((at, length, put) =>
            {
                string damaged = text[..at] + put + text[Math.Min(text.Length, at + length)..];
                try
                {
                    CardFile.ToJson(CardFile.FromJson(damaged, "card.json"));
                }
                catch (InvalidDataException e)
                {
                    Assert.StartsWith("card.json", e.Message);
                }
            }, iter: 3000, threads: 1);
    }

    /// <summary>The least card with one field set (or taken away, for no value) must be refused with these words.</summary>
    internal static void Refused(string path, string? value, string named)
    {
        string json = With(Least, path, value);
        string message = Assert.Throws<InvalidDataException>(() => CardFile.FromJson(json, "card.json")).Message;
        Assert.StartsWith("card.json: ", message);
        Assert.Contains(named, message);
    }

    /// <summary>A JSON object with the field at a path set to a value, or taken away; sections on the way are made.</summary>
    internal static string With(string json, string path, string? value)
    {
        var root = JsonNode.Parse(json)!.AsObject();
        JsonObject section = root;
        string[] names = path.Split('.');
        foreach (string name in names[..^1])
        {
            section[name] ??= new JsonObject();
            section = section[name]!.AsObject();
        }
        if (value is null)
            section.Remove(names[^1]);
        else
            section[names[^1]] = JsonNode.Parse(value);
        return root.ToJsonString();
    }
}
