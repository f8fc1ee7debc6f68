using System.Diagnostics;
using System.Text.Json;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;

namespace FlowRuntime.Tool.Tests;

/// <summary><c>flow tune</c> writes measured hints into the card, or leaves everything as it was.</summary>
public sealed class TuneTests : IDisposable
{
    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Tuning_writes_hints_that_are_used_and_prints_what_it_found()
    {
        string model = _folder.CopyOf(Models.Moons);
        string graph = OnnxFile.GraphHash(model);

        ToolRun run = (await ToolRun.InProcess("tune", model, "--samples", "32")).EnsureSuccess();

        HintsCard hints = CardFile.Read(model).Hints!;
        Assert.Equal((graph, graph), (hints.Graph, OnnxFile.GraphHash(model)));
        QualityLevelCard[] levels = [hints.Quality!.Draft, hints.Quality.Normal, hints.Quality.Fine];
        string[] lines = run.Output.TrimEnd('\n').Split('\n');
        Assert.Equal(5, lines.Length); // a head, three levels and what it was before
        Assert.StartsWith("quality ", lines[0], StringComparison.Ordinal);
        foreach ((string name, string line, QualityLevelCard level) in new[] { ("draft", lines[1], levels[0]), ("normal", lines[2], levels[1]), ("fine", lines[3], levels[2]) })
        {
            string[] cells = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal([name, level.Method], cells[..2]);
            Assert.Equal([level.Profiled ? "profiled" : "controlled", level.Whitened ? "whitened" : "plain", FormattableString.Invariant($"{level.Evaluations:F1}")], cells[3..6]);
        }
        Assert.Contains(model, lines[4], StringComparison.Ordinal);
        Assert.Equal(["model.onnx"], _folder.Entries);

        string inspected = (await ToolRun.InProcess("inspect", model)).EnsureSuccess().Output;
        foreach ((string name, QualityLevelCard level) in new[] { ("draft", levels[0]), ("normal", levels[1]), ("fine", levels[2]) })
            Assert.Contains($"{name} {level.Method} at ", inspected, StringComparison.Ordinal);
        (await ToolRun.InProcess("inspect", model, "--json")).EnsureSuccess();
    }

    [Fact]
    public async Task With_json_it_prints_one_object_and_nothing_else()
    {
        string model = _folder.CopyOf(Models.Moons);

        ToolRun run = (await ToolRun.InProcess("tune", model, "--samples", "32", "--json")).EnsureSuccess();

        using JsonDocument report = JsonDocument.Parse(run.Output);
        Assert.Equal(JsonValueKind.Object, report.RootElement.ValueKind);
        Assert.Equal(model, report.RootElement.GetProperty("model").GetString());
        HintsCard hints = CardFile.Read(model).Hints!;
        JsonElement quality = report.RootElement.GetProperty("quality");
        foreach ((string name, QualityLevelCard level) in new[] { ("draft", hints.Quality!.Draft), ("normal", hints.Quality.Normal), ("fine", hints.Quality.Fine) })
        {
            Assert.Equal(level.Method, quality.GetProperty(name).GetProperty("method").GetString());
            Assert.Equal(level.Tolerance, quality.GetProperty(name).GetProperty("tolerance").GetDouble());
            Assert.Equal(level.Evaluations, quality.GetProperty(name).GetProperty("evaluations").GetDouble());
        }
    }

    [Fact]
    public async Task Where_the_sidecar_is_the_card_it_takes_the_hints()
    {
        string model = _folder.CopyOf(Models.Moons, sidecar: $$"""{ "hints": { "graph": "{{new string('0', 64)}}", "method": "heun", "steps": 4 } }""");
        byte[] bytes = await File.ReadAllBytesAsync(model, TestContext.Current.CancellationToken);

        (await ToolRun.InProcess("tune", model, "--samples", "32")).EnsureSuccess();

        Assert.Equal(bytes, await File.ReadAllBytesAsync(model, TestContext.Current.CancellationToken));
        HintsCard hints = CardFile.Read(model).Hints!;
        Assert.Equal((OnnxFile.GraphHash(model), null, null), (hints.Graph, hints.Method, hints.Steps));
        Assert.NotNull(hints.Quality);
    }

