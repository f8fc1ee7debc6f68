using System.Numerics.Tensors;
using FlowRuntime.Sampling;

namespace FlowRuntime.Training.Metrics;

/// <summary>
/// The sliced Wasserstein distance between two sets of points: the root of the mean, over random directions, of the squared 2-Wasserstein
/// distance between the sets' projections on the direction. On a line the optimal transport keeps the order, so that sorting
/// gives it: cheap for any number of points, and in any dimension.
/// </summary>
/// <remarks>
/// Source: Bonneel, Rabin, Peyré and Pfister 2015, "Sliced and Radon Wasserstein Barycenters of Measures". It is at most the
/// 2-Wasserstein distance over √dimension, up to the chance of the directions: a shift by m is at |m|/√dimension.
/// </remarks>
public static class SlicedWasserstein
{
    /// <summary>The distance between two sets, in the units of the points.</summary>
    /// <param name="x">Points, [n, dimension].</param>
    /// <param name="y">Points, [m, dimension]; the sizes may differ.</param>
    /// <param name="dimension">Number of values of a point.</param>
    /// <param name="directions">Number of directions, at least 1. Default 256; in one dimension one is enough.</param>
    /// <param name="seed">Seed of the directions. Default 0: figures to be compared share their directions.</param>
    /// <exception cref="ArgumentException">A set is empty, holds a part of a row, or a value that is not finite.</exception>
    public static double Between(ReadOnlyMemory<float> x, ReadOnlyMemory<float> y, int dimension, int directions = 256, ulong seed = 0)
    {
        PointSet a = new(x, dimension, nameof(x)), b = new(y, dimension, nameof(y));
        ArgumentOutOfRangeException.ThrowIfLessThan(directions, 1);
        double[] squares = new double[directions]; // summed in order afterwards, so that the result does not depend on the threads
        Parallel.For(0, directions, l =>
        {
            float[] direction = new float[dimension];
            Noise.Fill(seed, l, direction, RandomStream.Direction);
            TensorPrimitives.Divide(direction, TensorPrimitives.Norm<float>(direction), direction);
            squares[l] = SquaredOnALine(Projected(a, direction), Projected(b, direction));
        });
        return Math.Sqrt(squares.Sum() / directions);
    }

    private static float[] Projected(PointSet points, ReadOnlySpan<float> direction)
    {
        float[] places = new float[points.Count];
        for (int i = 0; i < places.Length; i++)
            places[i] = TensorPrimitives.Dot(points[i], direction);
        Array.Sort(places);
        return places;
    }

    /// <summary>∫ (F⁻¹(u) − G⁻¹(u))² du of two sorted samples, whose quantile functions jump at i/n and j/m.</summary>
    private static double SquaredOnALine(float[] x, float[] y)
    {
        (long n, long m) = (x.Length, y.Length);
        double sum = 0;
        long place = 0; // u n m
        for (int i = 0, j = 0; i < n && j < m;)
        {
            long next = Math.Min((i + 1) * m, (j + 1) * n);
            double difference = (double)x[i] - y[j];
            sum += (next - place) * difference * difference;
            i += next == (i + 1) * m ? 1 : 0;
            j += next == (j + 1) * n ? 1 : 0;
            place = next;
        }
        return sum / (n * m);
    }
}
