using System.Text.Json;
using FlowRuntime.Cards;

namespace FlowRuntime.Tool.Tests;

/// <summary><c>flow inspect</c> tells what a model is, for people and for programs.</summary>
public sealed class InspectTests : IDisposable
{
    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_text_tells_classes_shape_parameters_graph_and_provider()
    {
        ToolRun run = (await ToolRun.InProcess("inspect", Models.Digits)).EnsureSuccess();

        FlowCard card = CardFile.Read(Models.Digits);
        Assert.Contains(Models.Digits, run.Output, StringComparison.Ordinal);
        Assert.Contains("[1, 8, 8]", run.Output, StringComparison.Ordinal);
        Assert.Contains(string.Join(", ", card.Conditions!.Classes!.Names), run.Output, StringComparison.Ordinal);
        Assert.Contains(FormattableString.Invariant($"{OnnxFile.ParameterCount(Models.Digits):N0} parameters"), run.Output, StringComparison.Ordinal);
        Assert.Contains(OnnxFile.GraphHash(Models.Digits), run.Output, StringComparison.Ordinal);
        Assert.Contains(card.Provenance!.Licence!, run.Output, StringComparison.Ordinal);
        Assert.Matches("(?m)^runs on +cpu ", run.Output);
        Assert.Matches("(?m)^hints +", run.Output);
    }

    [Fact]
    public async Task The_text_tells_the_columns_and_leaves_out_classes_where_there_are_none()
    {
        ToolRun run = (await ToolRun.InProcess("inspect", Models.Moons)).EnsureSuccess();

        Assert.Contains($"columns {string.Join(", ", CardFile.Read(Models.Moons).Data!.Columns!.Names)}", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("classes", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_is_one_object_with_the_whole_card()
    {
        ToolRun run = (await ToolRun.InProcess("inspect", Models.Digits, "--json")).EnsureSuccess();

        using JsonDocument document = JsonDocument.Parse(run.Output);
        JsonElement told = document.RootElement;
        Assert.Equal(["model", "bytes", "parameters", "graph", "provider", "provider_report", "providers", "hints", "card"], told.EnumerateObject().Select(field => field.Name));
        Assert.Equal(Models.Digits, told.GetProperty("model").GetString());
        Assert.Equal(new FileInfo(Models.Digits).Length, told.GetProperty("bytes").GetInt64());
        Assert.Equal(OnnxFile.ParameterCount(Models.Digits), told.GetProperty("parameters").GetInt64());
        Assert.Equal(OnnxFile.GraphHash(Models.Digits), told.GetProperty("graph").GetString());
        Assert.Equal("cpu", told.GetProperty("provider").GetString());
        using JsonDocument card = JsonDocument.Parse(CardFile.ToJson(CardFile.Read(Models.Digits)));
        Assert.True(JsonElement.DeepEquals(card.RootElement, told.GetProperty("card")));
    }

    [Fact]
    public async Task The_number_of_parameters_is_that_of_the_float_values_in_the_file()
    {
        ToolRun run = (await ToolRun.InProcess("inspect", Models.Moons, "--json")).EnsureSuccess();

        // The rest of the file (names, nodes, the card with its step profiles) takes some kilobytes.
        using JsonDocument told = JsonDocument.Parse(run.Output);
        long bytes = told.RootElement.GetProperty("bytes").GetInt64(), parameters = told.RootElement.GetProperty("parameters").GetInt64();
        Assert.InRange(bytes - sizeof(float) * parameters, 0, 24_576);
    }

    [Fact]
    public async Task A_sidecar_shows_in_what_is_told()
    {
        string model = _folder.CopyOf(Models.Moons, sidecar: """{"data": {"columns": {"names": ["length", "width"]}}}""");

        ToolRun run = (await ToolRun.InProcess("inspect", model)).EnsureSuccess();

        Assert.Contains("columns length, width", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hints_are_used_where_they_were_measured_on_this_graph()
    {
        async Task<string?> HintsFor(string graph)
        {
            string model = _folder.CopyOf(Models.Moons, graph);
            CardFile.Write(model, CardFile.Read(model) with { Hints = new HintsCard(graph, Method: "heun", Steps: 4) });
            using JsonDocument told = JsonDocument.Parse((await ToolRun.InProcess("inspect", model, "--json")).EnsureSuccess().Output);
            return told.RootElement.GetProperty("hints").GetString();
        }

        Assert.Equal("used", await HintsFor(OnnxFile.GraphHash(Models.Moons)));
        Assert.StartsWith("ignored", await HintsFor(new string('0', 64)), StringComparison.Ordinal);
    }
}
