using FlowRuntime.Sampling;
using FlowRuntime.Training.Checkpoints;
using FlowRuntime.Training.Couplings;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using FlowRuntime.Training.Optimisation;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Tests;

/// <summary>Trainings that are stopped and gone on with, several averages, accumulated gradients, held-out losses, and ends on time.</summary>
public sealed class TrainingRunTests : IDisposable
{
    private static readonly TrainingOptions Short = new() { Steps = 130, BatchSize = 16, WarmupSteps = 20, ValidateEvery = 40 };
    private static readonly FlowMatchingOptions Plain = new();
    private static readonly DataSplit Split = DataSplit.Of(Points(400, seed: 1));

    private readonly string _folder = Directory.CreateTempSubdirectory("flow-training").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string> Kinds => ["plain", "averages", "accumulation", "coupled", "classes and weights", "two threads"];

    [Theory, MemberData(nameof(Kinds))]
    public void A_training_stopped_anywhere_and_gone_on_with_is_the_uninterrupted_one_to_the_last_bit(string kind)
    {
        (TrainingOptions options, FlowMatchingOptions objective, DataSplit data) = kind switch
        {
            "averages" => (Short with { EmaDecay = 0.9, MoreEmaDecays = [0, 0.99] }, Plain, Split),
            "accumulation" => (Short with { Accumulation = 3 }, Plain, Split),
            "two threads" => (Short with { Threads = 2, BatchSize = 17 }, Plain, Split),
            "coupled" => (Short, Plain with { Coupling = new OptimalTransportCoupling(), CouplingBatches = 4 }, Split),
            "classes and weights" => (Short, Plain with { Prediction = Cards.PredictionKind.Noise }, DataSplit.Of(Points(400, seed: 1, classes: 3))),
            _ => (Short, Plain, Split),
        };
        Outcome whole = Train(options, objective, data);
        foreach (int[] stops in (int[][])[[1], [50], [37, 90], [129]])
        {
            string folder = Path.Combine(_folder, string.Join('-', stops));
            Outcome stopped = Train(options, objective, data, folder, stops);
            Assert.Equal(whole.Weights, stopped.Weights);
            Assert.Equal(whole.MoreAverages, stopped.MoreAverages);
            Assert.Equal(whole.Losses, stopped.Losses);
        }
    }

    [Fact]
    public void A_killed_training_goes_on_from_its_last_checkpoint()
    {
        Outcome whole = Train(Short, Plain, Split);
        string killed = Path.Combine(_folder, "killed");
        var folder = new CheckpointFolder(killed);
        using (var run = new TrainingRun(Network(Split), Objective(Split), Short with { CheckpointEvery = 30 }, Split.HeldOut, folder))
            Assert.Throws<TimeoutException>(() => run.Run(report => throw new TimeoutException())); // at step 40, as abrupt as it can be inside a process
        Assert.Equal(["step-00000000", "step-00000030"], Steps(killed));
        File.WriteAllBytes(Path.Combine(killed, "step-00000040.safetensors.partial"), [1, 2, 3]); // it was being written
        Assert.Equal(whole.Weights, Train(Short, Plain, Split, killed, []).Weights);
        Assert.Empty(Directory.GetFiles(killed, "*.partial"));
    }

    [Fact]
    public void The_last_three_checkpoints_are_kept()
    {
        string kept = Path.Combine(_folder, "kept");
        Train(Short with { CheckpointEvery = 20 }, Plain, Split, kept, []);
        Assert.Equal(["step-00000080", "step-00000100", "step-00000120"], Steps(kept));
    }

