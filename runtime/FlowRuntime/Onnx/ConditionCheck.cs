using FlowRuntime.Cards;
using FlowRuntime.Fields;

namespace FlowRuntime.Onnx;

/// <summary>Holds a condition against what a card says the network takes.</summary>
internal static class ConditionCheck
{
    /// <exception cref="ArgumentException">A label, vector or sequence is missing, unknown, of another length or not finite.</exception>
    public static void Check(ConditionsCard? card, Condition condition)
    {
        if (card?.Classes is { } classes)
            Label(classes, condition);
        else if (condition.Label is not null)
            throw new ArgumentException("This model has no classes: give no label.");
        if (card is not ({ Vectors.Count: > 0 } or { Sequences.Count: > 0 }) && condition.Vectors.Count == 0 && condition.Sequences.Count == 0)
            return; // asked for every sample, of which most models know no more
        IReadOnlyList<ConditionInputCard> vectors = card?.Vectors ?? [];
        Named("condition vector", "condition", [.. vectors.Select(vector => new NamedInput(vector.Input, Described(vector), vector.Null is not null))], condition.Vectors);
        foreach (ConditionInputCard vector in vectors)
        {
            if (condition.Vectors.TryGetValue(vector.Input, out float[]? values) && values.Length != vector.Length)
                throw new ArgumentException($"{values.Length} numbers are no condition {Described(vector)}.");
        }
        IReadOnlyList<SequenceInputCard> sequences = card?.Sequences ?? [];
        Named("sequence", "sequence", [.. sequences.Select(sequence => new NamedInput(sequence.Input, Described(sequence), sequence.Null is not null))], condition.Sequences);
        foreach (SequenceInputCard sequence in sequences)
        {
            if (condition.Sequences.TryGetValue(sequence.Input, out float[]? values)
                && (values.Length == 0 || values.Length % sequence.ItemLength != 0 || values.Length > sequence.ItemLength * sequence.MostItems))
            {
                throw new ArgumentException($"{values.Length} numbers are no sequence {Described(sequence)}.");
            }
        }
    }

    /// <summary>The label fed for a condition: the class, or the null class for none.</summary>
    /// <exception cref="ArgumentException">There is no such class, or no null class.</exception>
    public static int Label(ClassesCard classes, Condition condition)
    {
        if (condition.Label is not { } label)
            return classes.Null ?? throw new ArgumentException("This model has classes and no null class: give a label.");
        if (label < 0 || label >= classes.Names.Count)
            throw new ArgumentException($"There is no label {label}; this model has the labels 0 to {classes.Names.Count - 1}.");
        return label;
    }

    private static void Named(string kind, string what, NamedInput[] inputs, IReadOnlyDictionary<string, float[]> given)
    {
        foreach ((string name, float[] values) in given)
        {
            if (!inputs.Any(input => input.Input == name))
            {
                throw new ArgumentException(inputs.Length == 0 ? $"This model takes no {kind} '{name}'; it has none."
                    : $"This model has no {kind} '{name}'; it has {string.Join(", ", inputs.Select(input => input.Described))}.");
            }
            int bad = Array.FindIndex(values, value => !float.IsFinite(value));
            if (bad >= 0)
                throw new ArgumentException($"Number {bad + 1} of the {what} {inputs.First(input => input.Input == name).Described} is {values[bad]}. Give finite numbers.");
        }
        foreach (NamedInput input in inputs)
        {
            if (!input.HasNull && !given.ContainsKey(input.Input))
                throw new ArgumentException($"This model has no null for its {what} {input.Described}: give it.");
        }
    }

    private sealed class NamedInput(string input, string described, bool hasNull)
    {
        public string Input => input;

        public string Described => described;

        public bool HasNull => hasNull;
    }

    private static string Described(ConditionInputCard input) =>
        $"'{input.Input}' of {input.Length} numbers{(input.Columns is { } columns ? $" ({string.Join(", ", columns.Names)})" : "")}";

    private static string Described(SequenceInputCard input) => $"'{input.Input}' of 1 to {input.MostItems} items with {input.ItemLength} numbers each";
}
