using System.Globalization;
using System.Runtime.InteropServices;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Onnx.Proto;
using Google.Protobuf;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Onnx;

/// <summary>A value of an ONNX graph, by name.</summary>
internal sealed record OnnxValue(string Name);

/// <summary>Interprets a network as an ONNX graph (opset 20): this exports.</summary>
/// <remarks>
/// SiLU is written as Sigmoid and Mul, which ONNX Runtime fuses into one kernel; its own Swish (opset 24) it does not.
/// The batch is open: Reshape copies axis 0 (size 0 in the operator's shape).
/// </remarks>
internal sealed class OnnxOps : ITensorOps<OnnxValue>
{
    /// <summary>Floats in the widest vector register.</summary>
    private const int VectorLength = 16;

    private readonly GraphProto _graph;
    private readonly Dictionary<IntPtr, string> _names;
    private readonly Dictionary<string, OnnxValue> _constants = [];

    /// <param name="graph">The graph nodes and constants are added to.</param>
    /// <param name="network">The network whose parameters keep their names.</param>
    public OnnxOps(GraphProto graph, nn.Module network)
    {
        _graph = graph;
        _names = network.named_parameters().Select(p => (p.name, tensor: (Tensor)p.parameter))
            .Concat(network.named_buffers().Select(b => (b.name, tensor: b.buffer)))
            .ToDictionary(named => named.tensor.Handle, named => ParameterName(network.GetName(), named.name));
    }

    public OnnxValue Constant(Tensor value) => AddFloats(_names[value.Handle], Floats(value), value.shape);

    public OnnxValue Linear(OnnxValue x, Linear layer)
    {
        string[] inputs = layer.bias is null
            ? [x.Name, Constant(layer.weight!).Name]
            : [x.Name, Constant(layer.weight!).Name, Constant(layer.bias).Name];
        return Node("Gemm", inputs, new AttributeProto { Name = "transB", Type = AttributeProto.Types.AttributeType.Int, I = 1 });
    }

    public OnnxValue Embedding(OnnxValue indices, Tensor table) => Node("Gather", [Constant(table).Name, indices.Name]);

    public OnnxValue LayerNorm(OnnxValue x, LayerNorm layer) => Node(
        "LayerNormalization",
        [x.Name, Constant(layer.weight!).Name, Constant(layer.bias!).Name],
        new AttributeProto { Name = "axis", Type = AttributeProto.Types.AttributeType.Int, I = -1 },
        new AttributeProto { Name = "epsilon", Type = AttributeProto.Types.AttributeType.Float, F = (float)layer.eps });

    public OnnxValue Silu(OnnxValue x) => Multiply(x, Sigmoid(x));

    public OnnxValue Selu(OnnxValue x) => Node("Selu", [x.Name]);

    /// <summary>
    /// Rows are padded to whole vectors, with angles of 0 whose features are cut off again: nothing is then left over
    /// for the kernels' scalar end, and a row's bits do not depend on its place.
    /// </summary>
    public OnnxValue FourierFeatures(OnnxValue t, Tensor frequencies)
    {
        string name = _names[frequencies.Handle];
        float[] values = Floats(frequencies);
        int padded = (values.Length + VectorLength - 1) / VectorLength * VectorLength;
        OnnxValue angles = Multiply(Reshape(t, 1), AddFloats(name, [.. values, .. new float[padded - values.Length]], [padded]));
        OnnxValue cosines = Node("Cos", [angles.Name]), sines = Node("Sin", [angles.Name]);
        if (padded > values.Length)
        {
            string[] range = [AddIntegers("first_column", [0]).Name, AddIntegers($"{name}.count", [values.Length]).Name, AddIntegers("column_axis", [1]).Name];
            cosines = Node("Slice", [cosines.Name, .. range]);
            sines = Node("Slice", [sines.Name, .. range]);
        }
        return Concatenate(cosines, sines);
    }

    public OnnxValue Add(OnnxValue a, OnnxValue b) => Node("Add", [a.Name, b.Name]);

    public OnnxValue Multiply(OnnxValue a, OnnxValue b) => Node("Mul", [a.Name, b.Name]);

    public OnnxValue Divide(OnnxValue a, OnnxValue b) => Node("Div", [a.Name, b.Name]);

    public OnnxValue Affine(OnnxValue x, double factor, double shift)
    {
        if (factor != 1)
            x = Multiply(x, AddNumber(factor));
        return shift == 0 ? x : Add(x, AddNumber(shift));
    }

    public OnnxValue Sigmoid(OnnxValue x) => Node("Sigmoid", [x.Name]);

    public OnnxValue Tanh(OnnxValue x) => Node("Tanh", [x.Name]);

    public OnnxValue Log(OnnxValue x) => Node("Log", [x.Name]);

    public OnnxValue Softmax(OnnxValue x) =>
        Node("Softmax", [x.Name], new AttributeProto { Name = "axis", Type = AttributeProto.Types.AttributeType.Int, I = -1 });

    public OnnxValue Concatenate(OnnxValue a, OnnxValue b) => Node(
        "Concat", [a.Name, b.Name], new AttributeProto { Name = "axis", Type = AttributeProto.Types.AttributeType.Int, I = -1 });

    public OnnxValue Reshape(OnnxValue x, params ReadOnlySpan<long> rowShape) =>
        Node("Reshape", [x.Name, AddIntegers($"shape_{string.Join("x", rowShape.ToArray())}", [0, .. rowShape]).Name]);

    private static float[] Floats(Tensor value) => value.detach().cpu().data<float>().ToArray();

    private OnnxValue AddNumber(double value) => AddFloats(string.Create(CultureInfo.InvariantCulture, $"number_{(float)value:R}"), [(float)value], []);

    private OnnxValue AddFloats(string name, float[] values, long[] shape) =>
        AddInitializer(name, TensorProto.Types.DataType.Float, shape, MemoryMarshal.AsBytes<float>(values));

    private OnnxValue AddIntegers(string name, long[] values) =>
        AddInitializer(name, TensorProto.Types.DataType.Int64, [values.Length], MemoryMarshal.AsBytes<long>(values));

    private OnnxValue AddInitializer(string name, TensorProto.Types.DataType type, long[] shape, ReadOnlySpan<byte> bytes)
    {
        if (_constants.TryGetValue(name, out OnnxValue? constant))
            return constant;
        _graph.Initializer.Add(new TensorProto { Name = name, DataType = (int)type, Dims = { shape }, RawData = ByteString.CopyFrom(bytes) });
        return _constants[name] = new OnnxValue(name);
    }

    private OnnxValue Node(string type, string[] inputs, params AttributeProto[] attributes)
    {
        string name = $"{type.ToLowerInvariant()}_{_graph.Node.Count}";
        _graph.Node.Add(new NodeProto { OpType = type, Name = name, Input = { inputs }, Output = { name }, Attribute = { attributes } });
        return new OnnxValue(name);
    }

    /// <summary>
    /// A parameter's name under its network's, so that it meets no input's, and without the underscores of private
    /// fields: _blocks.0._first.weight is mlp.blocks.0.first.weight.
    /// </summary>
    private static string ParameterName(string network, string name) =>
        string.Join('.', name.Split('.').Select(part => part.TrimStart('_')).Prepend(network));
}
