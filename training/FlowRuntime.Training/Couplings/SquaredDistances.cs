using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace FlowRuntime.Training.Couplings;

/// <summary>
/// Squared Euclidean distances between the points of two sets, as sums of squared differences: unlike
/// ‖x‖² + ‖y‖² − 2xy they keep their digits where points lie close together and far from the origin.
/// </summary>
public static class SquaredDistances
{
    private const int FewDimensions = 16; // up to here whole vectors run over points, beyond over coordinates
    private const int Tile = 4;

    /// <summary>The squared distance of every pair.</summary>
    /// <param name="x">Points, [n, dimension].</param>
    /// <param name="y">Points, [m, dimension].</param>
    /// <param name="dimension">Number of coordinates of a point, at least 1.</param>
    /// <returns>‖x_i − y_j‖², [n, m].</returns>
    /// <exception cref="ArgumentException">The numbers are not whole points.</exception>
    public static float[] Between(ReadOnlySpan<float> x, ReadOnlySpan<float> y, int dimension)
    {
        (int n, int m) = (Points(x, dimension, nameof(x)), Points(y, dimension, nameof(y)));
        float[] distances = GC.AllocateUninitializedArray<float>(checked(n * m));
        if (dimension > FewDimensions)
        {
            FillByTiles(x, y, dimension, distances);
            return distances;
        }
        float[] columns = Columns(y, dimension, width: m, padding: 0), differences = new float[m];
        for (int row = 0; row < n; row++)
            FromPoint(x.Slice(row * dimension, dimension), columns, differences, distances.AsSpan(row * m, m));
        return distances;
    }

    /// <summary>The number of points, checked.</summary>
    internal static int Points(ReadOnlySpan<float> values, int dimension, string name)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        return values.Length % dimension == 0 ? values.Length / dimension : throw new ArgumentException(
            $"{values.Length} numbers are not whole points of {dimension} coordinates; give [points, {dimension}].", name);
    }

    /// <summary>Points coordinate by coordinate, [dimension, width].</summary>
    internal static float[] Columns(ReadOnlySpan<float> points, int dimension, int width, float padding)
    {
        float[] columns = new float[dimension * width];
        Array.Fill(columns, padding);
        for (int at = 0; at < points.Length; at++)
            columns[at % dimension * width + at / dimension] = points[at];
        return columns;
    }

    /// <summary>The squared distances of one point to all columns, [width].</summary>
    internal static void FromPoint(ReadOnlySpan<float> point, ReadOnlySpan<float> columns, Span<float> differences, Span<float> distances)
    {
        int width = distances.Length;
        for (int k = 0; k < point.Length; k++)
        {
            TensorPrimitives.Subtract(columns.Slice(k * width, width), point[k], differences);
            if (k == 0)
                TensorPrimitives.Multiply(differences, differences, distances);
            else
                TensorPrimitives.MultiplyAdd(differences, differences, distances, distances);
        }
    }

    /// <summary>Four points at a time, so that a coordinate once loaded serves four pairs.</summary>
    private static void FillByTiles(ReadOnlySpan<float> x, ReadOnlySpan<float> y, int dimension, Span<float> distances)
    {
        (int n, int m) = (x.Length / dimension, y.Length / dimension);
        for (int column = 0; column < m; column++)
        {
            ReadOnlySpan<float> point = y.Slice(column * dimension, dimension);
            int row = 0;
            for (; row + Tile <= n; row += Tile)
            {
                Vector128<float> four = Four(x.Slice(row * dimension, Tile * dimension), point);
                for (int k = 0; k < Tile; k++)
                    distances[(row + k) * m + column] = four[k];
            }
            for (; row < n; row++)
            {
                float distance = TensorPrimitives.Distance(x.Slice(row * dimension, dimension), point);
                distances[row * m + column] = distance * distance;
            }
        }
    }

    private static Vector128<float> Four(ReadOnlySpan<float> rows, ReadOnlySpan<float> point)
    {
        int dimension = point.Length, lanes = Vector512<float>.Count, k = 0;
        ref float y = ref MemoryMarshal.GetReference(point);
        ref float x0 = ref MemoryMarshal.GetReference(rows), x1 = ref MemoryMarshal.GetReference(rows[dimension..]);
        ref float x2 = ref MemoryMarshal.GetReference(rows[(2 * dimension)..]), x3 = ref MemoryMarshal.GetReference(rows[(3 * dimension)..]);
        Vector512<float> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        for (; k + lanes <= dimension; k += lanes)
        {
            Vector512<float> to = Vector512.LoadUnsafe(ref y, (nuint)k);
            Vector512<float> d0 = Vector512.LoadUnsafe(ref x0, (nuint)k) - to, d1 = Vector512.LoadUnsafe(ref x1, (nuint)k) - to;
            Vector512<float> d2 = Vector512.LoadUnsafe(ref x2, (nuint)k) - to, d3 = Vector512.LoadUnsafe(ref x3, (nuint)k) - to;
            (sum0, sum1, sum2, sum3) = (sum0 + d0 * d0, sum1 + d1 * d1, sum2 + d2 * d2, sum3 + d3 * d3);
        }
        var sums = Vector128.Create(Vector512.Sum(sum0), Vector512.Sum(sum1), Vector512.Sum(sum2), Vector512.Sum(sum3));
        for (; k < dimension; k++)
        {
            Vector128<float> d = Vector128.Create(rows[k], rows[dimension + k], rows[2 * dimension + k], rows[3 * dimension + k]) - Vector128.Create(point[k]);
            sums += d * d;
        }
        return sums;
    }
}
