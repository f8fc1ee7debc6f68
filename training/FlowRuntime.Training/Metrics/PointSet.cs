using System.Numerics.Tensors;

namespace FlowRuntime.Training.Metrics;

/// <summary>A set of points, one a row, [count, dimension]: finite and at least one.</summary>
internal readonly struct PointSet
{
    private readonly ReadOnlyMemory<float> _values;

    /// <exception cref="ArgumentException">There is no row, a part of a row, or a value that is not finite.</exception>
    public PointSet(ReadOnlyMemory<float> values, int dimension, string name)
    {
        if (dimension < 1)
            throw new ArgumentOutOfRangeException(nameof(dimension), dimension, "Give the number of values of a row, at least 1.");
        if (values.IsEmpty || values.Length % dimension != 0)
            throw new ArgumentException($"{name}: {values.Length} values are no whole number of rows of {dimension}. Give at least one row, and whole ones.", name);
        if (!TensorPrimitives.IsFiniteAll(values.Span))
            throw new ArgumentException($"{name}: row {FirstNotFinite(values.Span) / dimension} holds a value that is not finite. Leave failed samples out.", name);
        (_values, Dimension, Count) = (values, dimension, values.Length / dimension);
    }

    public int Count { get; }

    public int Dimension { get; }

    public ReadOnlySpan<float> this[int row] => _values.Span.Slice(row * Dimension, Dimension);

    /// <summary>The points at the given places, in that order, [places, dimension].</summary>
    public float[] Rows(ReadOnlySpan<int> places)
    {
        float[] values = new float[places.Length * Dimension];
        for (int i = 0; i < places.Length; i++)
            this[places[i]].CopyTo(values.AsSpan(i * Dimension));
        return values;
    }

    /// <summary>Distances from a point to the points first, first + 1, … of this set.</summary>
    public void DistancesFrom(ReadOnlySpan<float> point, int first, Span<float> destination)
    {
        for (int j = 0; j < destination.Length; j++)
            destination[j] = TensorPrimitives.Distance(point, this[first + j]);
    }

    private static int FirstNotFinite(ReadOnlySpan<float> values)
    {
        int i = 0;
        while (float.IsFinite(values[i]))
            i++;
        return i;
    }
}
