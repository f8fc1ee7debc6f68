using System.Text.Json;
using System.Text.Json.Nodes;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;

namespace FlowRuntime.TrainTool.Tests;

public sealed class RunTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flow-train-runs").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_run_leaves_its_configuration_losses_weights_model_and_pictures()
    {
        TrainRun run = await TrainRun.Small(At("run"));
        Assert.Equal((CommandHost.Done, ""), (run.ExitCode, run.Error));
        Assert.Equal(
            ["config.json", "loss.png", "metrics.jsonl", "model.onnx", "report.html", "samples.png", "trajectory.png", "weights.safetensors"],
            Directory.GetFiles(At("run")).Select(Path.GetFileName).Order());

        JsonElement[] lines = [.. File.ReadLines(At("run/metrics.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal([50, 100], lines.Select(line => line.GetProperty("step").GetInt32()));
        Assert.All(lines, line => Assert.InRange(line.GetProperty("loss").GetDouble(), 0.1, 10));
        Assert.False(lines[0].TryGetProperty("validation_loss", out _));
        Assert.InRange(lines[1].GetProperty("validation_loss").GetDouble(), 0.1, 10);

        using FlowModel model = FlowModel.Open(At("run/model.onnx"));
        Assert.Equal(2, model.Sample(5).EnsureSuccess().Dimension);
        Assert.Equal(("moons", 100L), (model.Card.Provenance!.Data, model.Card.Provenance.Steps));
        foreach (string name in (string[])["loss.png", "samples.png"])
            Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(At($"run/{name}"))[..4]);
    }

    [Theory]
    [InlineData("path.kind=cosine objective.prediction=noise objective.weight=plain", PathKind.Cosine, PredictionKind.Noise, null)]
    [InlineData("path.kind=vp objective.prediction=score objective.times=mode(0.5) objective.importance_weights=true", PathKind.VariancePreserving, PredictionKind.Score, null)]
    [InlineData("path.kind=ve path.sigma_max=10 objective.prediction=data objective.stratified_times=true", PathKind.VarianceExploding, PredictionKind.Data, null)]
    [InlineData("path.kind=tabulated path.alpha_bar=[0.999,0.9,0.5,0.1,0.001] objective.prediction=v-prediction", PathKind.Tabulated, PredictionKind.VPrediction, null)]
    [InlineData("objective.coupling=optimal-transport objective.coupling_batches=2", PathKind.ConditionalOt, PredictionKind.Velocity, CouplingKind.OptimalTransport)]
    [InlineData("path.kind=schrodinger-bridge objective.coupling=sinkhorn", PathKind.SchrodingerBridge, PredictionKind.Velocity, CouplingKind.Sinkhorn)]
    public async Task What_a_run_is_told_to_learn_is_in_its_card_and_can_be_sampled(string settings, PathKind path, PredictionKind prediction, CouplingKind? coupling)
    {
        TrainRun run = await TrainRun.Small(At("run"), ["--no-tune", .. settings.Split(' ').SelectMany(setting => new[] { "--set", setting })]);
        Assert.Equal((CommandHost.Done, ""), (run.ExitCode, run.Error));
        using FlowModel model = FlowModel.Open(At("run/model.onnx"));
        Assert.Equal((path, prediction, coupling), (model.Card.Path.Kind, model.Card.Prediction.Kind, model.Card.Path.Coupling));
        Assert.Equal(0, model.Sample(5).Failed);
    }

    [Fact]
    public async Task A_benchmark_tells_its_figures_as_a_table_and_as_json()
    {
        TrainRun run = await TrainRun.Of("bench-2d", "--part", "tong", "--task", "noise-moons", "--method", "FM", "OT-CFM", "--seeds", "2", "--steps", "20", "--out", At("bench"));
        Assert.Equal((CommandHost.Done, ""), (run.ExitCode, run.Error));
        Assert.Equal(6, run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length); // two methods, three figures each
        using JsonDocument told = JsonDocument.Parse(File.ReadAllText(At("bench/results.json")));
        Assert.All(told.RootElement.GetProperty("figures").EnumerateArray(), figure => Assert.Equal(2, figure.GetProperty("values").GetArrayLength()));
    }

    [Fact]
    public async Task The_saved_configuration_is_complete_and_gives_the_same_run_again()
    {
        await TrainRun.Small(At("first"), "--seed", "3");
        var saved = (JsonObject)JsonNode.Parse(File.ReadAllText(At("first/config.json")))!;
        Assert.Equal(["data", "network", "objective", "path", "training"], saved.Select(field => field.Key).Order());
        Assert.Equal(
            [
                "accumulation", "batch_size", "checkpoint_every", "clip_norm", "device", "ema_decay", "learning_rate", "more_ema_decays", "precision", "schedule", "seed", "steps",
                "threads", "validate_every", "warmup_steps", "weight_decay",
            ],
            saved["training"]!.AsObject().Select(field => field.Key).Order());

        TrainRun again = await TrainRun.Of("run", "--config", At("first/config.json"), "--out", At("again"));
        Assert.Equal((CommandHost.Done, ""), (again.ExitCode, again.Error));
        Assert.Equal(Losses("first"), Losses("again"));
        Assert.Equal(OnnxFile.GraphHash(At("first/model.onnx")), OnnxFile.GraphHash(At("again/model.onnx")));
    }

    [Theory]
    [InlineData("width=8 kind=unet groups=4 multipliers=[1,2]", "attention_levels blocks frequencies groups heads kind multipliers width")]
    [InlineData("kind=dit width=16 blocks=1", "blocks expansion frequencies heads kind patch width")]
    public async Task A_run_trains_the_kind_of_network_it_is_told_and_is_the_same_again(string settings, string fields)
    {
        string[] set = [.. settings.Split(' ').SelectMany(setting => new[] { "--set", $"network.{setting}" })];
        TrainRun run = await TrainRun.Of(["run", "--data", "digits", "--steps", "3", "--no-tune", "--set", "training.batch_size=8", "--out", At("run"), .. set]);
        Assert.Equal((CommandHost.Done, ""), (run.ExitCode, run.Error));
        JsonObject network = JsonNode.Parse(File.ReadAllText(At("run/config.json")))!["network"]!.AsObject();
        Assert.Equal(fields.Split(' '), network.Select(field => field.Key).Order(StringComparer.Ordinal));
        Assert.Equal(("kind", settings.Contains("unet", StringComparison.Ordinal) ? "unet" : "dit"), (network.First().Key, (string)network["kind"]!));

        TrainRun again = await TrainRun.Of("run", "--config", At("run/config.json"), "--no-tune", "--out", At("again"));
        Assert.Equal((CommandHost.Done, ""), (again.ExitCode, again.Error));
        TrainRun export = await TrainRun.Of("export", At("run"), "--no-tune", "--out", At("m.onnx"));
        Assert.Equal((CommandHost.Done, ""), (export.ExitCode, export.Error));
        Assert.Equal(OnnxFile.GraphHash(At("run/model.onnx")), OnnxFile.GraphHash(At("again/model.onnx")));
        Assert.Equal(OnnxFile.GraphHash(At("run/model.onnx")), OnnxFile.GraphHash(At("m.onnx")));
    }

    [Fact]
    public async Task A_run_whose_configuration_names_no_kind_has_a_perceptron()
    {
        await TrainRun.Small(At("run"), "--no-tune");
        var saved = (JsonObject)JsonNode.Parse(File.ReadAllText(At("run/config.json")))!;
        Assert.Equal(["kind", "width", "blocks", "frequencies"], saved["network"]!.AsObject().Select(field => field.Key));
        saved["network"]!.AsObject().Remove("kind");
        File.WriteAllText(At("run/config.json"), saved.ToJsonString());
        TrainRun export = await TrainRun.Of("export", At("run"), "--no-tune", "--out", At("m.onnx"));
        Assert.Equal((CommandHost.Done, ""), (export.ExitCode, export.Error));
        Assert.Equal(OnnxFile.GraphHash(At("run/model.onnx")), OnnxFile.GraphHash(At("m.onnx")));
    }

    [Fact]
    public async Task Another_seed_gives_another_model()
    {
        await TrainRun.Small(At("a"), "--seed", "1");
        await TrainRun.Small(At("b"), "--seed", "2");
        Assert.NotEqual(Losses("a"), Losses("b"));
        Assert.NotEqual(OnnxFile.GraphHash(At("a/model.onnx")), OnnxFile.GraphHash(At("b/model.onnx")));
    }

    [Fact]
    public async Task Exporting_a_run_gives_its_model_again()
    {
        await TrainRun.Small(At("run"));
        TrainRun export = await TrainRun.Of("export", At("run"), "--out", At("m.onnx"));
        Assert.Equal((CommandHost.Done, ""), (export.ExitCode, export.Error));
        Assert.Contains("m.onnx", export.Output, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(At("run/model.onnx")), File.ReadAllBytes(At("m.onnx")));
    }

    [Fact]
    public async Task A_run_and_an_export_measure_the_solvers_unless_told_not_to()
    {
        await TrainRun.Small(At("run"));
        TrainRun export = await TrainRun.Of("export", At("run"), "--out", At("tuned.onnx"));
        TrainRun plain = await TrainRun.Of("export", At("run"), "--out", At("plain.onnx"), "--no-tune");

        Assert.Contains("solvers measured: draft ", export.Output, StringComparison.Ordinal);
        Assert.Equal((CommandHost.Done, ""), (plain.ExitCode, plain.Error));
        Assert.DoesNotContain("solvers", plain.Output, StringComparison.Ordinal);
        await TrainRun.Small(At("other"), "--no-tune");
        foreach (string name in (string[])["plain.onnx", "other/model.onnx"])
            Assert.Null(CardFile.Read(At(name)).Hints);
        foreach (string name in (string[])["run/model.onnx", "tuned.onnx"])
        {
            using FlowModel model = FlowModel.Open(At(name));
            Assert.True(model.HintsApply);
            Assert.Equal(model.Card.Hints!.Quality!.Normal.Method, model.Defaults.Solver!.MethodName);
            Assert.Equal(model.SolverFor(Sampling.SamplingQuality.Normal), model.Defaults.Solver);
            Assert.True(model.Sample(64).Statistics.Evaluations < model.Sample(64, new SamplingOptions { Solver = new Ode.AdaptiveSteps() }).Statistics.Evaluations);
        }
        Assert.Equal(OnnxFile.GraphHash(At("plain.onnx")), OnnxFile.GraphHash(At("tuned.onnx")));
    }

    [Fact]
    public async Task A_finished_run_is_not_written_over_nor_trained_on()
    {
        await TrainRun.Small(At("run"));
        TrainRun second = await TrainRun.Small(At("run"), "--seed", "9");
        Assert.Equal(CommandHost.BadInput, second.ExitCode);
        Assert.Contains("holds a finished run already", second.Error, StringComparison.Ordinal);
        TrainRun resumed = await TrainRun.Of("resume", At("run"));
        Assert.Equal(CommandHost.BadInput, resumed.ExitCode);
        Assert.Contains("holds a finished run: there is nothing left to train", resumed.Error, StringComparison.Ordinal);

        File.Delete(At("run/weights.safetensors")); // without weights and checkpoints there is nothing to lose
        Assert.Equal(CommandHost.Done, (await TrainRun.Small(At("run"))).ExitCode);
    }

    [Fact]
    public async Task A_run_that_was_killed_after_its_training_is_exported_by_resume()
    {
        await TrainRun.Small(At("run"), "--no-tune");
        byte[] model = File.ReadAllBytes(At("run/model.onnx"));
        File.Delete(At("run/model.onnx"));
        TrainRun resumed = await TrainRun.Of("resume", At("run"), "--no-tune");
        Assert.Equal((CommandHost.Done, ""), (resumed.ExitCode, resumed.Error));
        Assert.Equal(model, File.ReadAllBytes(At("run/model.onnx")));

        File.Delete(At("run/report.html")); // killed before the last of what a run leaves, while solvers were measured
        Directory.CreateDirectory(At("run/checkpoints"));
        File.WriteAllText(At("run/checkpoints/step-00000001.safetensors"), "");
        resumed = await TrainRun.Of("resume", At("run"), "--no-tune");
        Assert.Equal((CommandHost.Done, ""), (resumed.ExitCode, resumed.Error));
        Assert.True(File.Exists(At("run/report.html")));
        Assert.False(Directory.Exists(At("run/checkpoints")));
    }

    [Fact]
    public async Task A_disk_that_fails_in_the_midst_is_a_failure_at_work_and_the_run_goes_on()
    {
        await TrainRun.Small(At("whole"), "--no-tune");
        Directory.CreateDirectory(At("run/report.html.new"));
        TrainRun failed = await TrainRun.Small(At("run"), "--no-tune");
        Assert.Equal(CommandHost.FailedAtWork, failed.ExitCode);
        Assert.Matches($"^{At("run")}: [^\n]+ Go on with it by flow-train resume {At("run")}\\.\n$", failed.Error);

        Directory.Delete(At("run/report.html.new"));
        TrainRun resumed = await TrainRun.Of("resume", At("run"), "--no-tune");
        Assert.Equal((CommandHost.Done, ""), (resumed.ExitCode, resumed.Error));
        Assert.Equal(File.ReadAllBytes(At("whole/model.onnx")), File.ReadAllBytes(At("run/model.onnx")));
    }

    [Fact]
    public async Task A_run_may_start_from_the_weights_of_another_and_tells_what_does_not_fit()
    {
        await TrainRun.Small(At("first"), "--no-tune");
        TrainRun same = await TrainRun.Small(At("same"), "--no-tune", "--init", At("first"));
        Assert.Equal((CommandHost.Done, ""), (same.ExitCode, same.Error));
        Assert.True(Losses("same")[0] < Losses("first")[0]);
        Assert.Equal(At("first/weights.safetensors"), (string)JsonNode.Parse(File.ReadAllText(At("same/config.json")))!["init"]!);

        TrainRun other = await TrainRun.Small(At("other"), "--no-tune", "--init", At("first/weights.safetensors"), "--set", "network.frequencies=4");
        Assert.Equal(CommandHost.Done, other.ExitCode);
        Assert.Equal($"{At("first/weights.safetensors")}: the tensor '_condition._time.weight' is F32 [16, 32], not F32 [16, 8]; it starts at random.\n", other.Error);
    }

    [Fact]
    public async Task Every_average_that_a_run_kept_can_be_exported()
    {
        await TrainRun.Small(At("run"), "--no-tune", "--set", "training.more_ema_decays=[0.5]");
        await TrainRun.Small(At("half"), "--no-tune", "--set", "training.ema_decay=0.5");
        foreach ((string decay, string file) in ((string, string)[])[("0.5", "half.onnx"), ("0.999", "own.onnx")])
            Assert.Equal(CommandHost.Done, (await TrainRun.Of("export", At("run"), "--out", At(file), "--ema", decay, "--no-tune")).ExitCode);
        Assert.Equal(OnnxFile.GraphHash(At("half/model.onnx")), OnnxFile.GraphHash(At("half.onnx")));
        Assert.Equal(OnnxFile.GraphHash(At("run/model.onnx")), OnnxFile.GraphHash(At("own.onnx")));
        TrainRun none = await TrainRun.Of("export", At("run"), "--out", At("none.onnx"), "--ema", "0.7");
        Assert.Equal(CommandHost.BadInput, none.ExitCode);
        Assert.Contains("kept no moving average of decay 0.7, but: 0.999, 0.5", none.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_on_time_ends_and_says_how_many_steps_it_came_to()
    {
        TrainRun run = await TrainRun.Of("run", "--data", "moons", "--minutes", "0.005", "--set", "network.width=16", "--no-tune", "--out", At("run"));
        Assert.Equal((CommandHost.Done, ""), (run.ExitCode, run.Error));
        JsonNode training = JsonNode.Parse(File.ReadAllText(At("run/config.json")))!["training"]!;
        JsonElement last = JsonDocument.Parse(File.ReadLines(At("run/metrics.jsonl")).Last()).RootElement;
        Assert.Equal((0.005, last.GetProperty("step").GetInt32()), ((double)training["minutes"]!, (int)training["steps"]!));
        Assert.Equal((int)training["steps"]!, CardFile.Read(At("run/model.onnx")).Provenance!.Steps);
    }

    private string At(string name) => Path.Combine(_folder, name);

    private double[] Losses(string run) =>
        [.. File.ReadLines(At($"{run}/metrics.jsonl")).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("loss").GetDouble())];
}
