using FlowRuntime.Cards;
using FlowRuntime.Fields;

namespace FlowRuntime.Onnx;

/// <summary>Which condition each sample of a model is drawn under: labels and conditions are taken in turn.</summary>
internal static class ConditionsInTurn
{
    /// <summary>Checks what is asked for against the card, and tells the condition of each sample by its index.</summary>
    /// <param name="card">What the model can be conditioned on.</param>
    /// <param name="path">The model's file, for messages.</param>
    /// <param name="given">Conditions, in turn; empty for none.</param>
    /// <param name="labels">Labels, in turn; empty for none.</param>
    /// <param name="guidance">The guidance.</param>
    /// <exception cref="ArgumentException">The model has no such condition, or cannot be guided.</exception>
    public static Func<long, Condition> Of(ConditionsCard? card, string path, IReadOnlyList<Condition> given, IReadOnlyList<int> labels, Guidance guidance)
    {
        ClassesCard? classes = card?.Classes;
        if (classes is null && (labels.Count > 0 || given.Any(condition => condition.Label is not null)))
            throw new ArgumentException($"{path} has no classes: sample it without labels.");
        if (!guidance.IsNone && classes is null && card is not ({ Vectors.Count: > 0 } or { Sequences.Count: > 0 }))
            throw new ArgumentException($"{path} has no classes, so nothing to guide towards: sample it without guidance.");
        if (labels.Count > 0 && given.Any(condition => condition.Label is not null))
            throw new ArgumentException("The conditions have labels and labels are given besides. Give them in one place.");
        Condition[] conditions = given.Count > 0 ? [.. given] : labels.Count > 0 ? [.. labels.Select(label => new Condition { Label = label })] : [Condition.None];
        bool labelled = given.Count > 0 && labels.Count > 0;
        foreach (Condition condition in conditions)
            ConditionCheck.Check(card, labelled ? condition with { Label = labels[0] } : condition);
        foreach (int label in labels)
            ConditionCheck.Check(card, conditions[0] with { Label = label });
        if (!guidance.IsNone)
        {
            if (labels.Count == 0 && conditions.All(condition => condition.IsNone))
                throw new ArgumentException("Guidance sharpens a class or another condition: give labels or conditions with it.");
            if (guidance.Negative is { } negative)
            {
                ConditionCheck.Check(card, negative);
                return InTurn();
            }
            if (classes is { Null: null })
                throw new ArgumentException($"{path} has no null class, which guidance needs: sample it without guidance.");
            string? bare = card!.Vectors?.FirstOrDefault(vector => vector.Null is null)?.Input ?? card.Sequences?.FirstOrDefault(sequence => sequence.Null is null)?.Input;
            if (bare is not null)
                throw new ArgumentException($"{path} has no null for its condition '{bare}', which guidance needs: sample it without guidance.");
        }
        return InTurn();

        Func<long, Condition> InTurn() => labelled
            ? index => conditions[index % conditions.Length] with { Label = labels[(int)(index % labels.Count)] }
            : index => conditions[index % conditions.Length];
    }
}