    [Theory, InlineData("cut"), InlineData("bit"), InlineData("header"), InlineData("empty")]
    public void A_damaged_checkpoint_is_passed_over_with_a_message_for_the_one_before(string damage)
    {
        Outcome whole = Train(Short, Plain, Split);
        string path = Path.Combine(_folder, "damaged");
        Train(Short with { CheckpointEvery = 20 }, Plain, Split, path, []);
        string newest = Path.Combine(path, "step-00000120.safetensors");
        byte[] bytes = File.ReadAllBytes(newest);
        switch (damage)
        {
            case "cut": bytes = bytes[..^100]; break;
            case "bit": bytes[^100] ^= 4; break;
            case "header": bytes[bytes.AsSpan().IndexOf("\"step\":\"120\""u8) + 8] = (byte)'2'; break; // step 220
            case "empty": bytes = []; break;
        }
        File.WriteAllBytes(newest, bytes);
        var warnings = new List<string>();
        Assert.Equal(100, new CheckpointFolder(path, warnings.Add).Newest!.Value.Step);
        Assert.Contains("step-00000120.safetensors is passed over", Assert.Single(warnings));
        Assert.Equal(whole.Weights, Train(Short with { CheckpointEvery = 20 }, Plain, Split, path, []).Weights);
        Assert.Equal(120, new CheckpointFolder(path).Newest!.Value.Step); // written again
    }

    [Fact]
    public void A_checkpoint_of_another_network_or_other_averages_is_refused_by_name()
    {
        string path = Path.Combine(_folder, "other");
        Train(Short, Plain, Split, path, []);
        var folder = new CheckpointFolder(path);
        using MlpNetwork wide = Trainer.Seeded(0, () => new MlpNetwork([2], 0, new MlpOptions { Width = 12, Blocks = 1, Frequencies = 2 }));
        Assert.Contains("belongs to another network", Assert.Throws<InvalidDataException>(() => new TrainingRun(wide, Objective(Split), Short, null, folder)).Message);
        using MlpNetwork same = Network(Split);
        Assert.Contains("'average.0.5.", Assert.Throws<InvalidDataException>(() => new TrainingRun(same, Objective(Split), Short with { EmaDecay = 0.5 }, null, folder)).Message);
    }

    [Fact]
    public void Every_average_is_what_a_training_of_that_decay_alone_exports()
    {
        Outcome both = Train(Short with { EmaDecay = 0.9, MoreEmaDecays = [0.99, 0.9] }, Plain, Split);
        Assert.Equal(Train(Short with { EmaDecay = 0.9 }, Plain, Split).Weights, both.Weights);
        Assert.Equal(Train(Short with { EmaDecay = 0.99 }, Plain, Split).Weights, both.MoreAverages);
    }

    [Fact]
    public void Four_batches_accumulated_train_as_one_four_times_as_large()
    {
        TrainingOptions few = Short with { Steps = 20 };
        float[] one = Train(few with { BatchSize = 64 }, Plain, Split).Weights;
        float[] four = Train(few with { BatchSize = 16, Accumulation = 4 }, Plain, Split).Weights;
        Assert.Equal(one, four, (a, b) => Math.Abs(a - b) < 1e-4);
        Assert.NotEqual(one, Train(few with { BatchSize = 16, Accumulation = 3 }, Plain, Split).Weights, (a, b) => Math.Abs(a - b) < 1e-4);
    }

    [Fact]
    public void A_batch_in_two_halves_trains_as_one_in_one_up_to_rounding()
    {
        TrainingOptions few = Short with { Steps = 20, BatchSize = 17 }; // halves of 9 and 8 rows
        FlowMatchingOptions weighted = Plain with { Prediction = Cards.PredictionKind.Noise };
        DataSplit classes = DataSplit.Of(Points(400, seed: 1, classes: 3));
        Outcome one = Train(few, weighted, classes), two = Train(few with { Threads = 2 }, weighted, classes);
        Assert.Equal(one.Weights, two.Weights, (a, b) => Math.Abs(a - b) < 1e-4);
        Assert.Equal(one.Losses.Select(report => report.Loss), two.Losses.Select(report => report.Loss), (a, b) => Math.Abs(a - b) < 1e-5);
        Assert.Equal(Train(few with { BatchSize = 1 }, Plain, Split).Weights, Train(few with { BatchSize = 1, Threads = 2 }, Plain, Split).Weights); // one row has no halves
    }

