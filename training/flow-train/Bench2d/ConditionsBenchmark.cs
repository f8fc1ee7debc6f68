using FlowRuntime.Cards;
using FlowRuntime.Ode;
using FlowRuntime.Training;
using FlowRuntime.Training.Couplings;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Metrics;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using FlowRuntime.Training.Optimisation;

namespace FlowRuntime.TrainTool.Bench2d;

/// <summary>
/// Eight Gaussians to moons, without a condition and with the moon as class: 20,000 steps of 256 rows cut from couplings of 1,024, Adam at
/// 3e-4; 10,000 points are carried by Dopri5 at 1e-4 and judged by the exact W2² to 10,000 points of the data.
/// </summary>
/// <remarks>
/// The network is this project's perceptron of three residual blocks of 128, as wide and deep as theirs but not the same. Source: Cheng and Schwing 2025, "The Curse of
/// Conditions", and the authors' program.
/// </remarks>
internal static class ConditionsBenchmark
{
    public const string Name = "conditions";

    /// <summary>The ways to train, each with what was published for it: mean W2² over 10 seeds.</summary>
    public static readonly (string Task, string Method, string? Published)[] Runs =
    [
        ("unconditional", "FM", ".120 ± .045"), ("unconditional", "OT", ".050 ± .040"),
        ("class", "FM", ".059 ± .029"), ("class", "OT", ".462 ± .025"), ("class", "C2OT", ".018 ± .006"),
    ];

    private const int CouplingBatches = 4;

    private static readonly AdaptiveSteps Adaptive = new() { Method = ButcherTableau.Dopri5, RelativeTolerance = 1e-4, AbsoluteTolerance = 1e-4 };

    private static readonly Lazy<double> Floor = new(() => FloorOf(conditional: false)), ConditionalFloor = new(() => FloorOf(conditional: true));

    /// <summary>
    /// W2² between the points that samples are judged by and as many drawn at random from the law, whose angles are not evenly spaced; with a
    /// condition as many of each moon.
    /// </summary>
    private static double FloorOf(bool conditional)
    {
        Dataset law = BenchmarkData.C2otMoons(100_000, seed: 1_000), judged = BenchmarkData.C2otMoons(seed: 1);
        int[] order = DataSplit.Shuffle(law.Count, seed: 1_000);
        int[] drawn = conditional ? [.. judged.Labels!.CountBy(label => label).SelectMany(moon => order.Where(row => law.Labels![row] == moon.Key).Take(moon.Value))] : order[..judged.Count];
        return Wasserstein.Squared(law.Select(drawn).Values, judged.Values, 2);
    }

    /// <summary>Trains and judges one seed.</summary>
    public static IEnumerable<Figure> Run(string task, string method, int seed, int steps, CancellationToken cancellationToken)
    {
        bool conditional = task == "class";
        // Their batches are made anew; 100,000 points hold as many draws of a row as makes no difference.
        Dataset all = BenchmarkData.C2otMoons(100_000, seed: 0), judged = BenchmarkData.C2otMoons(seed: 1);
        Dataset data = conditional ? all : new Dataset(all.Name, all.Shape, all.Values, all.Card);
        var objective = new FlowMatchingOptions
        {
            Source = BenchmarkData.C2otSource(100_000, seed: 0),
            ClassDropout = 0,
            CouplingBatches = CouplingBatches,
            Coupling = method switch
            {
                "FM" => new IndependentCoupling(),
                "OT" => new OptimalTransportCoupling(),
                _ => new ConditionalOptimalTransportCoupling(),
            },
        };
        using TrainedModel model = TrainedModel.Train(
            () => new MlpNetwork([2], conditional ? 2 : 0, new MlpOptions { Width = 128, Blocks = 3 }), new PathCard(PathKind.ConditionalOt), data, objective,
            new TrainingOptions
            {
                Steps = steps,
                BatchSize = 256,
                LearningRate = 3e-4,
                WeightDecay = 0,
                WarmupSteps = 0,
                ClipNorm = double.PositiveInfinity,
                EmaDecay = 0,
                Schedule = LearningRateSchedule.Constant,
                Seed = (ulong)seed,
            }, cancellationToken);
        float[] starts = BenchmarkData.C2otSource(seed: 2 + (ulong)seed).Values;
        var carried = model.Carry(starts, Adaptive, conditional ? judged.Labels : null);
        string? published = Array.Find(Runs, run => run.Task == task && run.Method == method).Published;
        return
        [
            new Figure(Name, task, method, "W2²", [Wasserstein.Squared(carried.Values, judged.Values, 2)], (conditional ? ConditionalFloor : Floor).Value, published),
            new Figure(Name, task, method, "evaluations at 1e-4", [carried.Evaluations.Average()]),
        ];
    }
}
