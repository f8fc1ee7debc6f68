using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime.Tensors;
using static FlowRuntime.Cards.ProtobufBytes;

namespace FlowRuntime.Onnx;

/// <summary>
/// Nodes of a graph, or of the body of a loop inside it, in the order in which they are computed. Every value gets a name of its own in all of the model, since a body sees
/// the values around it. Constants stand in the outermost graph.
/// </summary>
/// <remarks>Source: onnx.proto of the ONNX project, by the field numbers there.</remarks>
internal sealed class GraphScope
{
    private static class Graph { public const int Node = 1, Name = 2, Initializer = 5, Input = 11, Output = 12; }

    private const int Opset = 20, IrVersion = 9;

    private readonly GraphScope _root;
    private readonly List<ReadOnlyMemory<byte>> _nodes = [];
    private readonly List<ReadOnlyMemory<byte>> _weights = []; // a body's own
    private readonly List<byte[]> _ends = []; // inputs and outputs
    private readonly List<byte[]> _initializers = []; // of the root
    private readonly Dictionary<string, string> _constants = []; // of the root, by type and value
    private int _names; // of the root

    public GraphScope() => _root = this;

    private GraphScope(GraphScope outer) => _root = outer._root;

    /// <summary>A scope for the body of a loop.</summary>
    public GraphScope Body() => new(this);

    /// <summary>A name that nothing else has.</summary>
    public string NewName() => $"value/{_root._names++}";

    /// <summary>An input; −1 stands for a size that is open.</summary>
    public string Input(string name, TensorElementType type, params ReadOnlySpan<long> shape) => End(Graph.Input, name, type, shape);

    /// <summary>An output.</summary>
    public string Output(string name, TensorElementType type, params ReadOnlySpan<long> shape) => End(Graph.Output, name, type, shape);

    /// <summary>A node with one output.</summary>
    public string Node(string operation, params ReadOnlySpan<string> inputs) => With(operation, [], inputs);

    /// <summary>A node with attributes and one output.</summary>
    public string With(string operation, byte[][] attributes, params ReadOnlySpan<string> inputs)
    {
        string output = NewName();
        Add(operation, attributes, inputs, [output]);
        return output;
    }

    /// <summary>A node.</summary>
    public void Add(string operation, byte[][] attributes, ReadOnlySpan<string> inputs, ReadOnlySpan<string> outputs)
    {
        var fields = new List<byte[]>();
        foreach (string input in inputs)
            fields.Add(Text(1, input));
        foreach (string output in outputs)
            fields.Add(Text(2, output));
        fields.Add(Text(4, operation));
        fields.AddRange(attributes);
        Add(Message(Graph.Node, [.. fields]));
    }

    /// <summary>A loop over a body. What the body holds is not copied.</summary>
    /// <param name="body">The body, complete.</param>
    /// <param name="inputs">The largest number of turns, whether there is a first one, and what is carried from turn to turn.</param>
    /// <param name="outputs">Names for what is carried, at the end, and for what each turn hands out.</param>
    public void AddLoop(GraphScope body, ReadOnlySpan<string> inputs, ReadOnlySpan<string> outputs)
    {
        List<ReadOnlyMemory<byte>> graph = body.Fields("body"), ends = [];
        byte[] name = Text(1, "body"), type = Number(20, 5), head = Head(6, Length(graph));
        foreach (string input in inputs)
            ends.Add(Text(1, input));
        foreach (string output in outputs)
            ends.Add(Text(2, output));
        ends.Add(Text(4, "Loop"));
        byte[] attribute = Head(5, name.Length + head.Length + Length(graph) + type.Length);
        _nodes.AddRange([Head(Graph.Node, Length(ends) + attribute.Length + name.Length + head.Length + Length(graph) + type.Length), .. ends, attribute, name, head, .. graph, type]);
    }

    /// <summary>Where weights are written that stand in this graph itself: ONNX Runtime lays out anew only those that stand beside their nodes.</summary>
    public List<ReadOnlyMemory<byte>> Weights => _weights;

    /// <summary>Number of bytes of pieces.</summary>
    public static long Length(List<ReadOnlyMemory<byte>> pieces)
    {
        long length = 0;
        foreach (ReadOnlyMemory<byte> piece in pieces)
            length += piece.Length;
        return length;
    }

    /// <summary>A node whose one output has a given name.</summary>
    public void Named(string operation, string output, params ReadOnlySpan<string> inputs) => Add(operation, [], inputs, [output]);

    /// <summary>A node that is written already, as a field of the graph.</summary>
    public void Add(byte[] node) => _nodes.Add(node);