    [Fact]
    public void What_fails_in_the_second_half_of_a_batch_ends_the_training()
    {
        using var network = new SecondHalfFails();
        using var run = new TrainingRun(network, Objective(Split), Short with { Threads = 2 });
        Assert.Equal("on another thread", Assert.Throws<InvalidOperationException>(() => run.Run()).Message);
    }

    [Fact]
    public void The_loss_on_held_out_rows_changes_no_training_and_does_not_depend_on_the_trainings_draws()
    {
        Outcome measured = Train(Short, Plain, Split), unmeasured = Train(Short with { ValidateEvery = 1000 }, Plain, Split);
        Assert.Equal(unmeasured.Weights, measured.Weights);
        // The decay 0 and the learning rate next to nothing: the weights stand still, and only the draws change.
        TrainingOptions still = Short with { LearningRate = 1e-30, WeightDecay = 0, EmaDecay = 0 };
        double[] losses = [.. Reports(still, seed: 0), .. Reports(still, seed: 7), .. Reports(still with { BatchSize = 64 }, seed: 0)];
        Assert.Equal(3 * 4, losses.Length); // at 40, 80, 120 and the end
        Assert.All(losses, loss => Assert.Equal(losses[0], loss, 1e-6));
    }

    [Fact]
    public void The_loss_on_held_out_rows_is_that_of_the_exported_average()
    {
        double last = Reports(Short, seed: 0)[^1];
        using MlpNetwork network = Network(Split);
        using (var run = new TrainingRun(network, Objective(Split), Short))
            run.Run();
        using var loss = new HeldOutLoss(network, Split.HeldOut, Plain, Short.BatchSize, CPU);
        Assert.Equal(loss.Measure(), last);
    }

    [Fact]
    public void A_training_by_the_clock_ends_on_time_with_its_learning_rate_fallen_and_keeps_its_time_when_stopped()
    {
        var clock = new StepClock(TimeSpan.FromSeconds(0.01));
        TrainingOptions timed = Short with { Minutes = 1, CheckpointEvery = 100_000 };
        string path = Path.Combine(_folder, "timed");
        using var stop = new CancellationTokenSource();
        var reports = new List<TrainingProgress>();
        using (var run = new TrainingRun(Network(Split), Objective(Split), timed, null, new CheckpointFolder(path), clock))
        {
            Assert.Throws<OperationCanceledException>(() => run.Run(report =>
            {
                reports.Add(report);
                if (report.Step == 300)
                    stop.Cancel();
            }, cancellationToken: stop.Token));
        }
        clock.Pass(TimeSpan.FromHours(1)); // nobody trains: this time does not count
        using (var run = new TrainingRun(Network(Split), Objective(Split), timed, null, new CheckpointFolder(path), clock))
        {
            Assert.Equal(300, run.Step);
            run.Run(reports.Add);
        }
        TrainingProgress last = reports[^1], before = reports[reports.FindIndex(report => report.Step == 300)];
        Assert.Equal(last.Step, last.Steps);
        Assert.InRange(before.Steps, 0.95 * last.Step, 1.05 * last.Step); // it knew where it would end
        Assert.InRange(last.LearningRate, 0, 1e-4 * timed.LearningRate);
        double share = 300.0 / last.Step;
        Assert.Equal(timed.LearningRate * 0.5 * (1 + Math.Cos(Math.PI * share)), before.LearningRate, 0.02 * timed.LearningRate);
    }

