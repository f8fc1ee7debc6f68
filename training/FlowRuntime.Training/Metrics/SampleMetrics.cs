using System.Globalization;

namespace FlowRuntime.Training.Metrics;

/// <summary>What a metric says of samples, beside what it says of real rows.</summary>
/// <param name="Name">Name of the metric.</param>
/// <param name="Value">Its value between the samples and as many held-out real rows.</param>
/// <param name="Floor">Its values between two sets of real rows of that size.</param>
public sealed record MetricFigure(string Name, double Value, NoiseFloor Floor);

/// <summary>How far samples are from real rows by each metric, with its floor: W2, sliced W2, energy distance, MMD² and the classifier's accuracy.</summary>
/// <param name="Figures">The figures, one a metric.</param>
public sealed record SampleMetrics(IReadOnlyList<MetricFigure> Figures)
{
    /// <summary>Measures samples.</summary>
    /// <param name="samples">The samples, [count, dimension], in the data's units.</param>
    /// <param name="heldOut">Real rows that the model has not seen, as many, [count, dimension].</param>
    /// <param name="pool">Real rows for the floors, [at least 2 count, dimension]; many more are better. Held-out rows may be among them.</param>
    /// <param name="dimension">Number of values of a row.</param>
    /// <param name="draws">Pairs of real sets for each floor, at least 2. Default 20; each takes as long as the figures themselves.</param>
    /// <param name="seed">Seed of the pairs, the directions and the classifier's halves. Default 0.</param>
    /// <remarks>The kernel of MMD² is that of the held-out rows (<see cref="GaussianKernel.ByMedian"/>), for the value and the floor alike.</remarks>
    /// <exception cref="ArgumentException">The sizes do not fit, or a value is not finite.</exception>
    public static SampleMetrics Measure(
        ReadOnlyMemory<float> samples, ReadOnlyMemory<float> heldOut, ReadOnlyMemory<float> pool, int dimension, int draws = NoiseFloor.DefaultDraws, ulong seed = 0)
    {
        int count = new PointSet(heldOut, dimension, nameof(heldOut)).Count;
        GaussianKernel kernel = GaussianKernel.ByMedian(heldOut, dimension);
        MetricFigure Figure(string name, Func<ReadOnlyMemory<float>, ReadOnlyMemory<float>, double> metric) =>
            new(name, metric(samples, heldOut), NoiseFloor.OfPairs(pool, dimension, count, metric, draws, seed));
        return new SampleMetrics(
        [
            Figure("W2", (x, y) => Wasserstein.Between(x, y, dimension)),
            Figure("sliced W2", (x, y) => SlicedWasserstein.Between(x, y, dimension, seed: seed)),
            Figure("energy distance", (x, y) => EnergyDistance.Between(x, y, dimension)),
            Figure("MMD²", (x, y) => MaximumMeanDiscrepancy.Squared(x, y, dimension, kernel)),
            Figure("C2ST accuracy", (x, y) => ClassifierTwoSampleTest.Accuracy(x, y, dimension, seed: seed)),
        ]);
    }

    /// <summary>The figures as lines of text: metric, value, and the floor's mean ± standard deviation.</summary>
    public override string ToString() => string.Join('\n',
        Figures.Select(f => string.Create(CultureInfo.InvariantCulture, $"{f.Name,-16}{f.Value,10:G3}   real against real {f.Floor.Mean:G3} ± {f.Floor.StandardDeviation:G2}")));
}
