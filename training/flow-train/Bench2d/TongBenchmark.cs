using FlowRuntime.Cards;
using FlowRuntime.Ode;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;
using FlowRuntime.Training;
using FlowRuntime.Training.Couplings;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Metrics;
using FlowRuntime.Training.Objectives;
using FlowRuntime.Training.Optimisation;

namespace FlowRuntime.TrainTool.Bench2d;

/// <summary>
/// The four tasks of Tong et al.: 10,000 points to train on, 20,000 steps of 512 rows, AdamW at 1e-3 without schedule, average or clipping;
/// 1,000 held-out points are carried by 100 Euler steps and compared with 1,000 held-out ones.
/// </summary>
/// <remarks>
/// The noise of 0.1 stays in the samples: from narrow curves such as the moons even a perfect model is about 0.1 away.
/// "recipe" adds what this trainer does by default: a moving average of the weights and a falling learning rate. Source: Tong et al. 2024,
/// "Improving and Generalizing Flow-Based Generative Models with Minibatch Optimal Transport", and the authors' program.
/// </remarks>
internal static class TongBenchmark
{
    public const string Name = "tong";
    public static readonly string[] Tasks = ["noise-8gaussians", "moons-8gaussians", "noise-moons", "noise-s-curve"];

    private const int Points = 12_000, TrainingPoints = 10_000, TestPoints = 1_000;
    private const double Noise = 0.1;
    private const ulong FirstSeed = 42, SplitSeed = 42, FloorSeed = 1_000;

    private static readonly AdaptiveSteps Adaptive = new() { Method = ButcherTableau.Dopri5, RelativeTolerance = 1e-4, AbsoluteTolerance = 1e-4 };

    /// <summary>Published W2: Tong et al., table 2 as remembered by others (unchecked), and Shi et al., table 2, with 20 Euler steps.</summary>
    private static readonly Dictionary<(string Task, string Method), string> PublishedDistance = new()
    {
        [("moons-8gaussians", "OT-CFM")] = "0.716 (Shi et al.)",
        [("moons-8gaussians", "I-CFM")] = "1.522 (Shi et al., rectified flow)",
        [("noise-8gaussians", "OT-CFM")] = "0.253 (Shi et al.)",
        [("noise-8gaussians", "I-CFM")] = "0.267 (Shi et al., rectified flow)",
        [("noise-moons", "OT-CFM")] = "0.111 (Shi et al.)",
        [("noise-moons", "I-CFM")] = "0.129 (Shi et al., rectified flow)",
        [("noise-moons", "FM")] = "0.212 (Shi et al.)",
        [("noise-s-curve", "OT-CFM")] = "0.102 (Shi et al.)",
        [("noise-s-curve", "I-CFM")] = "0.126 (Shi et al., rectified flow)",
    };

    private static readonly Dictionary<(string Task, string Method), string> PublishedEnergy = new()
    {
        [("moons-8gaussians", "OT-CFM")] = "30.50 (Shi et al.)",
        [("moons-8gaussians", "I-CFM")] = "116.5 (Shi et al.)",
    };