    [Fact]
    public void A_rate_by_the_clock_rises_over_its_steps_and_falls_over_the_time()
    {
        var rate = new LearningRate(2, WarmupSteps: 10, Steps: 1);
        Assert.Equal([0.2, 2, 1, 0, 0], [rate.At(0, 0), rate.At(9, 0), rate.At(500, 0.5), rate.At(900, 1), rate.At(900, 1.5)], (a, b) => Math.Abs(a - b) < 1e-12);
        Assert.Equal(2, (rate with { Schedule = LearningRateSchedule.Constant }).At(900, 1));
    }

    [Fact]
    public void Weights_that_fit_are_taken_and_those_that_do_not_are_told()
    {
        using MlpNetwork network = Network(Split);
        using MlpNetwork classes = Trainer.Seeded(4, () => new MlpNetwork([2], 3, new MlpOptions { Width = 8, Blocks = 1, Frequencies = 3 }));
        string file = Path.Combine(_folder, "w.safetensors");
        Safetensors.Write(file, network.state_dict());
        Dictionary<string, Tensor> tensors = classes.named_parameters().ToDictionary(entry => entry.name, entry => (Tensor)entry.parameter);
        float[] time = Values(tensors["_condition._time.weight"]);
        IReadOnlyList<string> differences = Safetensors.ReadFitting(file, tensors);
        Assert.Equal(2, differences.Count);
        Assert.Contains("the tensor '_condition._time.weight' is F32 [8, 4], not F32 [8, 6]", differences);
        Assert.Contains("there is no tensor '_condition._label'", differences);
        Assert.Equal(time, Values(tensors["_condition._time.weight"]));
        Assert.Equal(Values(network.state_dict()["_input.weight"]), Values(tensors["_input.weight"]));
        var nothing = new Dictionary<string, Tensor> { ["other"] = zeros(2) };
        Assert.Contains("none of the network's 1 tensors fits", Assert.Throws<InvalidDataException>(() => Safetensors.ReadFitting(file, nothing)).Message);
    }

    [Fact]
    public void Who_looks_on_sees_the_weights_that_a_training_of_so_many_steps_exports_and_changes_nothing()
    {
        TrainingOptions flat = Short with { WarmupSteps = 0, Schedule = LearningRateSchedule.Constant };
        const int looked = 60;
        var seen = new List<int>();
        float[] average = [], weights;
        using (MlpNetwork network = Network(Split), other = Network(Split))
        using (var run = new TrainingRun(network, Objective(Split), flat, Split.HeldOut))
        {
            run.Run(afterStep: () =>
            {
                seen.Add(run.Step);
                run.CopyAverageTo(other);
                if (run.Step == looked)
                    average = [.. other.parameters().SelectMany(Values)];
            });
            weights = [.. network.parameters().SelectMany(Values)];
            Assert.Equal(weights, other.parameters().SelectMany(Values));
        }
        Assert.Equal(Enumerable.Range(1, flat.Steps), seen);
        Assert.Equal(Train(flat, Plain, Split).Weights, weights);
        Assert.Equal(Train(flat with { Steps = looked }, Plain, Split).Weights, average);
    }

    [Fact]
    public void Cuda_is_refused_where_there_is_none()
    {
        Assert.SkipWhen(cuda.is_available(), "There is a CUDA device here.");
        using MlpNetwork network = Network(Split);
        Assert.Contains("training.device", Assert.Throws<NotSupportedException>(() =>
            new TrainingRun(network, Objective(Split), Short with { Device = TrainingDevice.Cuda })).Message);
    }

    private static string?[] Steps(string folder) => [.. Directory.GetFiles(folder).Select(Path.GetFileNameWithoutExtension).Order()];

    private static float[] Values(Tensor tensor) => tensor.data<float>().ToArray();

