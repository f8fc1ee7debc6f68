using System.Text.Json;
using System.Text.Json.Nodes;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;
using FlowRuntime.Tests;

namespace FlowRuntime.Tool.Tests;

/// <summary><c>flow card</c> begins a sidecar: what the graph tells is filled in, what it does not is marked or asked for.</summary>
public sealed class CardTests : IDisposable
{
    private static readonly string[] Answers =
    [
        "prediction.kind=noise", "path.kind=tabulated", "path.alpha_bar=[0.9, 0.5, 0.1]", "time.from=data", "time.steps=3",
    ];

    private readonly TemporaryFolder _folder = new();
    private readonly string _model;

    public CardTests() => _model = _folder.File("net.onnx", TinyModel.Declared(new("t", TinyModel.Int64, -1), TinyModel.State, TinyModel.Velocity));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task What_is_missing_is_marked_and_refused_by_its_field()
    {
        ToolRun run = (await ToolRun.InProcess("card", _model, "--json")).EnsureSuccess();

        using JsonDocument told = JsonDocument.Parse(run.Output);
        Assert.Equal(["prediction.kind", "path.kind", "time.from", "time.steps"], told.RootElement.GetProperty("missing").EnumerateArray().Select(field => field.GetString()));
        JsonNode sidecar = JsonNode.Parse(File.ReadAllText(_folder.File("net.flow.json")))!;
        Assert.Equal(("t", "x", "v", "[2]"), ((string)sidecar["inputs"]!["time"]!, (string)sidecar["inputs"]!["state"]!, (string)sidecar["outputs"]!["prediction"]!, sidecar["sample"]!["shape"]!.ToJsonString()));
        ToolRun inspected = await ToolRun.InProcess("inspect", _model);
        Assert.Equal(CommandHost.BadInput, inspected.ExitCode);
        Assert.Contains("'prediction.kind'", inspected.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_card_is_not_written_over_a_model()
    {
        byte[] before = File.ReadAllBytes(_model);
        ToolRun run = await ToolRun.InProcess("card", _model, "--out", _model, "--json");
        Assert.Equal((CommandHost.BadInput, $"--out: {_model} does not end in .json, as a card does.\n"), (run.ExitCode, run.Error));
        Assert.Equal(before, File.ReadAllBytes(_model));
    }

    [Fact]
    public async Task With_every_answer_the_model_is_sampled()
    {
        ToolRun run = (await ToolRun.InProcess(["card", _model, .. Answers.SelectMany(answer => new[] { "--set", answer }), "--json"])).EnsureSuccess();

        using JsonDocument told = JsonDocument.Parse(run.Output);
        Assert.Empty(told.RootElement.GetProperty("missing").EnumerateArray());
        FlowCard card = CardFile.Read(_model);
        Assert.Equal((PredictionKind.Noise, 3, TimeOrigin.Data), (card.Prediction.Kind, card.Time!.Steps, card.Time.From));
        Assert.Equal([0.9, 0.5, 0.1], card.Path.AlphaBar!);
        (await ToolRun.InProcess("sample", _model, "--count", "3", "--out", _folder.File("x.csv"), "--json")).EnsureSuccess();
    }

    [Theory, InlineData("@{folder}/table.json:bars"), InlineData("@{folder}/bars.json")]
    public async Task An_answer_may_be_in_a_file(string value)
    {
        _folder.File("table.json", """{ "betas": [1], "bars": [0.9, 0.5, 0.1] }""");
        _folder.File("bars.json", "[0.9, 0.5, 0.1]");
        string folder = Path.GetDirectoryName(_model)!;
        (await ToolRun.InProcess("card", _model, "--set", "path.kind=tabulated", "--set", $"path.alpha_bar={value.Replace("{folder}", folder)}", "--json")).EnsureSuccess();
        Assert.Equal("[0.9,0.5,0.1]", JsonNode.Parse(File.ReadAllText(_folder.File("net.flow.json")))!["path"]!["alpha_bar"]!.ToJsonString());
    }

    /// <summary>Answers come from standard input, a line each; a wrong one is asked again, and an empty one stays open.</summary>
    [Fact]
    public async Task What_is_missing_is_asked_for()
    {
        ToolRun run = await ToolRun.InShell("""printf 'guess\nnoise\ntabulated\n[0.9, 0.5, 0.1]\n\n3\n' | "$0" "$1" card "$2" --ask""", _model);

        Assert.Equal((CommandHost.Done, ""), (run.ExitCode, run.Error));
        Assert.Contains("There is no 'guess'.", run.Output, StringComparison.Ordinal);
        Assert.Contains("missing  time.from ", run.Output, StringComparison.Ordinal);
        JsonNode sidecar = JsonNode.Parse(File.ReadAllText(_folder.File("net.flow.json")))!;
        Assert.Equal(("noise", 3, "?", "[0.9,0.5,0.1]"), ((string)sidecar["prediction"]!["kind"]!, (int)sidecar["time"]!["steps"]!, (string)sidecar["time"]!["from"]!, sidecar["path"]!["alpha_bar"]!.ToJsonString()));
    }

    [Fact]
    public async Task Every_kind_of_input_has_its_place()
    {
        string model = _folder.File("many.onnx", TinyModel.Model(
            [
                new("mask", TinyModel.Int64, -1, 77), new("timestep", TinyModel.Float, -1), new("hidden_states", TinyModel.Float, -1, 3, 8, 8), new("y", TinyModel.Int64, -1),
                new("pooled", TinyModel.Float, -1, 5), new("text", TinyModel.Float, -1, 77, 16), new("guidance", TinyModel.Float, -1), new("ids", TinyModel.Float, 4, 3),
            ],
            [new("out", TinyModel.Float, -1, 3, 8, 8)],
            [TinyModel.Node("Identity", ["hidden_states"], "out")], []));

        (await ToolRun.InProcess("card", model, "--json")).EnsureSuccess();

        JsonNode card = JsonNode.Parse(File.ReadAllText(_folder.File("many.flow.json")))!;
        Assert.Equal(("timestep", "hidden_states"), ((string)card["inputs"]!["time"]!, (string)card["inputs"]!["state"]!));
        Assert.Equal("""[{"input":"guidance","values":"?"},{"input":"ids","values":"?"}]""", card["inputs"]!["constants"]!.ToJsonString());
        Assert.Equal("""{"input":"y","names":"?"}""", card["conditions"]!["classes"]!.ToJsonString());
        Assert.Equal("""[{"input":"pooled","shape":[5]}]""", card["conditions"]!["vectors"]!.ToJsonString());
        Assert.Equal("""[{"input":"text","shape":[77,16],"mask":"mask"}]""", card["conditions"]!["sequences"]!.ToJsonString());
        Assert.Equal("""{"low":"?","high":"?"}""", card["data"]!["image"]!.ToJsonString());
    }

    [Fact]
    public async Task A_sidecar_that_is_there_stays()
    {
        _folder.File("net.flow.json", "{}");
        ToolRun run = await ToolRun.InProcess("card", _model, "--json");
        Assert.Equal(CommandHost.BadInput, run.ExitCode);
        Assert.Contains("There is already", run.Error, StringComparison.Ordinal);
        Assert.Equal("{}", File.ReadAllText(_folder.File("net.flow.json")));
        (await ToolRun.InProcess("card", _model, "--out", _folder.File("net.flow.json"), "--json")).EnsureSuccess();
        Assert.NotEqual("{}", File.ReadAllText(_folder.File("net.flow.json")));
    }

    [Theory]
    [InlineData("prediction", "is no answer")]
    [InlineData("conditions.vectors[3].shape=[2]", "the draft has no field")]
    [InlineData("path.alpha_bar=@none.json", "none.json cannot be read as JSON")]
    public async Task An_answer_that_cannot_be_used_is_told(string answer, string expected)
    {
        ToolRun run = await ToolRun.InProcess("card", _model, "--set", answer, "--json");
        Assert.Equal(CommandHost.BadInput, run.ExitCode);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder.File("net.flow.json")));
    }

    [Fact]
    public async Task A_graph_that_is_no_field_is_told_what_it_lacks()
    {
        string model = _folder.File("sum.onnx", TinyModel.Model([TinyModel.State], [new("s", TinyModel.Float, -1, 1, 1)], [TinyModel.Node("ReduceSum", ["x"], "s")], []));
        ToolRun run = await ToolRun.InProcess("card", model, "--json");
        Assert.Equal(CommandHost.BadInput, run.ExitCode);
        Assert.Contains("no input has the shape of an output", run.Error, StringComparison.Ordinal);
    }
}