    /// <summary>Trains and judges one seed of one task and method.</summary>
    /// <param name="task">The task.</param>
    /// <param name="method">I-CFM, OT-CFM or FM, with "+ recipe" or without.</param>
    /// <param name="seed">Number of the seed, from 0.</param>
    /// <param name="steps">Training steps; the protocol has 20,000.</param>
    /// <param name="cancellationToken">Ends the training after the step under way.</param>
    public static IEnumerable<Figure> Run(string task, string method, int seed, int steps, CancellationToken cancellationToken)
    {
        bool recipe = method.EndsWith("+ recipe", StringComparison.Ordinal);
        (Dataset train, Dataset test) = Split(Data(task, 0));
        (Dataset? sourceTrain, Dataset? sourceTest) = Source(task, 0) is { } all ? Split(all) : default;
        bool target = method.StartsWith("FM", StringComparison.Ordinal);
        PathCard path = target ? new PathCard(PathKind.ConditionalOt, SigmaMin: Noise) : new PathCard(PathKind.IndependentPairs, Noise: Noise);
        var objective = new FlowMatchingOptions
        {
            Path = ProbabilityPath.Of(path),
            Coupling = method.StartsWith("OT", StringComparison.Ordinal) ? new OptimalTransportCoupling() : new IndependentCoupling(),
            Source = sourceTrain,
        };
        using TrainedModel model = TrainedModel.Train(
            () => new SeluNetwork(2), path, train, objective,
            new TrainingOptions
            {
                Steps = steps,
                BatchSize = 512,
                LearningRate = 1e-3,
                WeightDecay = 1e-5,
                WarmupSteps = 0,
                ClipNorm = double.PositiveInfinity,
                Seed = FirstSeed + (ulong)seed,
                EmaDecay = recipe ? 0.999 : 0,
                Schedule = recipe ? LearningRateSchedule.Cosine : LearningRateSchedule.Constant,
            }, cancellationToken);

        float[] starts = sourceTest?.Values ?? NoiseRows(TestPoints, FirstSeed + (ulong)seed);
        SampleBatch carried = model.Carry(starts, new FixedSteps(ButcherTableau.Euler, 100));
        SampleBatch adaptive = model.Carry(starts, Adaptive);
        double energy = PathEnergy.Along(model.Problem(starts, Adaptive), intervals: 100, cancellationToken);
        Figure Told(string name, double value, double? floor = null, string? published = null) => new(Name, task, method, name, [value], floor, published);
        return
        [
            Told("W2", Wasserstein.Between(carried.Values, test.Values, 2), Floor(task), PublishedDistance.GetValueOrDefault((task, method))),
            Told("path energy", energy, LeastEnergy(task), PublishedEnergy.GetValueOrDefault((task, method))),
            Told("evaluations at 1e-4", adaptive.Evaluations.Average()),
        ];
    }

    /// <summary>W2 between independent sets of true data of the size that is judged, mean over four pairs.</summary>
    private static double Floor(string task) => Floors.GetOrAdd((task, true), _ => Enumerable.Range(0, 4).Average(pair =>
        Wasserstein.Between(Rows(task, FloorSeed + 2 * (ulong)pair), Rows(task, FloorSeed + 2 * (ulong)pair + 1), 2)));

    /// <summary>W2²(q0, q1) of sets of that size, mean over four pairs: the least path energy.</summary>
    private static double LeastEnergy(string task) => Floors.GetOrAdd((task, false), _ => Enumerable.Range(0, 4).Average(pair =>
    {
        ulong seed = FloorSeed + (ulong)pair;
        float[] from = Source(task, seed) is { } source ? Rows(source, seed) : NoiseRows(TestPoints, seed);
        return Wasserstein.Squared(from, Rows(task, seed), 2);
    }));

    private static readonly System.Collections.Concurrent.ConcurrentDictionary<(string Task, bool Distance), double> Floors = new();

    private static Dataset Data(string task, ulong seed) => task switch
    {
        "noise-8gaussians" => BenchmarkData.TorchCfmGaussians(Points, seed),
        "moons-8gaussians" => BenchmarkData.TorchCfmTwoDimTarget(Points, seed),
        "noise-moons" => BenchmarkData.TorchCfmMoons(Points, seed),
        "noise-s-curve" => BenchmarkData.TorchCfmSCurve(Points, seed),
        _ => throw new ArgumentException($"There is no task '{task}'. Choose one of: {string.Join(", ", Tasks)}."),
    };

    private static Dataset? Source(string task, ulong seed) => task == "moons-8gaussians" ? BenchmarkData.TorchCfmTwoDimSource(Points, seed) : null;

    private static (Dataset Train, Dataset Test) Split(Dataset data)
    {
        int[] order = DataSplit.Shuffle(data.Count, SplitSeed);
        return (data.Select(order[..TrainingPoints]), data.Select(order[^TestPoints..]));
    }

    private static float[] Rows(string task, ulong seed) => Rows(Data(task, seed), seed);

    /// <summary>As many rows as are judged, in an order of the seed's own: some data sets have their places, such as evenly spaced angles, by row.</summary>
    private static float[] Rows(Dataset data, ulong seed) => data.Select(DataSplit.Shuffle(data.Count, seed)[..TestPoints]).Values;

    private static float[] NoiseRows(int count, ulong seed)
    {
        float[] rows = new float[2 * count];
        for (int i = 0; i < count; i++)
            Sampling.Noise.Fill(seed, i, rows.AsSpan(2 * i, 2));
        return rows;
    }
}