    /// <summary>A whole number as an attribute.</summary>
    public static byte[] Attribute(string name, long value) => Message(5, Text(1, name), Number(3, value), Number(20, 2));

    /// <summary>Whole numbers as an attribute.</summary>
    public static byte[] Attribute(string name, params ReadOnlySpan<long> values)
    {
        var fields = new List<byte[]> { Text(1, name) };
        foreach (long value in values)
            fields.Add(Number(8, value));
        fields.Add(Number(20, 7));
        return Message(5, [.. fields]);
    }

    public string Cast(string value, TensorElementType type) => With("Cast", [Attribute("to", (long)type)], value);

    /// <summary>A sum over axis 1, which stays with size 1.</summary>
    public string SumOfRow(string value) => With("ReduceSum", [Attribute("keepdims", 1)], value, Wholes(1));

    /// <summary>Whether all values of each row of a table in float32 are finite, [N, 1]: x − x is 0, or NaN.</summary>
    public string IsFinite(string table) => Node("Equal", SumOfRow(Node("Sub", table, table)), Single(0));

    /// <summary>A number in float64, without dimensions.</summary>
    public string Double(double value) => Constant(TensorElementType.Double, [], MemoryMarshal.AsBytes<double>([value]));

    /// <summary>Numbers in float64.</summary>
    public string Doubles(ReadOnlySpan<double> values, params ReadOnlySpan<long> shape) => Constant(TensorElementType.Double, shape, MemoryMarshal.AsBytes(values));

    /// <summary>A number in float32, without dimensions.</summary>
    public string Single(double value) => Constant(TensorElementType.Float, [], MemoryMarshal.AsBytes<float>([(float)value]));

    /// <summary>A whole number, without dimensions.</summary>
    public string Whole(long value) => Constant(TensorElementType.Int64, [], MemoryMarshal.AsBytes<long>([value]));

    /// <summary>Whole numbers in one dimension.</summary>
    public string Wholes(params ReadOnlySpan<long> values) => Constant(TensorElementType.Int64, [values.Length], MemoryMarshal.AsBytes(values));

    /// <summary>Values one behind another along an axis.</summary>
    public string Concat(long axis, params ReadOnlySpan<string> values) => With("Concat", [Attribute("axis", axis)], values);

    public string True() => Constant(TensorElementType.Bool, [], [1]);

    /// <summary>The fields of the graph. Those of the root begin with its constants.</summary>
    public List<ReadOnlyMemory<byte>> Fields(string name)
    {
        List<ReadOnlyMemory<byte>> fields = [Text(Graph.Name, name)];
        foreach (byte[] constant in _initializers)
            fields.Add(constant);
        fields.AddRange(_weights);
        fields.AddRange(_nodes);
        foreach (byte[] end in _ends)
            fields.Add(end);
        return fields;
    }

    /// <summary>A model of this graph alone.</summary>
    public byte[] ToModel()
    {
        List<ReadOnlyMemory<byte>> graph = Fields("graph");
        graph.Insert(0, Head(7, Length(graph)));
        graph.Insert(0, Number(1, IrVersion));
        graph.Add(Message(8, Text(1, ""), Number(2, Opset)));
        byte[] model = new byte[Length(graph)];
        int at = 0;
        foreach (ReadOnlyMemory<byte> piece in graph)
        {
            piece.Span.CopyTo(model.AsSpan(at));
            at += piece.Length;
        }
        return model;
    }

    private string Constant(TensorElementType type, ReadOnlySpan<long> shape, ReadOnlySpan<byte> raw)
    {
        if (!BitConverter.IsLittleEndian)
            throw new PlatformNotSupportedException("Samplers are written on little-endian machines, as all are that ONNX Runtime is made for.");
        string key = $"{type} {string.Join(',', shape.ToArray())} {Convert.ToHexString(raw)}";
        if (_root._constants.TryGetValue(key, out string? known))
            return known;
        string name = NewName();
        var fields = new List<byte[]>();
        foreach (long size in shape)
            fields.Add(Number(1, size));
        _root._initializers.Add(Message(Graph.Initializer, [.. fields, Number(2, (long)type), Text(8, name), Message(9, raw.ToArray())]));
        return _root._constants[key] = name;
    }

    private string End(int field, string name, TensorElementType type, ReadOnlySpan<long> shape)
    {
        var sizes = new List<byte[]>();
        foreach (long size in shape)
            sizes.Add(size != -1 ? Message(1, Number(1, size)) : sizes.Count == 0 ? Message(1, Text(2, "N")) : Message(1, []));
        _ends.Add(Message(field, Text(1, name), Message(2, Message(1, Number(1, (long)type), Message(2, [.. sizes])))));
        return name;
    }
}
