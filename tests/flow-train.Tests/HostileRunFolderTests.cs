using System.Text;
using System.Xml.Linq;
using FlowRuntime.CommandLine;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.TrainTool.Report;

namespace FlowRuntime.TrainTool.Tests;

/// <summary>What lies in a run's folder may be damaged: it is named, and nothing else of the run is lost.</summary>
public sealed class HostileRunFolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flow-train-damaged").FullName;

    private string Run => Path.Combine(_folder, "run");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Resume_names_a_damaged_checkpoint_and_ends_as_if_nothing_had_been()
    {
        Stop();
        string newest = Checkpoints().Last(), whole = Path.Combine(_folder, "whole");
        byte[] bytes = File.ReadAllBytes(newest);
        bytes[bytes.Length / 2] ^= 4;
        File.WriteAllBytes(newest, bytes);
        TrainRun resumed = await TrainRun.Of("resume", Run, "--no-tune");
        Assert.Equal(CommandHost.Done, resumed.ExitCode);
        Assert.StartsWith($"{newest} is passed over for the one before: ", Assert.Single(Lines(resumed.Error)), StringComparison.Ordinal);

        using (RunFolder folder = RunFolder.Create("--out", whole, replace: false))
            Train(folder, CancellationToken.None);
        Assert.Equal(File.ReadAllBytes(Path.Combine(whole, "weights.safetensors")), File.ReadAllBytes(Path.Combine(Run, "weights.safetensors")));
    }

    [Fact]
    public async Task Where_no_checkpoint_is_whole_resume_says_so_and_keeps_them_all()
    {
        Stop();
        foreach (string file in Checkpoints())
            File.WriteAllBytes(file, File.ReadAllBytes(file)[..^1]);
        string[] before = Everything();
        TrainRun refused = await TrainRun.Of("resume", Run);
        Assert.Equal(CommandHost.BadInput, refused.ExitCode);
        string[] lines = Lines(refused.Error);
        Assert.Equal(Checkpoints().Length + 1, lines.Length);
        Assert.Contains("no checkpoint is whole. Remove the folder", lines[^1], StringComparison.Ordinal);
        Assert.Equal(before, Everything());
    }

    [Fact]
    public async Task A_broken_line_of_metrics_is_named_and_the_later_ones_are_kept()
    {
        Stop();
        string metrics = Path.Combine(Run, "metrics.jsonl");
        string[] whole = File.ReadAllLines(metrics);
        Assert.True(whole.Length >= 3);
        foreach (string line in (string[])
        [
            "{}", "null", "", "{\"step\": 50", "{\"step\":50,\"steps\":100,\"loss\":1,\"learning_rate\":1,\"steps_per_second\":0}", "{\"step\":0,\"steps\":100,\"loss\":1,\"learning_rate\":1,\"steps_per_second\":5}",
            "{\"step\":50,\"steps\":100,\"loss\":1e999,\"learning_rate\":1,\"steps_per_second\":5}", "{\"step\":50,\"steps\":100,\"loss\":1,\"learning_rate\":1,\"steps_per_second\":5,\"other\":1}",
        ])
        {
            File.WriteAllLines(metrics, [line, .. whole[1..]]);
            string[] before = Everything();
            TrainRun refused = await TrainRun.Of("resume", Run);
            Assert.Equal((CommandHost.BadInput, ""), (refused.ExitCode, refused.Output));
            Assert.Contains($"{metrics}, line 1 is no report of a step", Assert.Single(Lines(refused.Error)), StringComparison.Ordinal);
            Assert.Equal(before, Everything());
        }
    }

    [Theory]
    [InlineData("training.steps", "0")]
    [InlineData("training.steps", "\"many\"")]
    [InlineData("training.learning_rate", "-1")]
    [InlineData("network.width", "1e9")]
    [InlineData("objective.times", "\"never\"")]
    [InlineData("class_names", "[null]")]
    [InlineData("data", "\"moons\\n\"")]
    public void A_broken_configuration_of_a_run_is_named(string field, string value)
    {
        string config = Path.Combine(_folder, "config.json");
        var json = System.Text.Json.Nodes.JsonNode.Parse(RunConfiguration.For("moons").ToJson())!.AsObject();
        string[] names = field.Split('.');
        (names.Length == 1 ? json : json[names[0]]!.AsObject())[names[^1]] = System.Text.Json.Nodes.JsonNode.Parse(value);
        File.WriteAllText(config, json.ToJsonString());
        string message = Assert.Throws<InvalidDataException>(() => RunConfiguration.Read(config)).Message;
        Assert.StartsWith(config, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("training.batch_size=2000000000", "2000000000 rows of 2 values are too many to be drawn together")]
    [InlineData("objective.coupling_batches=2000000000", "are too many to be drawn together")]
    [InlineData("network.width=65536 network.blocks=1000", "most of it for the network's weights and their averages")]
    [InlineData("training.batch_size=100000000 network.blocks=1000", "most of it for a batch on its way through the network")]
    [InlineData("objective.coupling=sinkhorn training.batch_size=1000000", "most of it for the pairs of a batch")]
    public async Task A_training_that_no_memory_holds_is_refused_before_it_begins(string settings, string expected)
    {
        TrainRun refused = await TrainRun.Of(["run", "--data", "moons", "--out", Run, .. settings.Split(' ').SelectMany(setting => (string[])["--set", setting])]);
        Assert.Equal((CommandHost.BadInput, ""), (refused.ExitCode, refused.Output));
        Assert.Contains(expected, Assert.Single(Lines(refused.Error)), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Run));
    }

    [Fact]
    public void Memory_is_asked_of_trainings_as_they_are()
    {
        RunConfiguration run = RunConfiguration.For("digits");
        Dataset digits = run.LoadData().Train;
        TrainingMemory.Require(run, digits, available: 50_000_000);
        Assert.Throws<InvalidDataException>(() => TrainingMemory.Require(run, digits, available: 5_000_000));
    }

    [Fact]
    public async Task Class_names_that_the_models_card_refuses_are_refused_before_the_training()
    {
        string idx = Directory.CreateDirectory(Path.Combine(_folder, "idx")).FullName;
        File.WriteAllBytes(Path.Combine(idx, "train-images-idx3-ubyte"), [0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 4, .. new byte[64]]);
        File.WriteAllBytes(Path.Combine(idx, "train-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 0, 1]);
        File.WriteAllLines(Path.Combine(idx, "class-names.txt"), ["cat", "cat"]);
        TrainRun refused = await TrainRun.Of("run", "--data", $"idx:{idx}", "--out", Run);
        Assert.Equal((CommandHost.BadInput, ""), (refused.ExitCode, refused.Output));
        Assert.Contains("'cat' twice", Assert.Single(Lines(refused.Error)), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Run));
    }

    [Fact]
    public async Task A_page_holds_names_of_any_characters_and_a_broken_picture_is_named()
    {
        string csv = Path.Combine(_folder, "table.csv");
        File.WriteAllText(csv, "x,kind\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"{i % 7},{(i % 2 == 0 ? "a\u0001\u001b" : "b&<")}\n")));
        TrainRun trained = await TrainRun.Of("run", "--data", $"csv:{csv}", "--label-column", "kind", "--steps", "60", "--no-tune", "--set", "network.width=8", "--set", "pictures.every=30", "--out", Run);
        Assert.Equal((CommandHost.Done, ""), (trained.ExitCode, trained.Error));
        Assert.Contains("a\uFFFD\uFFFD", XDocument.Parse(File.ReadAllText(Path.Combine(Run, "report.html"))).Root!.Value, StringComparison.Ordinal);

        File.WriteAllText(Path.Combine(Run, "evaluation.json"), "{\"figures\":[{\"name\":\"\\u0000\\u001b\",\"value\":1e999}]}");
        Assert.Equal(CommandHost.Done, (await TrainRun.Of("report", Run)).ExitCode);

        string picture = Path.Combine(Run, "pictures", "step-00000030.png");
        File.WriteAllBytes(picture, File.ReadAllBytes(picture)[..20]);
        TrainRun refused = await TrainRun.Of("report", Run);
        Assert.Equal(CommandHost.BadInput, refused.ExitCode);
        Assert.Contains($"{picture} is no picture, or a broken one. Remove it", Assert.Single(Lines(refused.Error)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"figures\":[{\"name\":\"a\\nb\",\"value\":\"x\"}]}")]
    [InlineData("{\"figures\":[{\"name\":\"\\ud800\",\"value\":1}]}")]
    [InlineData("{\"figures\":{\"\\n\":1,\"\\n\":2}}")]
    [InlineData("{\"figures\":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}")]
    [InlineData("")]
    [InlineData("\0")]
    public void A_broken_evaluation_is_named_in_one_line(string json)
    {
        string file = Path.Combine(_folder, "evaluation.json");
        File.WriteAllText(file, json, Encoding.UTF8);
        string message = Assert.Throws<InvalidDataException>(() => EvaluationFile.Read(file)).Message;
        Assert.StartsWith(file, message, StringComparison.Ordinal);
        Assert.DoesNotContain(message, char.IsControl);
    }

    /// <summary>Leaves a run that was stopped at step 250, with checkpoints of the steps 200 and 250.</summary>
    private void Stop()
    {
        using var stop = new CancellationTokenSource();
        using RunFolder folder = RunFolder.Create("--out", Run, replace: false);
        Assert.Throws<OperationCanceledException>(() => Train(folder, stop.Token, stop));
    }

    private static void Train(RunFolder folder, CancellationToken cancellationToken, CancellationTokenSource? stop = null)
    {
        RunConfiguration run = RunConfiguration.For("gaussian:1").With(["training.steps=400", "network.width=8", "network.blocks=1", "training.batch_size=16", "training.checkpoint_every=100", "pictures.every=0"]);
        DataSplit data = run.LoadData();
        using VelocityNetwork network = run.MakeNetwork(data.Train);
        using var display = new StopAt("step 250 ", stop);
        using TrainedRun trained = folder.Train(run, data, network, new TrainingDisplay(display, live: false), cancellationToken);
    }

    private string[] Checkpoints() => [.. Directory.GetFiles(Path.Combine(Run, "checkpoints")).Order(StringComparer.Ordinal)];

    private string[] Everything() => [.. Directory.GetFiles(Run, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(file => $"{file} {Convert.ToHexString(File.ReadAllBytes(file))}")];

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private sealed class StopAt(string line, CancellationTokenSource? stop) : StringWriter
    {
        public override void WriteLine(string? value)
        {
            if (value?.Contains(line, StringComparison.Ordinal) == true)
                stop?.Cancel();
        }
    }
}
