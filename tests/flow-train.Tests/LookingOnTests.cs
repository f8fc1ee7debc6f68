using System.Globalization;
using System.Text;
using System.Text.Json;
using FlowRuntime.CommandLine;
using FlowRuntime.Training;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using FlowRuntime.TrainTool.Pictures;
using FlowRuntime.TrainTool.TensorBoard;
using SkiaSharp;

namespace FlowRuntime.TrainTool.Tests;

/// <summary>What can be seen of a training that is under way: events, pictures, and the display.</summary>
public sealed class LookingOnTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flow-train-looking").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void An_event_file_holds_what_it_was_told_in_sound_records()
    {
        Assert.Equal(0xE3069283, EventRecords.Crc32C("123456789"u8)); // the check value of the catalogues
        var clock = new StoppedClock();
        byte[] png = Png(3, 2);
        using (var events = new EventFile(At("events"), 0, clock))
        {
            events.Tell(new TrainingProgress(50, 200, 1.25, 0.5, 300));
            events.Tell(100, "samples", png);
            events.Tell(new TrainingProgress(300_000, 400_000, 0.75, 0.25, 310, ValidationLoss: 0.875));
        }
        string file = Directory.GetFiles(At("events")).Single();
        Assert.Equal("events.out.tfevents.1700000000.step-00000000", Path.GetFileName(file));
        List<EventRecords.Told> told = [.. EventRecords.Read(file)];
        Assert.Equal("brain.Event:2", Encoding.UTF8.GetString(told[0].Png));
        Assert.All(told, one => Assert.Equal(1_700_000_000.5, one.WallTime));
        Assert.Equal(
            [(50L, "loss", 1.25f), (50, "learning_rate", 0.5f), (50, "steps_per_second", 300f), (100, "samples", 0f), (300_000, "loss", 0.75f), (300_000, "learning_rate", 0.25f), (300_000, "steps_per_second", 310f), (300_000, "validation_loss", 0.875f)],
            told.Skip(1).Select(one => (one.Step, one.Tag, one.Value)));
        EventRecords.Told picture = told.Single(one => one.Tag == "samples");
        Assert.Equal((3, 2), (picture.Width, picture.Height));
        Assert.Equal(png, picture.Png);
    }

    /// <summary>TensorBoard reads them in the order of their names.</summary>
    [Fact]
    public void A_file_that_is_begun_later_stands_behind_the_others_whatever_the_clock_says()
    {
        var clock = new StoppedClock();
        for (int step = 300; step >= 0; step -= 100)
            new EventFile(At("events"), step, clock).Dispose();
        Assert.Equal(
            ["events.out.tfevents.1700000000.step-00000300", "events.out.tfevents.1700000001.step-00000200", "events.out.tfevents.1700000002.step-00000100", "events.out.tfevents.1700000003.step-00000000"],
            Directory.GetFiles(At("events")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("400", "", new[] { 200, 400 })] // at least 200 steps apart
    [InlineData("300", "pictures.every=90", new[] { 90, 180, 270 })]
    [InlineData("400", "pictures.every=0", new int[0])]
    public async Task Pictures_are_drawn_as_often_as_is_said(string steps, string setting, int[] expected)
    {
        TrainRun run = await Moons("run", steps, setting.Length == 0 ? [] : ["--set", setting]);
        Assert.Equal((CommandHost.Done, ""), (run.ExitCode, run.Error));
        Assert.Equal(expected, TrainingPictures.Of(At("run/pictures")).Select(picture => picture.Step));
        Assert.Equal(expected.Length, Directory.Exists(At("run/pictures")) ? Directory.GetFileSystemEntries(At("run/pictures")).Length : 0); // no model is left there
        Assert.Equal(expected, EventRecords.Kept(At("run/tensorboard")).Where(told => told.Tag == "samples").Select(told => (int)told.Step));
    }

    [Theory]
    [InlineData("moons")]
    [InlineData("digits")]
    public async Task The_picture_after_the_last_step_is_of_the_exported_model(string data)
    {
        TrainRun run = await TrainRun.Of("run", "--data", data, "--steps", "40", "--no-tune", "--set", "network.width=16", "--set", "pictures.every=20", "--out", At("run"));
        Assert.Equal((CommandHost.Done, ""), (run.ExitCode, run.Error));
        using FlowModel model = FlowModel.Open(At("run/model.onnx"));
        DataSplit split = RunConfiguration.Read(At("run/config.json")).LoadData();
        SamplePicture.Save(At("last.png"), model, split, TrainingPictures.Solver, TestContext.Current.CancellationToken);
        byte[] last = File.ReadAllBytes(At("run/pictures/step-00000040.png"));
        Assert.Equal(File.ReadAllBytes(At("last.png")), last);
        Assert.NotEqual(last, File.ReadAllBytes(At("run/pictures/step-00000020.png")));
        EventRecords.Told told = EventRecords.Kept(At("run/tensorboard")).Last(one => one.Tag == "samples");
        using SKBitmap picture = SKBitmap.Decode(last);
        Assert.Equal(last, told.Png);
        Assert.Equal((picture.Width, picture.Height), (told.Width, told.Height));
    }

    [Fact]
    public async Task A_run_that_goes_on_from_an_earlier_checkpoint_tells_every_step_once_and_the_pictures_change_no_weight()
    {
        string[] settings = ["--set", "training.checkpoint_every=100", "--set", "training.validate_every=250"];
        await Moons("whole", "500", [.. settings, "--set", "pictures.every=120"]);
        await Moons("plain", "500", [.. settings, "--set", "pictures.every=0"]);

        RunConfiguration configuration = RunConfiguration.Read(At("whole/config.json"));
        DataSplit split = configuration.LoadData();
        using (RunFolder folder = RunFolder.Create("--out", At("stopped"), replace: false))
        using (var stop = new CancellationTokenSource())
        using (var line = new CancellingWriter(stop, "step 300 "))
        using (VelocityNetwork network = configuration.MakeNetwork(split.Train))
            Assert.Throws<OperationCanceledException>(() => folder.Train(configuration, split, network, new TrainingDisplay(line, live: false), stop.Token));
        File.Delete(At("stopped/checkpoints/step-00000300.safetensors")); // as if it had been killed before it was written
        TrainRun resumed = await TrainRun.Of("resume", At("stopped"), "--no-tune");
        Assert.Equal((CommandHost.Done, ""), (resumed.ExitCode, resumed.Error));

        byte[] weights = File.ReadAllBytes(At("plain/weights.safetensors"));
        Assert.Equal(weights, File.ReadAllBytes(At("whole/weights.safetensors")));
        Assert.Equal(weights, File.ReadAllBytes(At("stopped/weights.safetensors")));
        Assert.Equal([120, 240, 360, 480], TrainingPictures.Of(At("stopped/pictures")).Select(picture => picture.Step));
        Assert.All(TrainingPictures.Of(At("whole/pictures")).Zip(TrainingPictures.Of(At("stopped/pictures"))),
            pair => Assert.Equal(File.ReadAllBytes(pair.First.File), File.ReadAllBytes(pair.Second.File)));

        string[] files = [.. Directory.GetFiles(At("stopped/tensorboard")).Order(StringComparer.Ordinal)];
        Assert.Equal(2, files.Length);
        Assert.Contains(EventRecords.Read(files[0]), told => told.Step == 300); // it is taken back
        List<EventRecords.Told> kept = EventRecords.Kept(At("stopped/tensorboard"));
        Assert.Equal(Content(EventRecords.Kept(At("whole/tensorboard"))), Content(kept));
        Assert.Equal(
            File.ReadLines(At("stopped/metrics.jsonl")).Select(line => JsonDocument.Parse(line).RootElement).Select(line => (line.GetProperty("step").GetInt64(), (float)line.GetProperty("loss").GetDouble())),
            kept.Where(told => told.Tag == "loss").Select(told => (told.Step, told.Value)));

        static IEnumerable<(long, string, float, string)> Content(List<EventRecords.Told> told) =>
            told.Where(one => one.Tag != "steps_per_second").Select(one => (one.Step, one.Tag, one.Value, Convert.ToBase64String(one.Png)));
    }

    [Fact]
    public void A_training_on_time_has_some_ten_pictures()
    {
        RunConfiguration configuration = RunConfiguration.For("gaussian:1").With(["network.width=8", "network.blocks=1", "training.batch_size=4", "training.minutes=1"]);
        DataSplit split = configuration.LoadData();
        using VelocityNetwork network = configuration.MakeNetwork(split.Train);
        var objective = new ConditionalFlowMatching(split.Train, configuration.MakeObjective(), 0);
        using var training = new TrainingRun(network, objective, configuration.Training, clock: new TickingClock(TimeSpan.FromSeconds(0.002))); // it is read some twelve times a step
        using var pictures = new TrainingPictures(At("pictures"), configuration, split, training);
        var drawn = new List<int>();
        training.Run(afterStep: () =>
        {
            if (pictures.Draw() is not null)
                drawn.Add(training.Step);
        }, cancellationToken: TestContext.Current.CancellationToken);
        Assert.InRange(training.Step, 2_000, 3_000);
        Assert.Equal(10, drawn.Count);
        Assert.All(drawn.Select((step, i) => step - (i == 0 ? 0 : drawn[i - 1])), apart => Assert.InRange(apart, 200, 300));
    }

    [Fact]
    public void The_display_tells_ten_lines_with_the_time_that_is_left_at_the_speed_so_far()
    {
        var clock = new TickingClock(TimeSpan.FromSeconds(1)); // read once at the start and once for each line
        using var output = new StringWriter { NewLine = "\n" };
        new TrainingDisplay(output, live: false, clock).Show(1_000, 11_000, show =>
        {
            for (int step = 1_050; step <= 11_000; step += 50)
            {
                clock.Pass(TimeSpan.FromSeconds(49));
                show(new TrainingProgress(step, 11_000, 0.5, 1e-3, 123.4, step == 2_000 ? 0.25 : null));
            }
        });
        string[] lines = output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(10, lines.Length);
        Assert.Equal("step 1100 of 11000  loss 0.5000  123 steps/s  2:45:00 left", lines[0]); // 9,900 steps at one a second
        Assert.Equal("step 2200 of 11000  loss 0.5000  held out 0.2500  123 steps/s  2:26:40 left", lines[1]);
        Assert.Equal("step 9900 of 11000  loss 0.5000  held out 0.2500  123 steps/s  18:20 left", lines[8]);
        Assert.Equal("step 11000 of 11000  loss 0.5000  held out 0.2500  123 steps/s", lines[9]);
    }

    private string At(string name) => Path.Combine(_folder, name);

    private Task<TrainRun> Moons(string name, string steps, string[] more) => TrainRun.Of(
        ["run", "--data", "moons", "--steps", steps, "--no-tune", "--set", "network.width=16", "--set", "training.batch_size=64", "--out", At(name), .. more]);

    private static byte[] Png(int width, int height)
    {
        using var bitmap = new SKBitmap(width, height);
        using SKData png = bitmap.Encode(SKEncodedImageFormat.Png, quality: 100);
        return png.ToArray();
    }

    /// <summary>Cancels when a line that begins so is written.</summary>
    private sealed class CancellingWriter(CancellationTokenSource source, string beginning) : StringWriter(CultureInfo.InvariantCulture)
    {
        public override void WriteLine(string? value)
        {
            if (value!.StartsWith(beginning, StringComparison.Ordinal))
                source.Cancel();
        }
    }

    private sealed class StoppedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_500);
    }

    /// <summary>A clock that moves on by the same time whenever it is read.</summary>
    private sealed class TickingClock(TimeSpan tick) : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now += tick.Ticks;

        public void Pass(TimeSpan time) => _now += time.Ticks;
    }
}
