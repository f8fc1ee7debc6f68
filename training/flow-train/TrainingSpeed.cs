using System.Diagnostics;
using FlowRuntime.Training;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using FlowRuntime.Training.Optimisation;
using FlowRuntime.TrainTool.Bench2d;
using static TorchSharp.torch;

namespace FlowRuntime.TrainTool;

/// <summary>How fast a network is trained, beside the plainest loop.</summary>
/// <param name="Network">The network.</param>
/// <param name="Batch">Rows a step.</param>
/// <param name="Threads">Threads of the trainer.</param>
/// <param name="Precision">The numbers that the trainer computes in; the plain loop's are float32.</param>
/// <param name="Parameters">Number of trained values.</param>
/// <param name="StepsPerSecond">Of the trainer, with clipping and a moving average; median of the rounds.</param>
/// <param name="Plain">Of the plain loop, without either: medians of the rounds, by how it ran.</param>
/// <param name="Loss">Mean loss of all the trainer's steps, from the first to the last.</param>
/// <param name="PlainLoss">The same of the plain loop, with the same first weights and other draws.</param>
/// <param name="PhaseMicroseconds">Time of the parts of the trainer's step, mean of the median round.</param>
internal sealed record TrainingSpeed(
    string Network, int Batch, int Threads, TrainingPrecision Precision, long Parameters, double StepsPerSecond, IReadOnlyDictionary<string, double> Plain,
    double Loss, double PlainLoss, IReadOnlyDictionary<string, double> PhaseMicroseconds)
{
    private const double LearningRate = 1e-3;

    /// <summary>The networks that are measured.</summary>
    public static IReadOnlyList<Subject> Networks { get; } =
    [
        new("selu", Batch: 256, Steps: 4_000, () => PlaneData.Moons(), data => new SeluNetwork(data.Dimension)),
        new("mlp", Batch: 256, Steps: 2_000, () => PlaneData.Moons(), data => new MlpNetwork(data.Shape, 0, new MlpOptions { Width = 64, Blocks = 3 })),
        new("unet", Batch: 64, Steps: 30, () => Enlarged(Digits.Load()), data => new UNetNetwork(data.Shape, 0, new UNetOptions())),
    ];

    /// <summary>Steps a second over those of the plain loop where it was fastest.</summary>
    public double Ratio => StepsPerSecond / Plain.Values.Max();

    /// <summary>
    /// Measures the networks: the plain loop of each as torch and the process start, and then, with the allocator set for good, in turns the trainer, the plain loop with
    /// one thread of torch and that with as many as the trainer has. A round that is not counted goes before each.
    /// </summary>
    public static IReadOnlyList<TrainingSpeed> Measure(
        IReadOnlyList<Subject> subjects, int? steps, int rounds, int threads, TrainingPrecision precision, CancellationToken cancellationToken)
    {
        Round[] asItStarts = [.. subjects.Select(subject => Median([.. Enumerable.Range(0, rounds + 1).Select(_ => RunPlainly(subject, steps ?? subject.Steps, cancellationToken))]))];
        Allocator.KeepFreedMemory();
        return [.. subjects.Select((subject, i) => Measure(subject, asItStarts[i], steps ?? subject.Steps, rounds, threads, precision, cancellationToken))];
    }

    private static TrainingSpeed Measure(
        Subject subject, Round asItStarts, int steps, int rounds, int threads, TrainingPrecision precision, CancellationToken cancellationToken)
    {
        var ours = new List<Round>();
        int[] plainThreads = [.. new[] { 1, threads }.Distinct()];
        List<Round>[] plain = [.. plainThreads.Select(_ => new List<Round>())];
        for (int round = 0; round <= rounds; round++)
        {
            ours.Add(RunTrainer(subject, steps, threads, precision, cancellationToken));
            for (int i = 0; i < plain.Length; i++)
            {
                set_num_threads(plainThreads[i]);
                plain[i].Add(RunPlainly(subject, steps, cancellationToken));
            }
        }
        var speeds = new Dictionary<string, double> { ["as it starts"] = steps / asItStarts.Seconds };
        for (int i = 0; i < plain.Length; i++)
            speeds[$"memory kept, {plainThreads[i]} thread{(plainThreads[i] > 1 ? "s" : "")}"] = steps / Median(plain[i]).Seconds;
        using VelocityNetwork network = subject.Network(subject.Data());
        Round median = Median(ours);
        return new TrainingSpeed(
            subject.Name, subject.Batch, threads, precision, network.parameters().Sum(parameter => parameter.numel()), steps / median.Seconds, speeds,
            median.Loss, asItStarts.Loss, median.Phases);
    }

    /// <summary>By time, without the first.</summary>
    private static Round Median(IReadOnlyList<Round> rounds) => rounds.Skip(1).OrderBy(round => round.Seconds).ElementAt((rounds.Count - 1) / 2);

    /// <summary>Each pixel of 8×8 as 3×3, with a border of 2: images of 28×28, for which only the speed matters.</summary>
    private static Dataset Enlarged(Dataset digits)
    {
        float[] values = new float[digits.Count * 28 * 28];
        Array.Fill(values, -1);
        for (int image = 0; image < digits.Count; image++)
        {
            float[] small = digits[image];
            for (int pixel = 0; pixel < 24 * 24; pixel++)
                values[(image * 28 + 2 + pixel / 24) * 28 + 2 + pixel % 24] = small[pixel / 72 * 8 + pixel % 24 / 3];
        }
        return new Dataset("digits of 28×28", [1, 28, 28], values, digits.Card);
    }

    private static Round RunTrainer(Subject subject, int steps, int threads, TrainingPrecision precision, CancellationToken cancellationToken)
    {
        Dataset data = subject.Data();
        using VelocityNetwork network = Trainer.Seeded(0, () => subject.Network(data));
        var options = new TrainingOptions
        {
            Steps = steps,
            BatchSize = subject.Batch,
            LearningRate = LearningRate,
            WarmupSteps = 0,
            Schedule = LearningRateSchedule.Constant,
            Threads = threads,
            Precision = precision,
        };
        using var run = new TrainingRun(network, new ConditionalFlowMatching(data, new FlowMatchingOptions(), seed: 0), options);
        double sum = 0;
        int last = 0;
        long started = Stopwatch.GetTimestamp();
        run.Run(report =>
        {
            sum += report.Loss * (report.Step - last);
            last = report.Step;
        }, cancellationToken: cancellationToken);
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        return new Round(seconds, sum / steps, Enum.GetValues<TrainingPhase>().ToDictionary(phase => phase.ToString(), phase => run.TimeOf(phase).TotalMicroseconds / steps));
    }

    /// <summary>What one writes first: the same network, objective and optimiser, and nothing of this library besides.</summary>
    private static Round RunPlainly(Subject subject, int steps, CancellationToken cancellationToken)
    {
        Dataset data = subject.Data();
        using VelocityNetwork network = Trainer.Seeded(0, () => subject.Network(data));
        using Tensor all = tensor(data.Values).reshape([data.Count, .. data.Shape.Select(size => (long)size)]);
        using var optimiser = optim.AdamW(network.parameters(), lr: LearningRate);
        long[] rows = [subject.Batch, .. data.Shape.Select(_ => 1L)];
        double sum = 0;
        long started = Stopwatch.GetTimestamp();
        for (int step = 1; step <= steps; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            Tensor x1 = all.index_select(0, randint(0, data.Count, subject.Batch));
            Tensor x0 = randn_like(x1), t = rand(subject.Batch), share = t.reshape(rows);
            Tensor x = x0 + share * (x1 - x0);
            Tensor loss = nn.functional.mse_loss(network.Forward(TorchOps.Instance, t, x), x1 - x0);
            optimiser.zero_grad();
            loss.backward();
            optimiser.step();
            sum += loss.item<float>();
        }
        return new Round(Stopwatch.GetElapsedTime(started).TotalSeconds, sum / steps, new Dictionary<string, double>());
    }

    /// <summary>A network to measure; without classes.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Batch">Rows a step.</param>
    /// <param name="Steps">Steps a round.</param>
    /// <param name="Data">Loads its data, without classes.</param>
    /// <param name="Network">Makes it for them.</param>
    public sealed record Subject(string Name, int Batch, int Steps, Func<Dataset> Data, Func<Dataset, VelocityNetwork> Network);

    private sealed record Round(double Seconds, double Loss, IReadOnlyDictionary<string, double> Phases);
}