    [Theory]
    [InlineData("--samples 31", "--samples", "at least 32")]
    [InlineData("--samples 0", "--samples", "at least 32")]
    [InlineData("--samples -5", "--samples", "at least 32")]
    [InlineData("--samples many", "--samples", "'many'", "Give a whole number")]
    [InlineData("--samples 1.5", "--samples", "'1.5'", "Give a whole number")]
    [InlineData("--samples", "--samples")]
    [InlineData("--nope", "'--nope'", "tune --help")]
    public async Task Bad_usage_is_refused_in_one_line(string arguments, params string[] words)
    {
        string model = _folder.CopyOf(Models.Moons);

        await Refused(["tune", model, .. arguments.Split(' ')], words);
    }

    [Fact]
    public async Task A_model_that_is_missing_broken_or_without_a_card_is_refused()
    {
        await File.WriteAllTextAsync(_folder["broken.onnx"], "hello", TestContext.Current.CancellationToken);

        await Refused(["tune", _folder["missing.onnx"]], "missing.onnx", "There is no");
        await Refused(["tune", _folder["broken.onnx"]], "broken.onnx", "Give a whole .onnx file");
        await Refused(["tune"], "tune --help");
    }

    /// <summary>A folder in the place of the partial file lets none be written, even for one who may write everywhere.</summary>
    [Theory]
    [InlineData("model.onnx.partial", null)]
    [InlineData("model.flow.json.partial", """{ "hints": null }""")]
    public async Task A_card_that_cannot_be_written_is_noticed_before_any_work(string inTheWay, string? sidecar)
    {
        string model = _folder.CopyOf(Models.Moons, sidecar: sidecar);
        Directory.CreateDirectory(_folder[inTheWay]);

        long started = Stopwatch.GetTimestamp();
        await Refused(["tune", model, "--samples", "20000"], "model", "cannot be written");
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task An_interruption_leaves_the_model_as_it_was()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Sends signals by Linux's means.");
        string model = _folder.CopyOf(Models.Moons);
        byte[] bytes = await File.ReadAllBytesAsync(model, TestContext.Current.CancellationToken);
        Process process = ToolRun.StartProcess("tune", model, "--samples", "20000");

        ToolRun run = await ToolRun.Finished(process, async () =>
        {
            // Once it opens the model it listens to signals, and it takes minutes to measure.
            while (!process.HasExited && !(await File.ReadAllTextAsync($"/proc/{process.Id}/maps", TestContext.Current.CancellationToken)).Contains("libonnxruntime", StringComparison.Ordinal))
                await Task.Delay(20, TestContext.Current.CancellationToken);
            await Task.Delay(200, TestContext.Current.CancellationToken);
            await ToolRun.InShell($"kill -TERM {process.Id}");
        });

        Assert.Equal((CommandHost.Interrupted, "", "Interrupted.\n"), (run.ExitCode, run.Output, run.Error));
        Assert.Equal(bytes, await File.ReadAllBytesAsync(model, TestContext.Current.CancellationToken));
        Assert.Equal(["model.onnx"], _folder.Entries);
    }

    /// <summary>One line with these words, exit code 2, and every file as it was.</summary>
    private async Task Refused(string[] arguments, params string[] words)
    {
        (string, string)[] before = Contents();
        ToolRun run = await ToolRun.InProcess(arguments);

        Assert.Equal("", run.Output);
        Assert.Matches("^[^\n]*[^\n ][^\n]*\n$", run.Error);
        Assert.All(words, word => Assert.Contains(word, run.Error, StringComparison.Ordinal));
        Assert.DoesNotContain("(Parameter", run.Error, StringComparison.Ordinal);
        Assert.Equal(CommandHost.BadInput, run.ExitCode);
        Assert.Equal(before, Contents());
    }

    private (string, string)[] Contents() =>
        [.. _folder.Entries.Select(name => (name, File.Exists(_folder[name]) ? Convert.ToHexString(File.ReadAllBytes(_folder[name])) : ""))];
}
