using FlowRuntime.Cards;
using FlowRuntime.Ode;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;
using FlowRuntime.Training;
using FlowRuntime.Training.Couplings;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Metrics;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;

namespace FlowRuntime.TrainTool.Bench2d;

/// <summary>
/// The Schrödinger bridge from N(−0.1, I) to N(0.1, I) in d dimensions with c = 1, whose marginals are known: mean 0.2 t − 0.1, variance
/// √5 t(1 − t) + (1 − t)² + t². 10,000 points are carried by 20 Euler steps; told is the mean over the 21 times of the KL divergence of the
/// Gaussian fitted to the points, times 1,000. 10,000 steps of 128 rows; learning rate, average and clipping are this trainer's defaults, but for the rate of 1e-3.
/// </summary>
/// <remarks>Source: Shi et al. 2023, "Diffusion Schrödinger Bridge Matching", and the authors' program; which estimator their figures have is not told there.</remarks>
internal static class BridgeBenchmark
{
    public const string Name = "bridge";
    public static readonly int[] Dimensions = [5, 20, 50];

    private const int Points = 10_000, EulerSteps = 20;
    private const double Shift = 0.1;

    /// <summary>Trains and judges one seed.</summary>
    /// <param name="dimension">d.</param>
    /// <param name="couplingBatches">Batches of 128 that are coupled together.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="steps">Training steps; the protocol has 10,000.</param>
    /// <param name="cancellationToken">Ends the training after the step under way.</param>
    public static IEnumerable<Figure> Run(int dimension, int couplingBatches, int seed, int steps, CancellationToken cancellationToken)
    {
        var path = new PathCard(PathKind.SchrodingerBridge, Noise: 1, Coupling: CouplingKind.Sinkhorn);
        var objective = new FlowMatchingOptions
        {
            Path = ProbabilityPath.Of(path),
            Source = BenchmarkData.DsbmSource(dimension, Points, (ulong)seed),
            Coupling = new SinkhornCoupling(regularisation: 2), // 2c²
            CouplingBatches = couplingBatches,
            TimeRange = (0.001, 0.999),
        };
        using TrainedModel model = TrainedModel.Train(
            () => new MlpNetwork([dimension], 0, new MlpOptions { Width = 128, Blocks = 3 }), path, BenchmarkData.DsbmTarget(dimension, Points, (ulong)seed), objective,
            new TrainingOptions
            {
                Steps = steps,
                BatchSize = 128,
                LearningRate = 1e-3,
                WeightDecay = 0,
                WarmupSteps = 0,
                Seed = (ulong)seed,
            }, cancellationToken);
        float[] starts = BenchmarkData.DsbmSource(dimension, Points, 1_000 + (ulong)seed).Values;
        OdeProblem problem = model.Problem(starts, new FixedSteps(ButcherTableau.Euler, EulerSteps));
        double[] times = [.. Enumerable.Range(0, EulerSteps + 1).Select(k => k == EulerSteps ? problem.End : problem.Start + (problem.End - problem.Start) * k / EulerSteps)];
        SampleBatch batch = OdeSolver.Solve(problem with { TrajectoryTimes = times }, progress: null, cancellationToken).EnsureSuccess();
        Figure Told(CovarianceKind kind, string published) => new(
            Name, $"d = {dimension}", couplingBatches == 1 ? "SB-CFM" : $"SB-CFM, couplings of {128 * couplingBatches}", kind == CovarianceKind.Full ? "KL × 1000, full" : "KL × 1000, diagonal",
            [1000 * times.Select((t, k) => Divergence(batch, k, t, dimension, kind)).Average()], 1000 * KullbackLeibler.FloorOfFit(Points, dimension, kind), published);
        string told = dimension switch { 5 => "1.45 SB-CFM, 1.23 DSBM-IPF", 20 => "12.3 SB-CFM, 4.42 DSBM-IPF", _ => "49.4 SB-CFM, 8.75 DSBM-IPF" };
        return [Told(CovarianceKind.Diagonal, told), Told(CovarianceKind.Full, told)];
    }

    private static double Divergence(SampleBatch batch, int time, double t, int dimension, CovarianceKind kind)
    {
        int times = EulerSteps + 1;
        float[] rows = new float[batch.Count * dimension];
        for (int i = 0; i < batch.Count; i++)
            batch.Trajectories.AsSpan((i * times + time) * dimension, dimension).CopyTo(rows.AsSpan(i * dimension));
        double mean = Shift * (2 * t - 1), variance = Math.Sqrt(5) * t * (1 - t) + (1 - t) * (1 - t) + t * t;
        return KullbackLeibler.OfFit(rows, GaussianDistribution.Isotropic([.. Enumerable.Repeat(mean, dimension)], Math.Sqrt(variance)), kind);
    }
}
