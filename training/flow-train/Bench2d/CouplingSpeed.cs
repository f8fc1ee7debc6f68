using System.Diagnostics;
using FlowRuntime.Sampling;
using FlowRuntime.Training;
using FlowRuntime.Training.Couplings;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;

namespace FlowRuntime.TrainTool.Bench2d;

/// <summary>What pairing costs: an assignment alone, and the trainer's steps with optimal transport beside those without, in turn.</summary>
internal static class CouplingSpeed
{
    public const string Name = "speed";

    private const int Batch = 256, Repeats = 5;

    /// <summary>Measures. Nothing else should run meanwhile.</summary>
    /// <param name="steps">Steps of each training.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public static IEnumerable<Figure> Run(int steps, CancellationToken cancellationToken)
    {
        foreach (int n in new[] { 256, 512, 1024, 2048 })
        {
            float[] source = new float[2 * n], data = BenchmarkData.TorchCfmGaussians(n, seed: 3).Values;
            for (int i = 0; i < n; i++)
                Noise.Fill(4, i, source.AsSpan(2 * i, 2));
            double Milliseconds()
            {
                long started = Stopwatch.GetTimestamp();
                Assignment.Solve(SquaredDistances.Between(data, source, 2), n);
                return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            }
            Milliseconds(); // the first call compiles
            double[] all = [.. Enumerable.Range(0, 4 * Repeats + 1).Select(_ => Milliseconds())];
            yield return new Figure(Name, $"{n} points", "assignment", "ms, median", [Statistics.Median(all)], Published: n == 512 ? "about 15 (scipy)" : null);
        }

        Dataset moons = PlaneData.Moons();
        double StepsPerSecond(Coupling coupling)
        {
            using MlpNetwork network = Trainer.Seeded(0, () => new MlpNetwork([2], 0, new MlpOptions { Width = 64, Blocks = 3 }));
            long started = Stopwatch.GetTimestamp();
            Trainer.Train(
                network, new ConditionalFlowMatching(moons, new FlowMatchingOptions { Coupling = coupling }, seed: 0),
                new TrainingOptions { Steps = steps, BatchSize = Batch }, progress: null, cancellationToken);
            return steps / Stopwatch.GetElapsedTime(started).TotalSeconds;
        }
        StepsPerSecond(new IndependentCoupling());
        var pairs = Enumerable.Range(0, Repeats).Select(_ => (Without: StepsPerSecond(new IndependentCoupling()), With: StepsPerSecond(new OptimalTransportCoupling()))).ToList();
        yield return new Figure(Name, $"batch {Batch}", "independent", "steps/s, median", [Statistics.Median(pairs.Select(pair => pair.Without))]);
        yield return new Figure(Name, $"batch {Batch}", "optimal transport", "steps/s, median", [Statistics.Median(pairs.Select(pair => pair.With))]);
        yield return new Figure(Name, $"batch {Batch}", "with / without", "ratio, median", [Statistics.Median(pairs.Select(pair => pair.With / pair.Without))]);
    }
}
