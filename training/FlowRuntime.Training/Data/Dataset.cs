using FlowRuntime.Cards;

namespace FlowRuntime.Training.Data;

/// <summary>Rows to learn from, in the network's units, with what the model's card shall say of them.</summary>
public sealed class Dataset
{
    /// <summary>Makes a data set.</summary>
    /// <param name="name">Name, as reports and cards write it.</param>
    /// <param name="shape">Shape of one row, such as [1, 8, 8] or [2].</param>
    /// <param name="values">All rows in the network's units, [count, shape…], row-major; finite.</param>
    /// <param name="card">How the network's units become the data's.</param>
    /// <param name="labels">Class of each row, [count]; null where there are no classes.</param>
    /// <param name="classNames">Names of the classes; given with labels.</param>
    /// <exception cref="ArgumentException">The sizes do not fit, or a value is not finite.</exception>
    public Dataset(string name, IReadOnlyList<int> shape, float[] values, DataCard card, int[]? labels = null, IReadOnlyList<string>? classNames = null)
    {
        Dimension = shape.Aggregate(1, (product, size) => product * size);
        if (values.Length == 0 || values.Length % Dimension != 0)
            throw new ArgumentException($"{name}: {values.Length} values are no whole number of rows of {Dimension}.", nameof(values));
        Count = values.Length / Dimension;
        int bad = Array.FindIndex(values, value => !float.IsFinite(value));
        if (bad >= 0)
            throw new ArgumentException($"{name}: row {bad / Dimension} holds a value that is not finite.", nameof(values));
        if (labels is null != classNames is null || (labels is not null && labels.Length != Count))
            throw new ArgumentException($"{name}: give one label a row together with the classes' names, or neither.", nameof(labels));
        int wrong = labels is null ? -1 : Array.FindIndex(labels, label => label < 0 || label >= classNames!.Count);
        if (wrong >= 0)
            throw new ArgumentException($"{name}: row {wrong} has the label {labels![wrong]}; there are {classNames!.Count} classes.", nameof(labels));
        (Name, Shape, Values, Card, Labels, ClassNames) = (name, shape, values, card, labels, classNames);
    }

    /// <summary>Name, as reports and cards write it.</summary>
    public string Name { get; }

    /// <summary>Shape of one row.</summary>
    public IReadOnlyList<int> Shape { get; }

    /// <summary>Number of values of one row.</summary>
    public int Dimension { get; }

    /// <summary>Number of rows.</summary>
    public int Count { get; }

    /// <summary>All rows in the network's units, [count, dimension].</summary>
    public float[] Values { get; }

    /// <summary>How the network's units become the data's.</summary>
    public DataCard Card { get; }

    /// <summary>Class of each row; null where there are no classes.</summary>
    public int[]? Labels { get; }

    /// <summary>Names of the classes; null where there are none.</summary>
    public IReadOnlyList<string>? ClassNames { get; }

    /// <summary>One row, [dimension].</summary>
    public ReadOnlySpan<float> this[int row] => Values.AsSpan(row * Dimension, Dimension);

    /// <summary>All rows in the data's own units, [count, dimension].</summary>
    public float[] InDataUnits()
    {
        float[] values = [.. Values];
        DataTransform.ToDataUnits(Card, values);
        return values;
    }

    /// <summary>The rows at the given places, in that order.</summary>
    public Dataset Select(IReadOnlyList<int> rows)
    {
        float[] values = new float[rows.Count * Dimension];
        for (int i = 0; i < rows.Count; i++)
            this[rows[i]].CopyTo(values.AsSpan(i * Dimension));
        return new Dataset(Name, Shape, values, Card, Labels is null ? null : [.. rows.Select(row => Labels[row])], ClassNames);
    }
}
