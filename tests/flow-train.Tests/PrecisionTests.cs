using System.Globalization;
using System.Text.RegularExpressions;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;

namespace FlowRuntime.TrainTool.Tests;

/// <summary>Exports with rounded weights, of one run.</summary>
public sealed class PrecisionTests(PrecisionTests.TrainedOnce trained) : IClassFixture<PrecisionTests.TrainedOnce>, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flow-train-precision").FullName;

    private string Model => Path.Combine(_folder, "m.onnx");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, InlineData("float16", 0.8, 1e-6, 0.005), InlineData("int8", 0.7, 1e-4, 0.05)]
    public async Task An_export_tells_what_rounding_changes_beside_float32(string precision, double largest, double least, double most)
    {
        TrainRun whole = await TrainRun.Of("export", trained.Run, "--out", Model, "--no-tune", "--precision", "float32");
        Assert.Equal((CommandHost.Done, ""), (whole.ExitCode, whole.Error));
        Assert.Single(whole.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Null(CardFile.Read(Model).Provenance!.Precision);
        long size = new FileInfo(Model).Length;

        TrainRun export = await TrainRun.Of("export", trained.Run, "--out", Model, "--precision", precision);
        Assert.Equal((CommandHost.Done, ""), (export.ExitCode, export.Error));
        string[] lines = export.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(6, lines.Length);
        Assert.Contains($"from the trained network with its weights in {precision} (relative)", lines[0], StringComparison.Ordinal);
        Assert.InRange(Number(lines[1], "velocity along the path changed by ([^ ]+) of its size"), least, most);
        Assert.InRange(Number(lines[2], "size ([^ ]+)% of float32's") / 100, 0.2, largest);
        Assert.InRange(Number(lines[2], "evaluations/s ([^ ]+) of float32's"), 0.001, 1000);
        double distance = Number(lines[3], "energy distance to held-out data ([^ ]+), "), ofWhole = Number(lines[3], "in float32 ([^ ]+), ");
        Assert.InRange(distance / ofWhole, 0.5, 2);
        Assert.InRange(Number(lines[4], "samples of the same seeds moved by ([^ ]+) of their deviation"), least, 0.5);
        Assert.StartsWith("solvers measured", lines[5], StringComparison.Ordinal);

        Assert.InRange(new FileInfo(Model).Length, 0.2 * size, size);
        Assert.Equal(precision, CardFile.Read(Model).Provenance!.Precision);
        Assert.Equal([Model], Directory.GetFiles(_folder));
        using FlowModel model = FlowModel.Open(Model);
        Assert.True(model.HintsApply);
        Assert.Equal(0, model.Sample(5).Failed);
    }

    [Fact]
    public async Task A_change_beyond_the_limit_is_refused_and_leaves_the_old_file()
    {
        await File.WriteAllTextAsync(Model, "the old one", TestContext.Current.CancellationToken);
        TrainRun export = await TrainRun.Of("export", trained.Run, "--out", Model, "--precision", "int8", "--max-change", "1e-6");
        Assert.Equal((CommandHost.BadInput, ""), (export.ExitCode, export.Output));
        Assert.Matches($"^{Regex.Escape(Model)}: weights in int8 change the velocity along the path by [^ ]+ of its size, more than 1E-06. Take float16, or allow more by --max-change.\n$", export.Error);
        Assert.Equal("the old one", await File.ReadAllTextAsync(Model, TestContext.Current.CancellationToken));
        Assert.Equal([Model], Directory.GetFiles(_folder));
    }

    [Theory, InlineData("exact"), InlineData("hutchinson")]
    public async Task A_precision_goes_with_a_divergence_and_with_another_average(string divergence)
    {
        TrainRun export = await TrainRun.Of("export", trained.Run, "--out", Model, "--no-tune", "--precision", "int8", "--ema", "0.5", "--divergence", divergence, "--max-change", "1");
        Assert.Equal((CommandHost.Done, ""), (export.ExitCode, export.Error));
        Assert.InRange(Number(export.Output, ", divergence ([^\n]+)\n"), 0, 1e-4);
        using FlowModel model = FlowModel.Open(Model);
        Assert.True(double.IsFinite(model.LogLikelihood([0.1f, 0.2f]).EnsureSuccess().LogDensities[0]));
    }

    private static double Number(string text, string pattern)
    {
        Match match = Regex.Match(text, pattern);
        Assert.True(match.Success, $"'{pattern}' in '{text}'");
        return double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
    }

    /// <summary>A run that is trained once for all tests here.</summary>
    public sealed class TrainedOnce : IAsyncLifetime
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("flow-train-precision-run").FullName;

        public string Run => Path.Combine(_folder, "run");

        public async ValueTask InitializeAsync() => Assert.Equal(CommandHost.Done, (await TrainRun.Of(
            "run", "--data", "moons", "--steps", "100", "--no-tune", "--set", "network.width=40", "--set", "training.batch_size=64", "--set", "training.more_ema_decays=[0.5]", "--out", Run)).ExitCode);

        public ValueTask DisposeAsync()
        {
            Directory.Delete(_folder, recursive: true);
            return ValueTask.CompletedTask;
        }
    }
}
