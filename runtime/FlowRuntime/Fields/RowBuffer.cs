using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FlowRuntime.Fields;

/// <summary>
/// A table of float32 values, [rows, width], row-major: one row a sample. The engine and the velocity field share such
/// buffers, so that a network writes its velocities where the solver reads them.
/// </summary>
/// <remarks>
/// The memory is pinned and goes on for <see cref="Padding"/> floats behind the last row, so that arithmetic may run in
/// whole vectors over a range of rows, whichever element it starts at: what lies behind the range belongs to no sample.
/// </remarks>
public sealed class RowBuffer
{
    /// <summary>Floats behind the last row: those of two of the widest vector registers.</summary>
    internal const int Padding = 32;

    private float[] _values;

    /// <summary>Allocates a buffer of zeros.</summary>
    /// <param name="rows">Number of rows, at least 1.</param>
    /// <param name="width">Number of values a row, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, or rows · width is more than an array can hold.</exception>
    public RowBuffer(int rows, int width) : this(rows, width, cleared: true)
    {
    }

    /// <summary>Takes a buffer that may hold anything where it need not be cleared.</summary>
    internal RowBuffer(int rows, int width, bool cleared)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        long length = (long)rows * width + Padding;
        if (length > Array.MaxLength)
            throw new ArgumentOutOfRangeException(nameof(rows), rows,
                $"{rows} rows of {width} values are more than one array can hold. Use fewer slots.");
        Rows = rows;
        Width = width;
        _values = PinnedArrays.Take((int)length);
        if (cleared)
            Array.Clear(_values);
    }

    /// <summary>A table that is but a name: its values lie in the memory of a device.</summary>
    internal RowBuffer(int rows, int width, Onnx.DeviceStates device)
    {
        (Rows, Width, Device) = (rows, width, device);
        _values = [];
    }

    /// <summary>Who keeps the values, where they lie in the memory of a device; null for the host's.</summary>
    internal Onnx.DeviceStates? Device { get; }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Number of values a row.</summary>
    public int Width { get; }

    /// <summary>All rows as one memory of rows · width values, row-major.</summary>
    public Memory<float> Memory => _values.AsMemory(0, Rows * Width);

    /// <summary>The values of one row.</summary>
    /// <param name="index">Row, from 0 to <see cref="Rows"/> − 1.</param>
    public Span<float> this[int index] => _values.AsSpan(index * Width, Width);

    /// <summary>The values of a range of rows, row-major.</summary>
    /// <param name="first">First row.</param>
    /// <param name="count">Number of rows.</param>
    public Span<float> Range(int first, int count) => _values.AsSpan(first * Width, count * Width);

    /// <summary>Gives the memory back; the buffer is empty from then on.</summary>
    internal void Release()
    {
        float[] values = _values;
        _values = [];
        if (values.Length > 0)
            PinnedArrays.Return(values);
    }

    /// <summary>Address of the first value; the array is pinned for its life.</summary>
    internal unsafe float* Pointer => (float*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_values));
}
