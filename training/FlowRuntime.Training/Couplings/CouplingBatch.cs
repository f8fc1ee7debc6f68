namespace FlowRuntime.Training.Couplings;

/// <summary>What a coupling pairs: as many rows of noise as of data, and what the data rows are conditioned on.</summary>
public readonly ref struct CouplingBatch
{
    /// <summary>Makes a batch.</summary>
    /// <param name="source">Source rows x0, [n, dimension].</param>
    /// <param name="data">Data rows x1, [n, dimension].</param>
    /// <param name="dimension">Number of values of a row, at least 1; an image is a row of all its values.</param>
    /// <param name="labels">Class of each data row, [n], −1 for a row trained without one; empty where there are no classes.</param>
    /// <param name="conditions">Condition vector of each data row, [n, k]; empty where there are none.</param>
    /// <exception cref="ArgumentException">The sizes do not agree.</exception>
    public CouplingBatch(ReadOnlySpan<float> source, ReadOnlySpan<float> data, int dimension,
        ReadOnlySpan<int> labels = default, ReadOnlySpan<float> conditions = default)
    {
        Count = SquaredDistances.Points(data, dimension, nameof(data));
        int sources = SquaredDistances.Points(source, dimension, nameof(source));
        if (sources != Count || Count == 0)
            throw new ArgumentException($"There are {sources} source rows and {Count} data rows; give as many of each, at least one.", nameof(source));
        if (labels.Length != 0 && labels.Length != Count)
            throw new ArgumentException($"There are {labels.Length} labels for {Count} rows; give one a row, or none.", nameof(labels));
        if (conditions.Length % Count != 0)
            throw new ArgumentException($"{conditions.Length} numbers are not one condition for each of {Count} rows; give [{Count}, k].", nameof(conditions));
        Source = source;
        Data = data;
        Dimension = dimension;
        Labels = labels;
        Conditions = conditions;
    }

    /// <summary>Number of rows n.</summary>
    public int Count { get; }

    /// <summary>Source rows x0, [n, dimension].</summary>
    public ReadOnlySpan<float> Source { get; }

    /// <summary>Data rows x1, [n, dimension].</summary>
    public ReadOnlySpan<float> Data { get; }

    /// <summary>Number of values of a row.</summary>
    public int Dimension { get; }

    /// <summary>Class of each data row, [n], or empty.</summary>
    public ReadOnlySpan<int> Labels { get; }

    /// <summary>Condition vector of each data row, [n, k], or empty.</summary>
    public ReadOnlySpan<float> Conditions { get; }
}
