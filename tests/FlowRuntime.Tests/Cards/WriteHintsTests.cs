using System.Text.Json.Nodes;
using FlowRuntime.Cards;

namespace FlowRuntime.Tests;

/// <summary>Hints are written where the card lies, and nothing else changes.</summary>
public sealed class WriteHintsTests : IDisposable
{
    private const string Sidecar = "model.flow.json";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Hints_go_into_the_metadata_and_neither_the_graph_nor_another_field_changes()
    {
        string path = TinyModel.Write(_folder, "model.onnx", TinyModel.TimesTime(), TinyModel.Card with
        {
            Time = new TimeCard(TimeOrigin.Data, Scale: 2),
            Data = new DataCard(Mean: [0.5], Scale: [2]),
            Provenance = new ProvenanceCard(Data: "café"),
        });
        (string graph, FlowCard before) = (OnnxFile.GraphHash(path), CardFile.Read(path));
        HintsCard hints = Hints(graph);

        CardFile.WriteHints(path, hints);

        FlowCard after = CardFile.Read(path);
        Assert.Equal(graph, OnnxFile.GraphHash(path));
        AssertSame(hints, after.Hints);
        Assert.Equal(CardFile.ToJson(before), CardFile.ToJson(after with { Hints = null }));
        Assert.Equal(["model.onnx"], _folder.Files);
    }

    [Fact]
    public void Hints_replace_earlier_ones_as_a_whole()
    {
        string path = TinyModel.Write(_folder, "model.onnx", TinyModel.TimesTime(), TinyModel.Card with { Hints = new HintsCard(new string('0', 64), "heun", Steps: 4, Guidance: 3) });
        HintsCard hints = Hints(OnnxFile.GraphHash(path));

        CardFile.WriteHints(path, hints);

        AssertSame(hints, CardFile.Read(path).Hints);
    }

    [Fact]
    public void What_a_sidecar_overlays_is_not_baked_into_the_file()
    {
        string path = TinyModel.Write(_folder, "model.onnx", TinyModel.TimesTime(), TinyModel.Card);
        string sidecar = """{ "prior": { "scale": 3 }, "path": { "start": 0.25 } }""";
        _folder.File(Sidecar, sidecar);
        HintsCard hints = Hints(OnnxFile.GraphHash(path));

        CardFile.WriteHints(path, hints);

        Assert.Equal(sidecar, File.ReadAllText(_folder.File(Sidecar)));
        AssertSame(hints, CardFile.Read(path).Hints);
        Assert.Equal(3, CardFile.Read(path).Prior!.Scale);
        File.Delete(_folder.File(Sidecar));
        Assert.Equal(CardFile.ToJson(TinyModel.Card with { Hints = hints }), CardFile.ToJson(CardFile.Read(path)));
    }

    [Fact]
    public void A_file_that_is_whole_with_its_sidecar_alone_keeps_its_part_of_the_card()
    {
        // The metadata lack inputs and outputs, which the sidecar has.
        string path = _folder.File("model.onnx", TinyModel.TimesTime());
        OnnxFile.WriteMetadata(path, CardFile.MetadataKey, """{ "format": 1, "prediction": { "kind": "velocity" }, "path": { "kind": "conditional-ot" }, "sample": { "shape": [2] } }""");
        _folder.File(Sidecar, """{ "inputs": { "time": "t", "state": "x" }, "outputs": { "prediction": "v" } }""");
        HintsCard hints = Hints(OnnxFile.GraphHash(path));

        CardFile.WriteHints(path, hints);

        AssertSame(hints, CardFile.Read(path).Hints);
        var metadata = (JsonObject)JsonNode.Parse(OnnxFile.ReadMetadata(path, CardFile.MetadataKey)!)!;
        Assert.Equal(["format", "hints", "path", "prediction", "sample"], metadata.Select(field => field.Key).Order());
    }

    [Fact]
    public void Where_the_sidecar_is_the_card_it_takes_the_hints_and_the_model_is_not_touched()
    {
        string path = _folder.File("model.onnx", TinyModel.TimesTime());
        byte[] model = File.ReadAllBytes(path);
        _folder.File(Sidecar, CardFile.ToJson(TinyModel.Card));
        HintsCard hints = Hints(OnnxFile.GraphHash(path));

        CardFile.WriteHints(path, hints);

        Assert.Equal(model, File.ReadAllBytes(path));
        Assert.Equal(CardFile.ToJson(TinyModel.Card with { Hints = hints }), CardFile.ToJson(CardFile.Read(path)));
        Assert.Equal([Sidecar, "model.onnx"], _folder.Files);
    }

    [Fact]
    public void Where_the_sidecar_has_hints_they_are_replaced_there()
    {
        string path = TinyModel.Write(_folder, "model.onnx", TinyModel.TimesTime(), TinyModel.Card);
        byte[] model = File.ReadAllBytes(path);
        _folder.File(Sidecar, $$"""{ "prior": { "scale": 3 }, "hints": { "graph": "{{new string('0', 64)}}", "method": "heun", "steps": 4 } }""");
        HintsCard hints = Hints(OnnxFile.GraphHash(path));

        CardFile.WriteHints(path, hints);

        Assert.Equal(model, File.ReadAllBytes(path));
        AssertSame(hints, CardFile.Read(path).Hints);
        Assert.Equal(3, CardFile.Read(path).Prior!.Scale);
    }

