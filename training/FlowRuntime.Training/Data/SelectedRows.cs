namespace FlowRuntime.Training.Data;

/// <summary>Some rows of others, in an order of their own; nothing is copied.</summary>
internal sealed class SelectedRows(IRowSource rows, int[] places) : IRowSource
{
    public int Count => places.Length;

    public int Dimension => rows.Dimension;

    public void Read(int row, Span<float> destination) => rows.Read(places[row], destination);
}
