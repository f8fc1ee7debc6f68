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
    /// <param name="values">The values, row after row.</param>
    public void Write(ReadOnlySpan<float> values)
    {
        switch (_value.Type)
        {
            case TensorElementType.Float:
                values.CopyTo(As<float>());
                break;
            case TensorElementType.Float16:
                TensorPrimitives.ConvertToHalf(values, As<Half>());
                break;
            case TensorElementType.Double:
                TensorPrimitives.ConvertTruncating(values, As<double>());
                break;
            case TensorElementType.Int64:
                TensorPrimitives.ConvertTruncating(values, As<long>());
                break;
            case TensorElementType.Int32:
                TensorPrimitives.ConvertTruncating(values, As<int>());
                break;
            default:
                Span<byte> flags = As<byte>();
                for (int i = 0; i < values.Length; i++)
                    flags[i] = values[i] == 0 ? (byte)0 : (byte)1;
                break;
        }
    }

    /// <summary>Writes numbers of double precision from the first row on, such as times and labels.</summary>
    public void Write(ReadOnlySpan<double> values)
    {
        switch (_value.Type)
        {
            case TensorElementType.Float:
                TensorPrimitives.ConvertTruncating(values, As<float>()); // rounds to the nearest, as a cast does
                break;
            case TensorElementType.Float16:
                TensorPrimitives.ConvertTruncating(values, As<Half>());
                break;
            case TensorElementType.Double:
                values.CopyTo(As<double>());
                break;
            case TensorElementType.Int64:
                TensorPrimitives.ConvertTruncating(values, As<long>());
                break;
            case TensorElementType.Int32:
                TensorPrimitives.ConvertTruncating(values, As<int>());
                break;
            default:
                Span<byte> flags = As<byte>();
                for (int i = 0; i < values.Length; i++)
                    flags[i] = values[i] == 0 ? (byte)0 : (byte)1;
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

    private Span<T> As<T>() where T : unmanaged => MemoryMarshal.Cast<float, T>(_memory.AsSpan());

    private static int SizeOf(TensorElementType type) => type switch
    {
        TensorElementType.Int64 or TensorElementType.Double => 8,
        TensorElementType.Float or TensorElementType.Int32 => 4,
        TensorElementType.Float16 => 2,
        _ => 1,
    };
}
