using FlowRuntime.Cards;
using FlowRuntime.Fields;

namespace FlowRuntime.Onnx;

/// <summary>Feeds what the condition of a row's sample says about one input.</summary>
internal abstract class ConditionFeed(NetworkValue value, int capacity, int callRows) : InputFeed(value, callRows)
{
    private readonly float[] _rows = new float[checked(capacity * value.Width)];

    public sealed override void Assign(int row, Condition condition) => Fill(condition, Row(row));

    public sealed override void Move(int source, int destination) => Row(source).CopyTo(Row(destination));

    public sealed override void Feed(int first, int count) => Fed.Write<float>(_rows.AsSpan(first * Value.Width, count * Value.Width));

    /// <summary>Writes what a condition asks for.</summary>
    protected abstract void Fill(Condition condition, Span<float> row);

    private Span<float> Row(int row) => _rows.AsSpan(row * Value.Width, Value.Width);
}

/// <summary>Feeds the class label.</summary>
internal sealed class LabelFeed(NetworkValue value, int capacity, int callRows, ClassesCard classes) : ConditionFeed(value, capacity, callRows)
{
    protected override void Fill(Condition condition, Span<float> row) => row[0] = ConditionCheck.Label(classes, condition);
}

/// <summary>Feeds a vector.</summary>
internal sealed class VectorFeed(NetworkValue value, int capacity, int callRows, ConditionInputCard card) : ConditionFeed(value, capacity, callRows)
{
    protected override void Fill(Condition condition, Span<float> row)
    {
        if (!condition.Vectors.TryGetValue(card.Input, out float[]? given))
        {
            row.Fill((float)card.Null!.Value);
            return;
        }
        given.CopyTo(row);
        if (card.Columns is not { } columns)
            return;
        for (int i = 0; i < row.Length; i++)
            row[i] = (float)((given[i] - columns.Mean[i]) / columns.Scale[i]);
    }
}

/// <summary>Feeds a sequence, filled up to its greatest length.</summary>
internal sealed class SequenceFeed(NetworkValue value, int capacity, int callRows, SequenceInputCard card) : ConditionFeed(value, capacity, callRows)
{
    protected override void Fill(Condition condition, Span<float> row)
    {
        if (!condition.Sequences.TryGetValue(card.Input, out float[]? given))
        {
            row.Fill((float)card.Null!.Value);
            return;
        }
        given.CopyTo(row);
        row[given.Length..].Fill((float)card.Padding);
    }
}

/// <summary>Feeds a sequence's mask: 1 where its items are, and everywhere for the null, which fills the whole input.</summary>
internal sealed class MaskFeed(NetworkValue value, int capacity, int callRows, SequenceInputCard card) : ConditionFeed(value, capacity, callRows)
{
    protected override void Fill(Condition condition, Span<float> row)
    {
        int items = condition.Sequences.TryGetValue(card.Input, out float[]? given) ? given.Length / card.ItemLength : card.MostItems;
        row[..items].Fill(1);
        row[items..].Clear();
    }
}
