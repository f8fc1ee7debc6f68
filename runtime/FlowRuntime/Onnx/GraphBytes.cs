using System.Buffers.Binary;
using static FlowRuntime.Cards.ProtobufBytes;

namespace FlowRuntime.Onnx;

/// <summary>Writes small ONNX graphs of float32 tables [N, d] as bytes, for the arithmetic that runs beside a network.</summary>
/// <remarks>Source: onnx.proto of the ONNX project, by the field numbers there.</remarks>
internal sealed class GraphBytes
{
    private const int Opset = 20, IrVersion = 9, Float = 1, Bool = 9, Int64 = 7;

    private readonly List<byte[]> _parts = [];
    private int _names;

    /// <summary>An input of one row a sample: all values of it, or one number where it has but one.</summary>
    public string Input(string name, int width, bool isFlag = false)
    {
        _parts.Add(Value(11, name, isFlag ? Bool : Float, [-1, width]));
        return name;
    }

    /// <summary>An output.</summary>
    public void Output(string name, int width) => _parts.Add(Value(12, name, Float, [-1, width]));

    /// <summary>The model that copies a value of any type and shape: out = a.</summary>
    public static byte[] Copy(NetworkValue value)
    {
        var graph = new GraphBytes();
        int type = (int)value.Type; // ONNX Runtime's numbers are those of the format
        graph._parts.Add(Value(11, "a", type, value.Shape));
        graph.Named("Identity", "out", "a");
        graph._parts.Add(Value(12, "out", type, value.Shape));
        return graph.ToModel();
    }

    /// <summary>A number.</summary>
    public string Constant(double value)
    {
        byte[] raw = new byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(raw, (float)value);
        return Initializer([], Float, raw);
    }

    /// <summary>The axis of a reduction.</summary>
    public string Axis(long axis)
    {
        byte[] raw = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(raw, axis);
        return Initializer([1], Int64, raw);
    }

    /// <summary>A node.</summary>
    /// <returns>The name of its output.</returns>
    public string Node(string operation, params string[] inputs) => Named(operation, $"v{_names++}", inputs);

    /// <summary>A node whose output has a given name.</summary>
    public string Named(string operation, string output, params string[] inputs)
    {
        _parts.Add(Message(1, [.. inputs.Select(input => Text(1, input)), Text(2, output), Text(4, operation)]));
        return output;
    }

    /// <summary>The model.</summary>
    public byte[] ToModel() => [.. Number(1, IrVersion), .. Message(7, [Text(2, "arithmetic"), .. _parts]), .. Message(8, Text(1, ""), Number(2, Opset))];

    private string Initializer(int[] sizes, int type, byte[] raw)
    {
        string name = $"c{_names++}";
        _parts.Add(Message(5, [.. sizes.Select(size => Number(1, size)), Number(2, type), Text(8, name), Message(9, raw)]));
        return name;
    }

    private static byte[] Value(int number, string name, int type, long[] shape) => Message(number, Text(1, name),
        Message(2, Message(1, Number(1, type), Message(2, [.. shape.Select(size => Message(1, size == -1 ? Text(2, "N") : Number(1, size)))]))));
}
