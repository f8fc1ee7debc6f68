namespace FlowRuntime.Training.Metrics;

/// <summary>
/// The squared maximum mean discrepancy between two sets of points, MMD² = E k(X, X') + E k(Y, Y') − 2 E k(X, Y), by the unbiased
/// estimator: the means within a set leave out a point with itself.
/// </summary>
/// <remarks>
/// Source: Gretton et al. 2012, "A Kernel Two-Sample Test". Being unbiased it is below 0 about half of the time between sets of one
/// distribution: it has no root then, and its floor has the mean 0. Time grows with (n + m)², memory with n + m: 10,000 points are fine.
/// </remarks>
public static class MaximumMeanDiscrepancy
{
    /// <summary>The estimate of MMD² between two sets, without unit.</summary>
    /// <param name="x">Points, [n, dimension], n at least 2.</param>
    /// <param name="y">Points, [m, dimension], m at least 2.</param>
    /// <param name="dimension">Number of values of a point.</param>
    /// <param name="kernel">The kernel, such as <see cref="GaussianKernel.ByMedian"/> of the real rows.</param>
    /// <exception cref="ArgumentException">A set has less than two rows, a part of a row, or a value that is not finite.</exception>
    public static double Squared(ReadOnlyMemory<float> x, ReadOnlyMemory<float> y, int dimension, GaussianKernel kernel)
    {
        PointSet a = new(x, dimension, nameof(x)), b = new(y, dimension, nameof(y));
        if (a.Count < 2 || b.Count < 2)
            throw new ArgumentException($"MMD² compares pairs within each set; there are {a.Count} and {b.Count} rows. Give at least two each.");
        return MeanWithin(a, kernel) + MeanWithin(b, kernel) - 2 * Sum(a, b, _ => 0, kernel) / ((double)a.Count * b.Count);
    }

    private static double MeanWithin(PointSet points, GaussianKernel kernel) =>
        Sum(points, points, i => i + 1, kernel) / ((double)points.Count * (points.Count - 1) / 2);

    /// <summary>Σ k(x_i, y_j) over all i and all j from a first one on.</summary>
    private static double Sum(PointSet x, PointSet y, Func<int, int> firstOf, GaussianKernel kernel)
    {
        double[] sums = new double[x.Count]; // summed in order afterwards, so that the result does not depend on the threads
        Parallel.For(0, x.Count, () => (Distances: new float[y.Count], Scratch: new float[y.Count]), (i, _, buffers) =>
        {
            int first = firstOf(i), others = y.Count - first;
            Span<float> distances = buffers.Distances.AsSpan(0, others);
            y.DistancesFrom(x[i], first, distances);
            sums[i] = kernel.Sum(distances, buffers.Scratch.AsSpan(0, others));
            return buffers;
        }, _ => { });
        return sums.Sum();
    }
}
