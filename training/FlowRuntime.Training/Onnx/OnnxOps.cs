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

    public OnnxValue Constant(Tensor value) => AddTensor(_names[value.Handle], value);

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

    public OnnxValue Silu(OnnxValue x) => Multiply(x, Node("Sigmoid", [x.Name]));

    public OnnxValue Sin(OnnxValue x) => Node("Sin", [x.Name]);

    public OnnxValue Cos(OnnxValue x) => Node("Cos", [x.Name]);

    public OnnxValue Add(OnnxValue a, OnnxValue b) => Node("Add", [a.Name, b.Name]);

    public OnnxValue Multiply(OnnxValue a, OnnxValue b) => Node("Mul", [a.Name, b.Name]);

    public OnnxValue Concatenate(OnnxValue a, OnnxValue b) => Node(
        "Concat", [a.Name, b.Name], new AttributeProto { Name = "axis", Type = AttributeProto.Types.AttributeType.Int, I = -1 });

    public OnnxValue Reshape(OnnxValue x, params ReadOnlySpan<long> rowShape)
    {
        long[] shape = [0, .. rowShape];
        string name = $"shape_{string.Join("x", rowShape.ToArray())}";
        if (!_constants.TryGetValue(name, out OnnxValue? constant))
        {
            _graph.Initializer.Add(new TensorProto
            {
                Name = name,
                DataType = (int)TensorProto.Types.DataType.Int64,
                Dims = { shape.Length },
                RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<long>(shape)),
            });
            _constants[name] = constant = new OnnxValue(name);
        }
        return Node("Reshape", [x.Name, constant.Name]);
    }

    private OnnxValue AddTensor(string name, Tensor value)
    {
        if (_constants.TryGetValue(name, out OnnxValue? constant))
            return constant;
        _graph.Initializer.Add(new TensorProto
        {
            Name = name,
            DataType = (int)TensorProto.Types.DataType.Float,
            Dims = { value.shape },
            RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<float>(value.detach().cpu().data<float>().ToArray())),
        });
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
