using FlowRuntime.Fields;

namespace FlowRuntime.Ode;

/// <summary>States in the host's memory.</summary>
/// <param name="unfused">See <see cref="AdaptiveSteps.Unfused"/>.</param>
internal sealed class HostStates(bool unfused = false) : IStateArithmetic
{
    private readonly List<RowBuffer> _tables = [];
    private readonly List<EvaluationBuffers> _buffers = [];

    public long BusBytes => 0;

    public RowBuffer Table(int rows, int width)
    {
        var table = new RowBuffer(rows, width, cleared: false);
        _tables.Add(table);
        return table;
    }

    public EvaluationBuffers Buffers(int rows, int width, int outputs)
    {
        var buffers = new EvaluationBuffers(rows, width, outputs, withDivergence: false, cleared: false);
        _buffers.Add(buffers);
        return buffers;
    }

    public void Begin(RowBuffer table, int row, long index, InitialState initialState) => initialState(index, table[row]);

    public Span<float> Read(RowBuffer table, int row) => table[row];

    public void Move(RowBuffer table, int source, int destination) => table[source].CopyTo(table[destination]);

    public void Copy(RowBuffer source, RowBuffer destination, int first, int count) => source.Range(first, count).CopyTo(destination.Range(first, count));

    public void CopyAllBut(RowBuffer source, RowBuffer destination, ReadOnlySpan<int> rows, int count)
    {
        int from = 0;
        for (int i = 0; i <= rows.Length; i++)
        {
            int left = i < rows.Length ? rows[i] : count;
            if (left > from)
                Copy(source, destination, from, left - from);
            from = left + 1;
        }
    }

    public void CopySome(RowBuffer source, RowBuffer destination, ReadOnlySpan<int> rows, int count)
    {
        foreach (int row in rows)
            source[row].CopyTo(destination[row]);
    }

    public void Combine(RowBuffer destination, RowBuffer x, RowSteps h, ReadOnlySpan<RowBuffer> slopes, ReadOnlySpan<double> weights, int first, int count)
    {
        if (unfused)
            UnfusedArithmetic.Combine(destination, x, h, slopes, weights, first, count);
        else
            RowArithmetic.Combine(destination, x, h, slopes, weights, first, count);
    }

    public void SquaredScaledError(
        RowBuffer scratch, RowBuffer x, RowBuffer next, RowSteps h, ReadOnlySpan<RowBuffer> slopes, ReadOnlySpan<double> weights,
        double absolute, double relative, int count, Span<double> squares)
    {
        if (unfused)
            UnfusedArithmetic.SquaredScaledError(scratch, x, next, h, slopes, weights, absolute, relative, count, squares);
        else
            RowArithmetic.SquaredScaledError(scratch, x, next, h, slopes, weights, absolute, relative, count, squares);
    }

    public void SquaredScaledNorms(
        RowBuffer scratch, RowBuffer values, RowBuffer? minus, RowBuffer x, double absolute, double relative, int first, int count, Span<double> squares) =>
        RowArithmetic.SquaredScaledNorms(scratch, values, minus, x, absolute, relative, first, count, squares);

    public void Dispose()
    {
        foreach (RowBuffer table in _tables)
            table.Release();
        foreach (EvaluationBuffers buffers in _buffers)
            buffers.Release();
    }
}
