namespace FlowRuntime.Training.Data;

/// <summary>Rows in memory, [count, dimension], row-major.</summary>
internal sealed class MemoryRows(float[] values, int dimension) : IRowSource
{
    public float[] Values => values;

    public int Count => values.Length / dimension;

    public int Dimension => dimension;

    public void Read(int row, Span<float> destination) => values.AsSpan(row * dimension, dimension).CopyTo(destination);
}
