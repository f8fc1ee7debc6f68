using System.Runtime.Intrinsics;

namespace FlowRuntime.Training.Couplings;

/// <summary>The costs of an assignment problem, asked for row by row.</summary>
/// <param name="n">Number of rows and of columns.</param>
internal abstract class CostRows(int n)
{
    /// <summary>Number of rows and of columns.</summary>
    public int Count { get; } = n;

    /// <summary>The length of a row: the columns, and as many of infinite cost as make whole vectors.</summary>
    public int Width { get; } = (n + Vector512<float>.Count - 1) / Vector512<float>.Count * Vector512<float>.Count;

    /// <summary>The costs of a row, [width], good until the next row is asked for.</summary>
    public abstract ReadOnlySpan<float> Row(int row);
}

/// <summary>Costs that are kept.</summary>
internal sealed class MatrixCosts : CostRows
{
    private readonly float[] _costs;

    public MatrixCosts(ReadOnlySpan<float> costs, int n) : base(n)
    {
        _costs = GC.AllocateUninitializedArray<float>(checked(n * Width));
        for (int row = 0; row < n; row++)
        {
            Span<float> padded = _costs.AsSpan(row * Width, Width);
            costs.Slice(row * n, n).CopyTo(padded);
            padded[n..].Fill(float.PositiveInfinity);
        }
    }

    public override ReadOnlySpan<float> Row(int row) => _costs.AsSpan(row * Width, Width);
}

/// <summary>Squared Euclidean distances of points, worked out at every asking: no matrix, and in few dimensions no slower.</summary>
internal sealed class PointCosts : CostRows
{
    private readonly float[] _x;            // [n, dimension]
    private readonly float[] _y;            // [dimension, width]
    private readonly float[] _differences, _costs;
    private readonly int _dimension;

    public PointCosts(ReadOnlySpan<float> x, ReadOnlySpan<float> y, int dimension) : base(x.Length / dimension)
    {
        (_x, _dimension) = (x.ToArray(), dimension);
        _y = SquaredDistances.Columns(y, dimension, Width, padding: float.PositiveInfinity);
        (_differences, _costs) = (new float[Width], new float[Width]);
    }

    public override ReadOnlySpan<float> Row(int row)
    {
        SquaredDistances.FromPoint(_x.AsSpan(row * _dimension, _dimension), _y, _differences, _costs);
        return _costs;
    }
}
