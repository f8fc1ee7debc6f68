using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using FlowRuntime.Fields;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FlowRuntime.Onnx;

/// <summary>A pinned table of rows in the element type that a network takes or gives; numbers are converted on the way in and out.</summary>
internal sealed class TensorRows : IDisposable
{
    private readonly NetworkValue _value;
    private readonly int _size;
    private float[] _memory;

    /// <summary>Takes a table of zeros.</summary>
    /// <param name="value">The input or output.</param>
    /// <param name="rows">Number of rows; where the value's shape has none, its numbers are kept once.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rows are more than an array can hold.</exception>
    public TensorRows(NetworkValue value, int rows)
    {
        _value = value;
        _size = SizeOf(value.Type);
        long floats = ((long)(value.HasRows ? rows : 1) * value.Width * _size + sizeof(float) - 1) / sizeof(float);
        if (floats > Array.MaxLength)
            throw new ArgumentOutOfRangeException(nameof(rows), rows, $"{rows} rows of '{value.Name}' with {value.Width} values are more than one array can hold. Use fewer slots.");
        _memory = PinnedArrays.Take((int)floats);
        Array.Clear(_memory); // rows that pad a call are numbers of the graph's type, too
    }

    /// <summary>Whether a type holds whole numbers alone.</summary>
    public static bool IsWhole(TensorElementType type) => type is TensorElementType.Int64 or TensorElementType.Int32;

    /// <summary>Whether a type holds real numbers.</summary>
    public static bool IsReal(TensorElementType type) => type is TensorElementType.Float or TensorElementType.Float16 or TensorElementType.Double;

    /// <summary>Writes from the first row on.</summary>
    /// <param name="values">The values, row after row: float32, or doubles such as times.</param>
    public void Write<T>(ReadOnlySpan<T> values) where T : unmanaged, INumberBase<T>
    {
        switch (_value.Type)
        {
            case TensorElementType.Float:
                Convert(values, As<float>());
                break;
            case TensorElementType.Float16:
                Convert(values, As<Half>());
                break;
            case TensorElementType.Double:
                Convert(values, As<double>());
                break;
            case TensorElementType.Int64:
                Convert(values, As<long>());
                break;
            case TensorElementType.Int32:
                Convert(values, As<int>());
                break;
            default:
                Span<byte> flags = As<byte>();
                for (int i = 0; i < values.Length; i++)
                    flags[i] = T.IsZero(values[i]) ? (byte)0 : (byte)1;
                break;
        }
    }

    /// <summary>Reads from the first row on.</summary>
    /// <param name="values">Receives the values, row after row.</param>
    public void Read(Span<float> values) => Read(MemoryMarshal.AsBytes(_memory.AsSpan()), _value.Type, values);

    /// <summary>Reads the first values of a tensor of real numbers.</summary>
    public static void Read(OrtValue tensor, Span<float> values) => Read(tensor.GetTensorMutableRawData(), tensor.GetTensorTypeAndShape().ElementDataType, values);

    private static void Read(ReadOnlySpan<byte> bytes, TensorElementType type, Span<float> values)
    {
        switch (type)
        {
            case TensorElementType.Float:
                MemoryMarshal.Cast<byte, float>(bytes)[..values.Length].CopyTo(values);
                break;
            case TensorElementType.Float16:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(bytes)[..values.Length], values);
                break;
            default:
                TensorPrimitives.ConvertTruncating<double, float>(MemoryMarshal.Cast<byte, double>(bytes)[..values.Length], values);
                break;
        }
    }

    /// <summary>The first rows as a tensor; it sees what is written later.</summary>
    public OrtValue View(int rows) => OrtValue.CreateTensorValueWithData(
        OrtMemoryInfo.DefaultInstance, _value.Type, _value.ShapeOf(rows), Marshal.UnsafeAddrOfPinnedArrayElement(_memory, 0),
        BytesOf(rows));

    /// <summary>Bytes of the first rows.</summary>
    public long BytesOf(int rows) => (long)(_value.HasRows ? rows : 1) * _value.Width * _size;

    public void Dispose()
    {
        float[] memory = _memory;
        _memory = [];
        if (memory.Length > 0)
            PinnedArrays.Return(memory);
    }

    private static void Convert<TFrom, TTo>(ReadOnlySpan<TFrom> values, Span<TTo> converted) where TFrom : unmanaged, INumberBase<TFrom> where TTo : unmanaged, INumberBase<TTo>
    {
        if (typeof(TFrom) == typeof(TTo))
            MemoryMarshal.Cast<TFrom, TTo>(values).CopyTo(converted);
        else
            TensorPrimitives.ConvertTruncating(values, converted); // a real number is rounded to the nearest, as a cast does
    }

    private Span<T> As<T>() where T : unmanaged => MemoryMarshal.Cast<float, T>(_memory.AsSpan());

    private static int SizeOf(TensorElementType type) => type switch
    {
        TensorElementType.Int64 or TensorElementType.Double => 8,
        TensorElementType.Float or TensorElementType.Int32 => 4,
        TensorElementType.Float16 => 2,
        _ => 1,
    };
}