    /// <summary>Trains, with a stop after each of the given steps.</summary>
    private static Outcome Train(TrainingOptions options, FlowMatchingOptions objective, DataSplit data, string? folder = null, int[]? stops = null)
    {
        var losses = new List<(int, double, double?)>();
        foreach (int stop in (int[])[.. stops ?? [], int.MaxValue])
        {
            using MlpNetwork network = Network(data);
            using var source = new CancellationTokenSource();
            var clock = new CancelAtStep(source, stop);
            var draws = new ConditionalFlowMatching(data.Train, objective, seed: 0);
            using var run = new TrainingRun(network, draws, options, data.HeldOut, folder is null ? null : new CheckpointFolder(folder), clock);
            clock.Run = run;
            try
            {
                run.Run(report => losses.Add((report.Step, report.Loss, report.ValidationLoss)), cancellationToken: source.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Equal(stop, run.Step);
                continue;
            }
            using var scope = NewDisposeScope();
            return new Outcome(
                [.. network.parameters().SelectMany(Values)], [.. run.MoreAverages().Values.SelectMany(Values)], losses);
        }
        throw new InvalidOperationException("The training was stopped and not gone on with.");
    }

    private static double[] Reports(TrainingOptions options, ulong seed)
    {
        var losses = new List<double>();
        using MlpNetwork network = Network(Split);
        using var run = new TrainingRun(network, new ConditionalFlowMatching(Split.Train, Plain, seed), options, Split.HeldOut);
        run.Run(report => losses.AddRange(report.ValidationLoss is { } loss ? [loss] : []));
        return [.. losses];
    }

    private static ConditionalFlowMatching Objective(DataSplit data) => new(data.Train, Plain, seed: 0);

    private static MlpNetwork Network(DataSplit data) => Trainer.Seeded(2, () =>
    {
        var network = new MlpNetwork([2], data.Train.ClassNames?.Count ?? 0, new MlpOptions { Width = 8, Blocks = 1, Frequencies = 2 });
        using var noGradient = no_grad();
        nn.init.normal_(network.state_dict()["_output.weight"], 0, 0.3); // it starts at zero, and no loss would depend on what stands before it
        return network;
    });

    private static Dataset Points(int count, ulong seed, int classes = 0)
    {
        float[] values = new float[2 * count];
        Noise.Fill(seed, 0, values);
        for (int i = 0; i < values.Length; i++)
            values[i] = 0.4f * values[i] + (i % 2 == 0 ? 1 : -0.5f) * (i / 2 % 2);
        return classes == 0 ? new Dataset("points", [2], values, new())
            : new Dataset("points", [2], values, new(), [.. Enumerable.Range(0, count).Select(i => i % classes)], [.. Enumerable.Range(0, classes).Select(i => $"{i}")]);
    }

    private sealed record Outcome(float[] Weights, float[] MoreAverages, List<(int Step, double Loss, double? HeldOut)> Losses);

    /// <summary>The system's clock, which cancels when it is read after a step.</summary>
    private sealed class CancelAtStep(CancellationTokenSource source, int step) : TimeProvider
    {
        public TrainingRun? Run { get; set; }

        public override long GetTimestamp()
        {
            if (Run?.Step == step)
                source.Cancel();
            return base.GetTimestamp();
        }
    }

    /// <summary>A clock that moves on by the same time whenever it is read.</summary>
    private sealed class StepClock(TimeSpan tick) : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now += tick.Ticks;

        public void Pass(TimeSpan time) => _now += time.Ticks;
    }

    /// <summary>A network that can be asked by the thread alone that made it.</summary>
    private sealed class SecondHalfFails : VelocityNetwork
    {
        private readonly int _thread = Environment.CurrentManagedThreadId;
        private readonly TorchSharp.Modules.Linear _layer = nn.Linear(2, 2);

        public SecondHalfFails() : base("fails", [2], 0) => RegisterComponents();

        public override T Forward<T>(ITensorOps<T> ops, T t, T x, ConditionInputs<T> given) where T : class => Environment.CurrentManagedThreadId == _thread ? ops.Linear(x, _layer)
            : throw new InvalidOperationException("on another thread");
    }
}
