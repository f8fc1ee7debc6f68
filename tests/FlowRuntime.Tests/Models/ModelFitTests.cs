using FlowRuntime.Cards;

namespace FlowRuntime.Tests;

/// <summary>A card is held against the graph when the model is opened; what does not fit is named by file and field.</summary>
public class ModelFitTests
{
    private static readonly ClassesCard TwoClasses = new("label", ["left", "right"], Null: 2);

    private static readonly Dictionary<string, (byte[] Model, FlowCard Card, string[] Named)> Misfits = new()
    {
        ["no such state"] = (TinyModel.TimesTime(), TinyModel.Card with { Inputs = new("t", "z") }, ["'inputs.state'", "'z'", "t, x"]),
        ["no such time"] = (TinyModel.TimesTime(), TinyModel.Card with { Inputs = new("tau", "x") }, ["'inputs.time'", "'tau'", "t, x"]),
        ["no such output"] = (TinyModel.TimesTime(), TinyModel.Card with { Outputs = new("u") }, ["'outputs.prediction'", "'u'", "v, divergence"]),
        ["no such divergence"] = (TinyModel.TimesTime(), TinyModel.Card with { Outputs = new("v", "div") }, ["'outputs.divergence'", "'div'"]),
        ["no such labels"] = (TinyModel.TimesTimePlusTable(new float[6]), TinyModel.Card with { Conditions = new(TwoClasses with { Input = "class" }) }, ["'conditions.classes.input'", "'class'", "label"]),
        ["another shape"] = (TinyModel.TimesTime(), TinyModel.Card with { Sample = new([3]) }, ["'inputs.state'", "[N, 2]", "[N, 3]"]),
        ["another rank"] = (TinyModel.TimesTime(), TinyModel.Card with { Sample = new([1, 2]) }, ["'inputs.state'", "[N, 2]", "[N, 1, 2]"]),
        ["an output of another shape"] = (TinyModel.TimesTime(), TinyModel.Card with { Outputs = new("divergence") }, ["'outputs.prediction'", "[N]", "[N, 2]"]),
        ["a divergence of another shape"] = (TinyModel.TimesTime(), TinyModel.Card with { Outputs = new("v", "v") }, ["'outputs.divergence'", "[N, 2]", "[N]"]),
        ["a state of another type"] = (TinyModel.TimesTime(state: new("x", 11, -1, 2)), TinyModel.Card, ["model.onnx"]),
        ["labels of another type"] = (TinyModel.TimesTime(), TinyModel.Card with { Conditions = new(TwoClasses with { Input = "t" }) }, ["'conditions.classes.input'", "Float", "Int64"]),
        ["a time of another type"] = (TinyModel.TimesTimePlusTable(new float[6]), TinyModel.Card with { Inputs = new("label", "x") }, ["'inputs.time'", "Int64", "Float"]),
        ["an input that nobody feeds"] = (TinyModel.TimesTimePlusTable(new float[6]), TinyModel.Card, ["'label'", "nothing would be fed"]),
    };

    public static TheoryData<string> MisfitNames => [.. Misfits.Keys];

    [Theory, MemberData(nameof(MisfitNames))]
    public void A_card_that_does_not_fit_the_graph_is_refused_by_file_and_field(string misfit)
    {
        using var folder = new TemporaryFolder();
        (byte[] model, FlowCard card, string[] named) = Misfits[misfit];
        string path = TinyModel.Write(folder, "model.onnx", model, card);
        string message = Assert.Throws<InvalidDataException>(() => FlowModel.Open(path)).Message;
        Assert.StartsWith(path, message);
        Assert.All(named, word => Assert.Contains(word, message));
    }

    [Theory, MemberData(nameof(MisfitNames))]
    public void A_sidecar_mends_a_card_that_does_not_fit(string misfit)
    {
        if (misfit is "a state of another type")
            return; // no card fits it
        using var folder = new TemporaryFolder();
        (byte[] model, FlowCard card, _) = Misfits[misfit];
        string path = TinyModel.Write(folder, "model.onnx", model, card);
        bool classes = misfit is "no such labels" or "a time of another type" or "an input that nobody feeds";
        folder.File("model.flow.json", $$"""
            {
              "sample": { "shape": [2] },
              "inputs": { "time": "t", "state": "x" },
              "outputs": { "prediction": "v", "divergence": null },
              "conditions": {{(classes ? """{ "classes": { "input": "label", "names": ["left", "right"], "null": 2 } }""" : "null")}}
            }
            """);
        using FlowModel opened = FlowModel.Open(path);
        Assert.Equal(0, opened.Sample(3).Failed);
    }

    [Fact]
    public void A_size_that_the_graph_leaves_open_is_the_cards()
    {
        using var folder = new TemporaryFolder();
        string path = TinyModel.Write(folder, "model.onnx", TinyModel.TimesTime(state: new("x", 1, -1, -1), velocity: new("v", 1, -1, -1)), TinyModel.Card with { Sample = new([5]) });
        using FlowModel model = FlowModel.Open(path);
        Assert.Equal(5, model.Field.Dimension);
        Assert.Equal(15, model.Sample(3).EnsureSuccess().Values.Length);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        using var folder = new TemporaryFolder();
        var error = Assert.Throws<FileNotFoundException>(() => FlowModel.Open(folder.File("none.onnx")));
        Assert.Contains(folder.File("none.onnx"), error.Message);
        Assert.Equal(folder.File("none.onnx"), error.FileName);
    }

    [Fact]
    public void A_model_without_card_is_told_what_to_write()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("bare.onnx", TinyModel.TimesTime());
        string message = Assert.Throws<InvalidDataException>(() => FlowModel.Open(path)).Message;
        Assert.Contains(folder.File("bare.flow.json"), message);
    }

    [Fact]
    public void A_graph_that_ONNX_Runtime_refuses_is_told_by_its_file()
    {
        using var folder = new TemporaryFolder();
        string path = TinyModel.Write(folder, "model.onnx", Protobuf.Message(7, Protobuf.Text(2, "graph")), TinyModel.Card);
        string message = Assert.Throws<InvalidDataException>(() => FlowModel.Open(path)).Message;
        Assert.StartsWith($"{path}: ONNX Runtime does not accept this model", message);
        Assert.DoesNotContain("\n", message);
    }
}
