using FlowRuntime.Fields;

namespace FlowRuntime.Ode;

/// <summary>
/// All that an adaptive solve does to the elements of states. Two implementations: spans on the host (<see cref="HostStates"/>), and ONNX graphs of a few nodes on the model's own
/// provider, whose tables stay in its memory (<see cref="Onnx.DeviceStates"/>).
/// </summary>
internal interface IStateArithmetic : IDisposable
{
    /// <summary>Bytes that crossed between the host's memory and the tables' so far; 0 where they are the same.</summary>
    long BusBytes { get; }

    /// <summary>Makes a table.</summary>
    RowBuffer Table(int rows, int width);

    /// <summary>Makes the tables that the field's evaluator reads and writes.</summary>
    EvaluationBuffers Buffers(int rows, int width, int outputs);

    /// <summary>Writes the state a sample starts from.</summary>
    void Begin(RowBuffer table, int row, long index, InitialState initialState);

    /// <summary>A row's values, to be read before the next call.</summary>
    Span<float> Read(RowBuffer table, int row);

    /// <summary>Copies a row to another place of its table.</summary>
    void Move(RowBuffer table, int source, int destination);

    /// <summary>Copies rows into the same places of another table.</summary>
    void Copy(RowBuffer source, RowBuffer destination, int first, int count);

    /// <summary>Copies the first rows into the same places of another table, but for some, given in rising order. What the table holds behind them is lost.</summary>
    void CopyAllBut(RowBuffer source, RowBuffer destination, ReadOnlySpan<int> rows, int count);

    /// <summary>Copies some rows, given in rising order, into the same places of another table.</summary>
    void CopySome(RowBuffer source, RowBuffer destination, ReadOnlySpan<int> rows, int count);

    /// <summary>destination = x + h Σ_j weights_j slopes_j over the rows first … first + count − 1.</summary>
    void Combine(RowBuffer destination, RowBuffer x, RowSteps h, ReadOnlySpan<RowBuffer> slopes, ReadOnlySpan<double> weights, int first, int count);

    /// <summary>The square of a step's scaled error, one number a row: see <see cref="RowArithmetic.SquaredScaledError"/>.</summary>
    void SquaredScaledError(
        RowBuffer scratch, RowBuffer x, RowBuffer next, RowSteps h, ReadOnlySpan<RowBuffer> slopes, ReadOnlySpan<double> weights,
        double absolute, double relative, int count, Span<double> squares);

    /// <summary>The mean of ((values − minus)/(atol + rtol |x|))², one number a row: see <see cref="RowArithmetic.SquaredScaledNorms"/>.</summary>
    void SquaredScaledNorms(
        RowBuffer scratch, RowBuffer values, RowBuffer? minus, RowBuffer x, double absolute, double relative, int first, int count, Span<double> squares);
}