    /// <summary>A sidecar is laid over the metadata field by field: what they still say must not come through.</summary>
    [Theory]
    [InlineData("\"method\": \"heun\", \"steps\": 9")]
    [InlineData("\"steps\": null, \"relative_tolerance\": 1e-5")]
    [InlineData("\"quality\": { \"fine\": { \"method\": \"bosh3\", \"tolerance\": 1e-3, \"whitened\": true } }")]
    public void Hints_in_a_sidecar_are_what_is_read_whatever_hints_the_metadata_have(string overlaid)
    {
        HintsCard earlier = new(new string('0', 64), "heun", Steps: 4, Guidance: 3, Quality: new QualityCard(Level(5), Level(6), Level(7)));
        string path = TinyModel.Write(_folder, "model.onnx", TinyModel.TimesTime(), TinyModel.Card with { Data = new DataCard(Mean: [0], Scale: [1]), Hints = earlier });
        _folder.File(Sidecar, $$"""{ "hints": { {{overlaid}} } }""");
        HintsCard hints = Hints(OnnxFile.GraphHash(path));

        CardFile.WriteHints(path, hints);

        AssertSame(hints, CardFile.Read(path).Hints);

        static QualityLevelCard Level(double evaluations) => new("bosh3", 1e-2, evaluations, Error: 0.5);
    }

    [Fact]
    public void Hints_that_a_sidecar_takes_away_are_written_all_the_same()
    {
        string path = TinyModel.Write(_folder, "model.onnx", TinyModel.TimesTime(), TinyModel.Card with { Hints = new HintsCard(new string('0', 64), "heun", Steps: 4) });
        _folder.File(Sidecar, """{ "hints": null }""");
        Assert.Null(CardFile.Read(path).Hints);
        HintsCard hints = Hints(OnnxFile.GraphHash(path));

        CardFile.WriteHints(path, hints);

        AssertSame(hints, CardFile.Read(path).Hints);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Bad_hints_are_refused_and_no_file_changes(bool inSidecar)
    {
        string path = TinyModel.Write(_folder, "model.onnx", TinyModel.TimesTime(), TinyModel.Card);
        if (inSidecar)
            _folder.File(Sidecar, $$"""{ "hints": { "graph": "{{new string('0', 64)}}" } }""");
        Dictionary<string, byte[]> before = Contents();
        HintsCard good = Hints(OnnxFile.GraphHash(path));

        foreach ((HintsCard bad, string field) in new[]
        {
            (good with { Graph = "abc" }, "hints.graph"),
            (good with { Quality = good.Quality! with { Fine = good.Quality.Fine with { Tolerance = 0 } } }, "hints.quality.fine.tolerance"),
            (good with { Profiles = [] }, "hints.quality.normal.profiled"),
        })
        {
            Assert.Contains($"'{field}'", Assert.Throws<InvalidDataException>(() => CardFile.WriteHints(path, bad)).Message);
            Assert.Equal(before, Contents());
        }
    }

    [Fact]
    public void Hints_for_a_file_without_a_card_are_refused()
    {
        string path = _folder.File("model.onnx", TinyModel.TimesTime());
        Assert.Contains("has no card", Assert.Throws<InvalidDataException>(() => CardFile.WriteHints(path, Hints(new string('0', 64)))).Message);
        Assert.Throws<FileNotFoundException>(() => CardFile.WriteHints(_folder.File("missing.onnx"), Hints(new string('0', 64))));
        Assert.Equal(["model.onnx"], _folder.Files);
    }

    /// <summary>A folder in the place of the partial file lets none be written, even for one who may write everywhere.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Where_nothing_can_be_written_the_files_stay_as_they_are(bool inSidecar)
    {
        string path = TinyModel.Write(_folder, "model.onnx", TinyModel.TimesTime(), TinyModel.Card);
        if (inSidecar)
            _folder.File(Sidecar, $$"""{ "hints": { "graph": "{{new string('0', 64)}}" } }""");
        Dictionary<string, byte[]> before = Contents();
        Directory.CreateDirectory(_folder.File((inSidecar ? Sidecar : "model.onnx") + ".partial"));

        Exception error = Assert.ThrowsAny<Exception>(() => CardFile.WriteHints(path, Hints(OnnxFile.GraphHash(path))));

        Assert.True(error is IOException or UnauthorizedAccessException, error.ToString());
        Assert.Equal(before, Contents());
    }

    /// <summary>Hints with every field that measuring fills in.</summary>
    private static HintsCard Hints(string graph) => new(graph,
        Guidance: 1.5,
        Quality: new QualityCard(new("bosh3", 0.07, 10.5, 0.05), new("dopri5", 0.012, 23, 0.01, Profiled: true), new("dopri5", 1e-3, 40)),
        Profiles: [new ProfileCard("dopri5", [1e-3, 1e-2], [[0.1, 0.05], [0.3, 0.1]])]);

    /// <summary>Equal as the JSON they are written as.</summary>
    private static void AssertSame(HintsCard expected, HintsCard? actual) =>
        Assert.Equal(CardFile.ToJson(TinyModel.Card with { Hints = expected }), CardFile.ToJson(TinyModel.Card with { Hints = actual }));

    private Dictionary<string, byte[]> Contents() => _folder.Files.ToDictionary(name => name, name => File.ReadAllBytes(_folder.File(name)));
}
