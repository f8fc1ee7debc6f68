using System.Numerics.Tensors;

namespace FlowRuntime.Training.Couplings;

/// <summary>The best pairing of two sets of points.</summary>
/// <param name="MeanSquaredDistance">The mean of ‖x_i − y_partner(i)‖²: the squared Wasserstein distance W2² of the two sets.</param>
/// <param name="Partner">For each x the index of its y, [n]: a permutation.</param>
public sealed record Pairing(double MeanSquaredDistance, int[] Partner);

/// <summary>
/// Exact optimal transport between two equally large sets of points, all of the same weight, under squared Euclidean
/// distance. The pairing is the best one for distances as float holds them.
/// </summary>
/// <remarks>
/// The squared distance W2² is the mean that is returned, W2 its root. Two independent samples of one distribution are not
/// at distance 0: hold a figure against that of two such samples.
/// </remarks>
public static class OptimalTransport
{
    private const int FewDimensions = 8;     // up to here a row of costs is as soon worked out as read from memory
    private const int FewPoints = 2048;

    /// <summary>Pairs the points of two sets.</summary>
    /// <param name="x">Points, [n, dimension].</param>
    /// <param name="y">Points, [n, dimension].</param>
    /// <param name="dimension">Number of coordinates of a point, at least 1. Above 8, a matrix of n² floats is kept.</param>
    /// <exception cref="ArgumentException">The sets are empty, not equally large, or hold a number that is not finite.</exception>
    public static Pairing Between(ReadOnlySpan<float> x, ReadOnlySpan<float> y, int dimension)
    {
        (int n, int m) = (SquaredDistances.Points(x, dimension, nameof(x)), SquaredDistances.Points(y, dimension, nameof(y)));
        if (n != m || n == 0)
            throw new ArgumentException($"The sets have {n} and {m} points; give two of equal size, of at least one point.", nameof(y));
        if (!TensorPrimitives.IsFiniteAll(x) || !TensorPrimitives.IsFiniteAll(y))
            throw new ArgumentException("A coordinate is not finite; leave points that failed out of both sets.", nameof(x));
        int[] partner = dimension <= FewDimensions && n > FewPoints
            ? new AssignmentProblem(new PointCosts(x, y, dimension)).Solve()
            : Assignment.Solve(SquaredDistances.Between(x, y, dimension), n);
        double sum = 0;
        for (int i = 0; i < n; i++)
        {
            for (int k = 0; k < dimension; k++)
            {
                double difference = (double)x[i * dimension + k] - y[partner[i] * dimension + k];
                sum += difference * difference;
            }
        }
        return new Pairing(sum / n, partner);
    }
}
