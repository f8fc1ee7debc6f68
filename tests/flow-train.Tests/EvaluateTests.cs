using System.Text.Json;
using FlowRuntime.CommandLine;

namespace FlowRuntime.TrainTool.Tests;

/// <summary><c>flow-train evaluate</c>: figures of an exported model, each with what it is compared with.</summary>
public sealed class EvaluateTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flow-train-evaluate").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Images_with_classes_are_judged_by_a_classifier_that_stays_in_the_folder()
    {
        await Run("digits", "20");
        TrainRun first = await Evaluate("--samples", "40", "--densities", "2", "--classifier-steps", "60");
        Assert.Equal((CommandHost.Done, true), (first.ExitCode, first.Error.Contains("training a classifier", StringComparison.Ordinal)));
        Dictionary<string, (double Value, double? Floor)> figures = Figures();
        string[] judged = ["accuracy", "Fréchet distance", "precision", "recall", "near copies", "nearest training row", "pixel mean", "pixel deviation", "evaluations a sample", "samples a second"];
        Assert.Equal([.. judged, .. judged.Select(name => $"{name} at guidance 2"), "bits per dimension"], figures.Keys);
        Assert.All(figures.Values, figure => Assert.True(double.IsFinite(figure.Value)));
        Assert.InRange(figures["accuracy"].Floor!.Value, 0.8, 1); // 60 steps tell digits apart
        Assert.True(figures["Fréchet distance"].Value > 2 * figures["Fréchet distance"].Floor); // 20 steps make none
        Assert.True(figures["precision"].Floor > figures["precision"].Value);
        Assert.All(figures.Keys, name => Assert.Contains(name, first.Output, StringComparison.Ordinal));
        Assert.All(["classifier.onnx", "density.onnx", "evaluation.png", "evaluation-guided.png"], name => Assert.True(File.Exists(At(name))));

        TrainRun second = await Evaluate("--samples", "40", "--densities", "0", "--guidance", "1");
        Assert.DoesNotContain("training a classifier", second.Error, StringComparison.Ordinal);
        Dictionary<string, (double Value, double? Floor)> again = Figures();
        Assert.Equal(judged, again.Keys);
        foreach (string name in judged.SkipLast(1)) // all but the time
            Assert.Equal(figures[name], again[name]);
    }

    [Fact]
    public async Task Other_data_are_judged_by_distances_and_their_density()
    {
        await Run("moons", "1500");
        Assert.Equal(CommandHost.Done, (await Evaluate("--samples", "300", "--densities", "40")).ExitCode);
        Dictionary<string, (double Value, double? Floor)> figures = Figures();
        Assert.Equal(["W2", "sliced W2", "energy distance", "MMD²", "C2ST accuracy", "near copies", "nearest training row", "evaluations a sample", "samples a second", "negative log-likelihood"], figures.Keys);
        Assert.InRange(figures["W2"].Value, 0, 3 * figures["W2"].Floor!.Value);
        // At least the entropy, but for the choice of 40 rows: of half circles of radius 1 with noise of 0.05 that is about ln(2π · 0.05 √(2πe)) = 0.26.
        Assert.InRange(figures["negative log-likelihood"].Value, -0.1, 1.2);
    }

    [Theory]
    [InlineData("--samples 3", "--samples: 3")]
    [InlineData("--guidance NaN", "--guidance: NaN")]
    [InlineData("--densities -1", "--densities: -1")]
    [InlineData("--classifier-steps 0", "--classifier-steps: 0")]
    public async Task A_mistake_is_one_line_that_names_it(string options, string expected)
    {
        TrainRun refused = await Evaluate(options.Split(' '));
        Assert.Equal(CommandHost.BadInput, refused.ExitCode);
        Assert.StartsWith(expected, refused.Error, StringComparison.Ordinal);
        Assert.Equal("", refused.Output);
    }

    [Fact]
    public async Task A_folder_without_a_run_is_refused()
    {
        TrainRun refused = await Evaluate();
        Assert.Contains("holds no finished run", refused.Error, StringComparison.Ordinal);
    }

    private string At(string name) => Path.Combine(_folder, "run", name);

    private async Task Run(string data, string steps) => Assert.Equal(CommandHost.Done, (await TrainRun.Of(
        "run", "--data", data, "--steps", steps, "--set", "network.width=32", "--set", "network.kind=mlp", "--no-tune", "--out", At(""))).ExitCode);

    private Task<TrainRun> Evaluate(params string[] options) => TrainRun.Of(["evaluate", At(""), .. options]);

    private Dictionary<string, (double Value, double? Floor)> Figures()
    {
        using JsonDocument file = JsonDocument.Parse(File.ReadAllBytes(At("evaluation.json")));
        return file.RootElement.GetProperty("figures").EnumerateArray().ToDictionary(
            figure => figure.GetProperty("name").GetString()!,
            figure => (figure.GetProperty("value").GetDouble(), figure.TryGetProperty("floor", out JsonElement floor) ? floor.GetDouble() : (double?)null));
    }
}
