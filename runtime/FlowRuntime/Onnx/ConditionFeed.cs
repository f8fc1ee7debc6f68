using FlowRuntime.Cards;
using FlowRuntime.Fields;

namespace FlowRuntime.Onnx;

/// <summary>One vector input of a network: the values of each row, as they are fed.</summary>
internal sealed class ConditionFeed
{
    private readonly ConditionInputCard _card;
    private readonly float[] _rows; // of each row in the solver's buffers
    private readonly float[] _fed; // of the rows of a call

    public ConditionFeed(ConditionInputCard card, int capacity)
    {
        _card = card;
        _rows = new float[capacity * card.Length];
        _fed = GC.AllocateArray<float>(capacity * card.Length, pinned: true);
    }

    /// <summary>Name of the network's input.</summary>
    public string Input => _card.Input;

    /// <summary>Shape of some rows.</summary>
    public long[] ShapeOf(int rows) => [rows, .. _card.Shape.Select(size => (long)size)];

    /// <summary>The first rows of a call, as they are bound.</summary>
    public Memory<float> Fed(int rows) => _fed.AsMemory(0, rows * _card.Length);

    public void Assign(int row, Condition condition)
    {
        Span<float> values = _rows.AsSpan(row * _card.Length, _card.Length);
        if (!condition.Vectors.TryGetValue(_card.Input, out float[]? given))
        {
            values.Fill((float)_card.Null!.Value);
            return;
        }
        given.CopyTo(values);
        if (_card.Columns is not { } columns)
            return;
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)((given[i] - columns.Mean[i]) / columns.Scale[i]);
    }

    public void Move(int source, int destination) =>
        _rows.AsSpan(source * _card.Length, _card.Length).CopyTo(_rows.AsSpan(destination * _card.Length));

    /// <summary>Makes the rows of a call ready to be fed.</summary>
    public void Feed(int first, int count) => _rows.AsSpan(first * _card.Length, count * _card.Length).CopyTo(_fed);

    /// <summary>Checks a condition against the card.</summary>
    /// <exception cref="ArgumentException">A vector is missing, unknown, of another length or not finite.</exception>
    public static void Check(ConditionsCard? card, Condition condition)
    {
        IReadOnlyList<ConditionInputCard> inputs = card?.Vectors ?? [];
        if (inputs.Count == 0 && condition.Vectors.Count == 0)
            return;
        foreach ((string name, float[] values) in condition.Vectors)
        {
            ConditionInputCard input = inputs.FirstOrDefault(input => input.Input == name) ?? throw new ArgumentException(
                inputs.Count == 0 ? $"This model takes no condition vector '{name}'; it has none." : $"This model has no condition vector '{name}'; it has {string.Join(", ", inputs.Select(Described))}.");
            if (values.Length != input.Length)
                throw new ArgumentException($"{values.Length} numbers are no condition {Described(input)}.");
            int bad = Array.FindIndex(values, value => !float.IsFinite(value));
            if (bad >= 0)
                throw new ArgumentException($"Number {bad + 1} of the condition {Described(input)} is {values[bad]}. Give finite numbers.");
        }
        ConditionInputCard? missing = inputs.FirstOrDefault(input => input.Null is null && !condition.Vectors.ContainsKey(input.Input));
        if (missing is not null)
            throw new ArgumentException($"This model has no null for its condition {Described(missing)}: give it.");
    }

    private static string Described(ConditionInputCard input) =>
        $"'{input.Input}' of {input.Length} numbers{(input.Columns is { } columns ? $" ({string.Join(", ", columns.Names)})" : "")}";
}
