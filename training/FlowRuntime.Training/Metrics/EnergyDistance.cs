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
    public static double Between(ReadOnlyMemory<float> x, ReadOnlyMemory<float> y, int dimension) =>
        2 * MeanDistance(x, y, dimension) - MeanDistance(x, x, dimension) - MeanDistance(y, y, dimension);

    private static double MeanDistance(ReadOnlyMemory<float> x, ReadOnlyMemory<float> y, int dimension)
    {
        (int n, int m) = (x.Length / dimension, y.Length / dimension);
        double[] sums = new double[n]; // summed in order afterwards, so that the result does not depend on the threads
        Parallel.For(0, n, i =>
        {
            ReadOnlySpan<float> row = x.Span.Slice(i * dimension, dimension), others = y.Span;
            double sum = 0;
            for (int j = 0; j < m; j++)
                sum += TensorPrimitives.Distance(row, others.Slice(j * dimension, dimension));
            sums[i] = sum;
        });
        return sums.Sum() / ((double)n * m);
    }
}
