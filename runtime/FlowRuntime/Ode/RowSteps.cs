using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using FlowRuntime.Fields;

namespace FlowRuntime.Ode;

/// <summary>The step size of each row, signed, as the arithmetic over rows wants it.</summary>
internal sealed class RowSteps
{
    private readonly float[] _steps;

    public RowSteps(int rows, int width)
    {
        _steps = new float[rows];
        Expanded = width < RowArithmetic.WideRow ? new RowBuffer(rows, width, cleared: false) : null;
    }

    /// <summary>Each row's step expanded to all its elements, where rows are narrow; null where they are wide.</summary>
    public RowBuffer? Expanded { get; }

    /// <summary>The step of one row.</summary>
    public float this[int row] => _steps[row];

    /// <summary>Gives all rows the same step.</summary>
    public void Fill(float step)
    {
        Array.Fill(_steps, step);
        Expanded?.Memory.Span.Fill(step);
    }

    /// <summary>Sets the steps of a range of rows.</summary>
    /// <param name="first">First row.</param>
    /// <param name="steps">A step for each row from there on.</param>
    /// <param name="sign">1, or −1 for a solve in reverse.</param>
    public void Set(int first, ReadOnlySpan<double> steps, int sign)
    {
        Span<float> target = _steps.AsSpan(first, steps.Length);
        TensorPrimitives.ConvertTruncating(steps, target); // rounds to the nearest, as a cast does
        if (sign < 0)
            TensorPrimitives.Negate(target, target);
        if (Expanded is null)
            return;
        int width = Expanded.Width;
        Span<float> elements = Expanded.Range(first, steps.Length);
        if (width == 2) // points in the plane are the most frequent
        {
            // Both halves of a long are the same float.
            Span<ulong> pairs = MemoryMarshal.Cast<float, ulong>(elements);
            ReadOnlySpan<uint> bits = MemoryMarshal.Cast<float, uint>(target);
            TensorPrimitives.ConvertTruncating(bits, pairs);
            TensorPrimitives.Multiply(pairs, 0x1_0000_0001UL, pairs);
            return;
        }
        for (int i = 0; i < target.Length; i++)
            elements.Slice(i * width, width).Fill(target[i]);
    }
}
