using System.Numerics.Tensors;

namespace FlowRuntime.Training.Metrics;

/// <summary>
/// The energy distance between two samples: 2 E‖X − Y‖ − E‖X − X'‖ − E‖Y − Y'‖, each mean over all pairs, a point with
/// itself included. It is 0 only between equal samples; two true samples of n points lie about E‖X − X'‖ · 2/n apart,
/// the floor to hold a figure against.
/// </summary>
/// <remarks>Source: Székely and Rizzo 2013, "Energy statistics", eq. (6.1), without the factor nm/(n + m).</remarks>
public static class EnergyDistance
{
    /// <summary>The distance between two sets of rows.</summary>
    /// <param name="x">Rows, [n, dimension].</param>
    /// <param name="y">Rows, [m, dimension].</param>
    /// <param name="dimension">Number of values of a row.</param>
    /// <exception cref="ArgumentException">A set is empty, holds a part of a row, or a value that is not finite.</exception>
    public static double Between(ReadOnlyMemory<float> x, ReadOnlyMemory<float> y, int dimension)
    {
        PointSet a = new(x, dimension, nameof(x)), b = new(y, dimension, nameof(y));
        return 2 * MeanDistance(a, b) - MeanDistance(a, a) - MeanDistance(b, b);
    }

    private static double MeanDistance(PointSet x, PointSet y)
    {
        double[] sums = new double[x.Count]; // summed in order afterwards, so that the result does not depend on the threads
        Parallel.For(0, x.Count, i =>
        {
            double sum = 0;
            for (int j = 0; j < y.Count; j++)
                sum += TensorPrimitives.Distance(x[i], y[j]);
            sums[i] = sum;
        });
        return sums.Sum() / ((double)x.Count * y.Count);
    }
}
