using FlowRuntime.Training.Data;

namespace FlowRuntime.Training.Metrics;

/// <summary>
/// What a metric gives for true data: its mean and standard deviation over random sets of real rows. No model can do better than the mean other than by chance
/// or by copying; a figure says something where it is some standard deviations away.
/// </summary>
/// <param name="Mean">The mean over the draws.</param>
/// <param name="StandardDeviation">The standard deviation of one draw, with the divisor draws − 1.</param>
/// <remarks>The draws come from one pool and share rows with one another: a pool of many times the rows of a draw makes them nearly independent, a
/// pool that each draw uses up makes the standard deviation too small.</remarks>
public sealed record NoiseFloor(double Mean, double StandardDeviation)
{
    /// <summary>Number of draws where none is given.</summary>
    public const int DefaultDraws = 20;

    /// <summary>The floor of a distance between two sets: over pairs of disjoint random sets of real rows.</summary>
    /// <param name="pool">Real rows, [at least 2 count, dimension].</param>
    /// <param name="dimension">Number of values of a row.</param>
    /// <param name="count">Number of rows of each set: that of the samples to judge.</param>
    /// <param name="distance">The distance.</param>
    /// <param name="draws">Number of pairs, at least 2.</param>
    /// <param name="seed">Seed of the draws. Default 0.</param>
    /// <exception cref="ArgumentException">The pool is too small, or a value is not finite.</exception>
    public static NoiseFloor OfPairs(
        ReadOnlyMemory<float> pool, int dimension, int count, Func<ReadOnlyMemory<float>, ReadOnlyMemory<float>, double> distance, int draws = DefaultDraws, ulong seed = 0) =>
        Over(pool, dimension, 2 * count, rows => distance(rows[..(count * dimension)], rows[(count * dimension)..]), draws, seed);

    /// <summary>The floor of a figure of one set, such as a divergence from a known density: over random sets of real rows.</summary>
    /// <param name="pool">Real rows, [at least count, dimension].</param>
    /// <param name="dimension">Number of values of a row.</param>
    /// <param name="count">Number of rows of a set: that of the samples to judge.</param>
    /// <param name="figure">The figure.</param>
    /// <param name="draws">Number of sets, at least 2.</param>
    /// <param name="seed">Seed of the draws. Default 0.</param>
    /// <exception cref="ArgumentException">The pool is too small, or a value is not finite.</exception>
    public static NoiseFloor OfSets(
        ReadOnlyMemory<float> pool, int dimension, int count, Func<ReadOnlyMemory<float>, double> figure, int draws = DefaultDraws, ulong seed = 0) =>
        Over(pool, dimension, count, figure, draws, seed);

    private static NoiseFloor Over(ReadOnlyMemory<float> pool, int dimension, int rows, Func<ReadOnlyMemory<float>, double> figure, int draws, ulong seed)
    {
        var real = new PointSet(pool, dimension, nameof(pool));
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(draws, 2);
        if (rows > real.Count)
            throw new ArgumentException($"pool: a draw takes {rows} rows, and there are {real.Count}. Give more real rows, or judge fewer samples.", nameof(pool));
        double[] figures = new double[draws];
        for (int draw = 0; draw < draws; draw++)
        {
            int[] order = DataSplit.Shuffle(real.Count, seed * (ulong)draws + (ulong)draw);
            figures[draw] = figure(real.Rows(order.AsSpan(0, rows)));
        }
        double mean = figures.Average();
        return new NoiseFloor(mean, Math.Sqrt(figures.Sum(value => (value - mean) * (value - mean)) / (draws - 1)));
    }
}
