using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Training.Onnx;

namespace FlowRuntime.Training.Data;

/// <summary>Rows to learn from, in the network's units, with what the model's card shall say of them.</summary>
public sealed class Dataset
{
    private readonly IRowSource _rows;

    /// <summary>Makes a data set of rows in memory.</summary>
    /// <param name="name">Name, as reports and cards write it.</param>
    /// <param name="shape">Shape of one row, such as [1, 8, 8] or [2].</param>
    /// <param name="values">All rows in the network's units, [count, shape…], row-major; finite.</param>
    /// <param name="card">How the network's units become the data's.</param>
    /// <param name="labels">Class of each row, [count]; null where there are no classes.</param>
    /// <param name="classNames">Names of the classes; given with labels.</param>
    /// <param name="vectors">What each row is conditioned on besides, [count]; null where there is nothing.</param>
    /// <exception cref="ArgumentException">The sizes do not fit, or a value is not finite.</exception>
    public Dataset(string name, IReadOnlyList<int> shape, float[] values, DataCard card, int[]? labels = null, IReadOnlyList<string>? classNames = null, ConditionVectors? vectors = null)
        : this(name, shape, InMemory(name, shape, values), card, labels, classNames, vectors)
    {
    }

    /// <summary>Makes a data set of rows that are read when they are drawn.</summary>
    /// <param name="name">Name, as reports and cards write it.</param>
    /// <param name="shape">Shape of one row, such as [1, 28, 28].</param>
    /// <param name="rows">The rows.</param>
    /// <param name="card">How the network's units become the data's.</param>
    /// <param name="labels">Class of each row, [count]; null where there are no classes.</param>
    /// <param name="classNames">Names of the classes; given with labels.</param>
    /// <param name="vectors">What each row is conditioned on besides, [count]; null where there is nothing.</param>
    /// <exception cref="ArgumentException">The sizes do not fit.</exception>
    public Dataset(string name, IReadOnlyList<int> shape, IRowSource rows, DataCard card, int[]? labels = null, IReadOnlyList<string>? classNames = null, ConditionVectors? vectors = null)
    {
        if (rows.Count == 0 || rows.Dimension != Product(shape))
            throw new ArgumentException($"{name}: {rows.Count} rows of {rows.Dimension} values are none of shape [{string.Join(", ", shape)}].", nameof(rows));
        if (labels is null != classNames is null || (labels is not null && labels.Length != rows.Count))
            throw new ArgumentException($"{name}: give one label a row together with the classes' names, or neither.", nameof(labels));
        int wrong = labels is null ? -1 : Array.FindIndex(labels, label => label < 0 || label >= classNames!.Count);
        if (wrong >= 0)
            throw new ArgumentException($"{name}: row {wrong} has the label {labels![wrong]}; there are {classNames!.Count} classes.", nameof(labels));
        if (vectors is not null && vectors.Count != rows.Count)
            throw new ArgumentException($"{name}: there are {vectors.Count} condition vectors for {rows.Count} rows; give one a row.", nameof(vectors));
        (Name, Shape, _rows, Card, Labels, ClassNames, Vectors) = (name, shape, rows, card, labels, classNames, vectors);
    }

    /// <summary>Name, as reports and cards write it.</summary>
    public string Name { get; }

    /// <summary>Shape of one row.</summary>
    public IReadOnlyList<int> Shape { get; }

    /// <summary>Number of values of one row.</summary>
    public int Dimension => _rows.Dimension;

    /// <summary>Number of rows.</summary>
    public int Count => _rows.Count;

    /// <summary>All rows in the network's units, [count, dimension]; a copy in memory where the rows are elsewhere, or a choice of others.</summary>
    public float[] Values => _rows is MemoryRows memory ? memory.Values : First(Count);

    /// <summary>How the network's units become the data's.</summary>
    public DataCard Card { get; }

    /// <summary>Class of each row; null where there are no classes.</summary>
    public int[]? Labels { get; }

    /// <summary>Names of the classes; null where there are none.</summary>
    public IReadOnlyList<string>? ClassNames { get; }

    /// <summary>What each row is conditioned on besides its class; null where there is nothing.</summary>
    public ConditionVectors? Vectors { get; }

    /// <summary>The conditions of the first rows, as a model of these data is sampled under them; a vector is called <c>condition</c>.</summary>
    /// <param name="most">The most rows, at least 1.</param>
    public IReadOnlyList<Condition> Conditions(int most) =>
        [.. Enumerable.Range(0, Math.Min(most, Count)).Select(row => NetworkConditions.Of(Labels?[row], Vectors is null ? [] : Vectors[row], Vectors?.Columns))];

    /// <summary>One row in the network's units, [dimension].</summary>
    public float[] this[int row]
    {
        get
        {
            float[] values = new float[Dimension];
            Read(row, values);
            return values;
        }
    }

    /// <summary>Reads one row. Safe under concurrent use.</summary>
    /// <param name="row">The row, from 0.</param>
    /// <param name="destination">Its values in the network's units, [dimension].</param>
    public void Read(int row, Span<float> destination) => _rows.Read(row, destination);

    /// <summary>The first rows in the data's own units, [count, dimension].</summary>
    /// <param name="most">The most rows, at least 0. Default: all.</param>
    public float[] InDataUnits(int most = int.MaxValue)
    {
        float[] values = First(Math.Min(most, Count));
        DataTransform.ToDataUnits(Card, values);
        return values;
    }

    /// <summary>The rows at the given places, in that order; they are not copied.</summary>
    /// <param name="rows">The places, from 0; a place may come again.</param>
    public Dataset Select(IReadOnlyList<int> rows) =>
        new(Name, Shape, new SelectedRows(_rows, [.. rows]), Card, Labels is null ? null : [.. rows.Select(row => Labels[row])], ClassNames, Vectors?.Select(rows));

    /// <summary>The same rows, conditioned on vectors; they are not copied.</summary>
    /// <param name="vectors">The vector of each row, [count].</param>
    /// <exception cref="ArgumentException">There are more or fewer vectors than rows.</exception>
    public Dataset Under(ConditionVectors vectors) => new(Name, Shape, _rows, Card, Labels, ClassNames, vectors);

    private float[] First(int count)
    {
        float[] values = new float[checked(count * Dimension)];
        for (int row = 0; row < count; row++)
            Read(row, values.AsSpan(row * Dimension, Dimension));
        return values;
    }

    private static MemoryRows InMemory(string name, IReadOnlyList<int> shape, float[] values)
    {
        int dimension = Product(shape);
        if (values.Length == 0 || values.Length % dimension != 0)
            throw new ArgumentException($"{name}: {values.Length} values are no whole number of rows of {dimension}.", nameof(values));
        int bad = Array.FindIndex(values, value => !float.IsFinite(value));
        if (bad >= 0)
            throw new ArgumentException($"{name}: row {bad / dimension} holds a value that is not finite.", nameof(values));
        return new MemoryRows(values, dimension);
    }

    private static int Product(IReadOnlyList<int> shape) => shape.Aggregate(1, (product, size) => product * size);
}
