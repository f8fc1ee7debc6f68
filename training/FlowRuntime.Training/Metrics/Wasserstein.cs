using FlowRuntime.Training.Couplings;

namespace FlowRuntime.Training.Metrics;

/// <summary>
/// The 2-Wasserstein distance W2 between two equally large sets of points: the root of the least mean of ‖x_i − y_π(i)‖² over all pairings π, found
/// exactly by <see cref="OptimalTransport"/>.
/// </summary>
/// <remarks>
/// Two sets of true data are far from 0, more so in more dimensions and with fewer points: hold W2 against its <see cref="NoiseFloor"/>. Papers print W2 and
/// W2² under one name. Up to about 10,000 points: beyond 8 dimensions a matrix of n² floats is kept.
/// </remarks>
public static class Wasserstein
{
    /// <summary>W2, in the units of the points.</summary>
    /// <param name="x">Points, [n, dimension].</param>
    /// <param name="y">Points, [n, dimension], as many.</param>
    /// <param name="dimension">Number of values of a point.</param>
    /// <exception cref="ArgumentException">The sizes differ, a set is empty, holds a part of a row, or a value that is not finite.</exception>
    public static double Between(ReadOnlyMemory<float> x, ReadOnlyMemory<float> y, int dimension) => Math.Sqrt(Squared(x, y, dimension));

    /// <summary>W2², in the squared units of the points.</summary>
    /// <param name="x">Points, [n, dimension].</param>
    /// <param name="y">Points, [n, dimension], as many.</param>
    /// <param name="dimension">Number of values of a point.</param>
    /// <exception cref="ArgumentException">The sizes differ, a set is empty, holds a part of a row, or a value that is not finite.</exception>
    public static double Squared(ReadOnlyMemory<float> x, ReadOnlyMemory<float> y, int dimension)
    {
        PointSet a = new(x, dimension, nameof(x)), b = new(y, dimension, nameof(y));
        if (a.Count != b.Count)
            throw new ArgumentException($"W2 pairs each point with one of the other set, and the sets have {a.Count} and {b.Count} rows. Leave rows out of the larger one, or use SlicedWasserstein.");
        return OptimalTransport.Between(x.Span, y.Span, dimension).MeanSquaredDistance;
    }
}
