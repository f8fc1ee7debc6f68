using FlowRuntime.Cards;
using FlowRuntime.Training.Networks;

namespace FlowRuntime.Training.Data;

/// <summary>The numbers that each row of a data set is conditioned on, standardised.</summary>
public sealed class ConditionVectors
{
    private const float Largest = -VelocityNetwork.NullVector / 2;

    private readonly float[] _values;

    /// <summary>Makes the vectors of all rows.</summary>
    /// <param name="columns">Names of the values, and how they become the condition's own units: mean + scale · value.</param>
    /// <param name="values">The standardised values, [count, k]; finite.</param>
    /// <exception cref="ArgumentException">The sizes do not fit, or a value is not finite or hundreds of scales from the mean.</exception>
    public ConditionVectors(ColumnsCard columns, float[] values)
    {
        (Columns, _values, Length) = (columns, values, columns.Names.Count);
        if (Length == 0 || columns.Mean.Count != Length || columns.Scale.Count != Length || values.Length % Length != 0)
            throw new ArgumentException($"{values.Length} values are no rows of the {Length} conditions that are named.", nameof(values));
        int bad = Array.FindIndex(values, value => !(Math.Abs(value) < Largest));
        if (bad >= 0)
            throw new ArgumentException($"Row {bad / Length} has the condition '{columns.Names[bad % Length]}' {values[bad]} scales from the mean; at most {Largest} are learnt from. Mend it, or take the row out.", nameof(values));
    }

    /// <summary>Names of the values, their means and scales.</summary>
    public ColumnsCard Columns { get; }

    /// <summary>Number k of values of a row.</summary>
    public int Length { get; }

    /// <summary>Number of rows.</summary>
    public int Count => _values.Length / Length;

    /// <summary>The standardised values of one row, [k].</summary>
    public ReadOnlySpan<float> this[int row] => _values.AsSpan(row * Length, Length);

    /// <summary>The vectors of the rows at the given places, in that order.</summary>
    internal ConditionVectors Select(IReadOnlyList<int> rows)
    {
        float[] chosen = new float[rows.Count * Length];
        for (int i = 0; i < rows.Count; i++)
            this[rows[i]].CopyTo(chosen.AsSpan(i * Length));
        return new ConditionVectors(Columns, chosen);
    }
}
