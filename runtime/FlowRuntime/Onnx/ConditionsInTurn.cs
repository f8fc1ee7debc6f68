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
    /// <param name="guidance">Scale of guidance; 1 for none.</param>
    /// <exception cref="ArgumentException">The model has no such condition, or cannot be guided.</exception>
    public static Func<long, Condition> Of(ConditionsCard? card, string path, IReadOnlyList<Condition> given, IReadOnlyList<int> labels, double guidance)
    {
        ClassesCard? classes = card?.Classes;
        bool conditional = classes is not null || card?.Vectors is { Count: > 0 };
        if (classes is null && (labels.Count > 0 || given.Any(condition => condition.Label is not null)))
            throw new ArgumentException($"{path} has no classes: sample it without labels.");
        if (guidance != 1 && !conditional)
            throw new ArgumentException($"{path} has no classes, so nothing to guide towards: sample it without guidance.");
        if (labels.Count > 0 && given.Any(condition => condition.Label is not null))
            throw new ArgumentException("The conditions have labels and labels are given besides. Give them in one place.");
        Condition[] conditions = given.Count > 0 ? [.. given] : labels.Count > 0 ? [.. labels.Select(label => new Condition { Label = label })] : [Condition.None];
        foreach (Condition condition in conditions)
            Check(condition);
        if (guidance != 1)
        {
            if (conditions.All(condition => condition.Label is null && condition.Vectors.Count == 0) && labels.Count == 0)
                throw new ArgumentException("Guidance sharpens a class or another condition: give labels or conditions with it.");
            if (classes is { Null: null })
                throw new ArgumentException($"{path} has no null class, which guidance needs: sample it without guidance.");
            if (card!.Vectors?.FirstOrDefault(vector => vector.Null is null) is { } bare)
                throw new ArgumentException($"{path} has no null for its condition '{bare.Input}', which guidance needs: sample it without guidance.");
        }
        if (given.Count == 0 || labels.Count == 0)
            return index => conditions[index % conditions.Length];
        foreach (int label in labels)
            Check(conditions[0] with { Label = label });
        return index => conditions[index % conditions.Length] with { Label = labels[(int)(index % labels.Count)] };

        void Check(Condition condition)
        {
            if (classes is not null && (condition.Label is not null || labels.Count == 0))
                OnnxEvaluator.Label(classes, condition);
            ConditionFeed.Check(card, condition);
        }
    }
}
