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
/// <param name="Parameters">Number of trained values.</param>
/// <param name="StepsPerSecond">Of the trainer, with clipping and a moving average; median of the rounds.</param>
/// <param name="PlainStepsPerSecond">Of the plain loop, without either; median of the rounds.</param>
/// <param name="Loss">Mean loss of the last fifth of the trainer's steps, last round.</param>
/// <param name="PlainLoss">The same of the plain loop.</param>
/// <param name="PhaseMicroseconds">Time of the parts of the trainer's step, mean of the median round.</param>
internal sealed record TrainingSpeed(
    string Network, int Batch, long Parameters, double StepsPerSecond, double PlainStepsPerSecond, double Loss, double PlainLoss,
    IReadOnlyDictionary<string, double> PhaseMicroseconds)
{
    private const double LearningRate = 1e-3;

    /// <summary>The networks that are measured.</summary>
    public static IReadOnlyList<Subject> Networks { get; } =
    [
        new("selu", Batch: 256, Steps: 4_000, () => PlaneData.Moons(), data => new SeluNetwork(data.Dimension)),
        new("mlp", Batch: 256, Steps: 2_000, () => PlaneData.Moons(), data => new MlpNetwork(data.Shape, 0, new MlpOptions { Width = 64, Blocks = 3 })),
    ];

    /// <summary>Steps a second over those of the plain loop.</summary>
    public double Ratio => StepsPerSecond / PlainStepsPerSecond;

    /// <summary>Measures both in turns, after a round that is not counted.</summary>
    public static TrainingSpeed Measure(Subject subject, int steps, int rounds, CancellationToken cancellationToken)
    {
        Dataset data = subject.Data();
        var ours = new List<Round>();
        var plain = new List<Round>();
        for (int round = 0; round <= rounds; round++)
        {
            ours.Add(RunTrainer(subject, data, steps, cancellationToken));
            plain.Add(RunPlainly(subject, data, steps, cancellationToken));
        }
        ours.RemoveAt(0);
        plain.RemoveAt(0);
        using VelocityNetwork network = subject.Network(data);
        Round median = ours.OrderBy(round => round.Seconds).ElementAt(rounds / 2);
        return new TrainingSpeed(
            subject.Name, subject.Batch, network.parameters().Sum(parameter => parameter.numel()),
            steps / median.Seconds, steps / plain.OrderBy(round => round.Seconds).ElementAt(rounds / 2).Seconds, ours[^1].Loss, plain[^1].Loss, median.Phases);
    }

    private static Round RunTrainer(Subject subject, Dataset data, int steps, CancellationToken cancellationToken)
    {
        using VelocityNetwork network = Trainer.Seeded(0, () => subject.Network(data));
        var options = new TrainingOptions { Steps = steps, BatchSize = subject.Batch, LearningRate = LearningRate, WarmupSteps = 0, Schedule = LearningRateSchedule.Constant };
        using var run = new TrainingRun(network, new ConditionalFlowMatching(data, new FlowMatchingOptions(), seed: 0), options);
        (double sum, int counted) = (0, 0);
        int last = 0;
        long started = Stopwatch.GetTimestamp();
        run.Run(report =>
        {
            if (report.Step > steps - steps / 5 || report.Step == steps)
                (sum, counted) = (sum + report.Loss * (report.Step - last), counted + report.Step - last);
            last = report.Step;
        }, cancellationToken: cancellationToken);
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        return new Round(seconds, sum / counted, Enum.GetValues<TrainingPhase>().ToDictionary(phase => phase.ToString(), phase => run.TimeOf(phase).TotalMicroseconds / steps));
    }

    /// <summary>What one writes first: the same network, objective and optimiser, and nothing of this library besides.</summary>
    private static Round RunPlainly(Subject subject, Dataset data, int steps, CancellationToken cancellationToken)
    {
        using VelocityNetwork network = Trainer.Seeded(0, () => subject.Network(data));
        using Tensor all = tensor(data.Values).reshape([data.Count, .. data.Shape.Select(size => (long)size)]);
        using var optimiser = optim.AdamW(network.parameters(), lr: LearningRate);
        long[] rows = [subject.Batch, .. data.Shape.Select(_ => 1L)];
        (double sum, int counted) = (0, 0);
        long started = Stopwatch.GetTimestamp();
        for (int step = 1; step <= steps; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            Tensor x1 = all.index_select(0, randint(0, data.Count, subject.Batch));
            Tensor x0 = randn_like(x1), t = rand(subject.Batch), share = t.reshape(rows);
            Tensor x = x0 + share * (x1 - x0);
            Tensor loss = nn.functional.mse_loss(network.Forward(TorchOps.Instance, t, x, null), x1 - x0);
            optimiser.zero_grad();
            loss.backward();
            optimiser.step();
            float value = loss.item<float>();
            if (step > steps - steps / 5 || step == steps)
                (sum, counted) = (sum + value, counted + 1);
        }
        return new Round(Stopwatch.GetElapsedTime(started).TotalSeconds, sum / counted, new Dictionary<string, double>());
    }

    /// <summary>A network to measure; without classes.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Batch">Rows a step.</param>
    /// <param name="Steps">Steps a round.</param>
    /// <param name="Data">Loads its data.</param>
    /// <param name="Network">Makes it for them.</param>
    public sealed record Subject(string Name, int Batch, int Steps, Func<Dataset> Data, Func<Dataset, VelocityNetwork> Network);

    private sealed record Round(double Seconds, double Loss, IReadOnlyDictionary<string, double> Phases);
}
