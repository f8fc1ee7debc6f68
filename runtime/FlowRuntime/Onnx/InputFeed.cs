using FlowRuntime.Cards;
using FlowRuntime.Fields;
using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.Onnx;

/// <summary>Feeds an input of a network besides the state: knows what each row of the solver's buffers is to be given, and lays it out for a call.</summary>
/// <param name="value">The input.</param>
/// <param name="callRows">Most rows of a call.</param>
internal abstract class InputFeed(NetworkValue value, int callRows) : IDisposable
{
    /// <summary>The input.</summary>
    public NetworkValue Value => value;

    /// <summary>Most rows of a call.</summary>
    public int MostRows => callRows;

    /// <summary>What a call reads.</summary>
    protected TensorRows Fed { get; } = new(value, callRows);

    /// <summary>The input for a call of so many rows.</summary>
    public OrtValue View(int rows) => Fed.View(rows);

    /// <summary>Bytes of so many rows.</summary>
    public long BytesOf(int rows) => Fed.BytesOf(rows);

    /// <summary>A sample has come into a row.</summary>
    public virtual void Assign(int row, Condition condition)
    {
    }

    /// <summary>A sample moves into another row.</summary>
    public virtual void Move(int source, int destination)
    {
    }

    /// <summary>Makes rows of the solver ready to be fed.</summary>
    public virtual void Feed(int first, int count)
    {
    }

    public void Dispose() => Fed.Dispose();
}

/// <summary>Feeds the time: of each row, or one for the whole call.</summary>
internal sealed class TimeFeed(NetworkValue value, int callRows, NetworkTime time, double[] times) : InputFeed(value, callRows)
{
    private readonly double[] _converted = new double[callRows];

    public override void Feed(int first, int count)
    {
        count = Value.HasRows ? count : 1;
        if (time.IsFlowTime)
        {
            Fed.Write<double>(times.AsSpan(first, count));
            return;
        }
        for (int i = 0; i < count; i++)
            _converted[i] = time.At(times[first + i]);
        Fed.Write<double>(_converted.AsSpan(0, count));
    }
}

/// <summary>Feeds the same numbers at every call.</summary>
internal sealed class ConstantFeed : InputFeed
{
    public ConstantFeed(NetworkValue value, int callRows, ConstantInputCard card) : base(value, callRows)
    {
        double[] values = new double[(value.HasRows ? callRows : 1) * value.Width];
        for (int i = 0; i < values.Length; i++)
            values[i] = card.Values[card.Values.Count == 1 ? 0 : i % value.Width];
        Fed.Write<double>(values);
    }
}
