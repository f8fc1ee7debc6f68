using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Onnx.Proto;
using Google.Protobuf;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Onnx;

/// <summary>A value of an ONNX graph.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">Its shape; −1 for the batch, which is open.</param>
internal sealed record OnnxValue(string Name, long[] Shape);

/// <summary>Interprets a network as an ONNX graph (opset 20): this exports.</summary>
/// <remarks>
/// SiLU is written as Sigmoid and Mul, which ONNX Runtime fuses into one kernel; its own Swish (opset 24) it does not.
/// The batch is open: Reshape copies axis 0 (size 0 in the operator's shape). All other sizes are known while the graph is written.
/// </remarks>
internal sealed class OnnxOps : ITensorOps<OnnxValue>
{
    /// <summary>Floats in the widest vector register.</summary>
    private const int VectorLength = 16;

    /// <summary>Values of the smallest weight that is stored rounded: what is smaller, such as the first and the last layer of points, takes no room.</summary>
    private const int SmallestRounded = 1_024;

    private readonly GraphProto _graph;
    private readonly Dictionary<IntPtr, string> _names;
    private readonly Dictionary<string, OnnxValue> _constants = [];
    private readonly Dictionary<string, OnnxValue> _nodes = [];
    private readonly Dictionary<string, (Tensor Weight, float[] Rounded)> _rounded = [];
    private readonly WeightPrecision _precision;
    private readonly long _mostBytes;
    private long _bytes;

    /// <param name="graph">The graph nodes and constants are added to.</param>
    /// <param name="network">The network whose parameters keep their names.</param>
    /// <param name="precision">How its weights are stored.</param>
    /// <param name="mostBytes">Bytes of constants that the file can hold.</param>
    public OnnxOps(GraphProto graph, nn.Module network, WeightPrecision precision, long mostBytes)
    {
        (_graph, _precision, _mostBytes) = (graph, precision, mostBytes);
        _names = network.named_parameters().Select(p => (p.name, tensor: (Tensor)p.parameter))
            .Concat(network.named_buffers().Select(b => (b.name, tensor: b.buffer)))
            .ToDictionary(named => named.tensor.Handle, named => ParameterName(network.GetName(), named.name));
    }

    /// <summary>The weights that are stored rounded, and what they are rounded to.</summary>
    public IReadOnlyCollection<(Tensor Weight, float[] Rounded)> Rounded => _rounded.Values;

    public IReadOnlyList<long> RowShape(OnnxValue x) => x.Shape[1..];

    public OnnxValue Constant(Tensor value) =>
        AddFloats(_names.TryGetValue(value.Handle, out string? name) ? name : $"constant_{_constants.Count}", Floats(value), value.shape);

    public OnnxValue Linear(OnnxValue x, Tensor weight, Tensor? bias) => Product(x, Weight(weight), bias is null ? null : Constant(bias));

    public OnnxValue Convolution(OnnxValue x, Tensor kernel, Tensor? bias, long stride, long padding)
    {
        long Size(long size, long kernelSize) => (size + 2 * padding - kernelSize) / stride + 1;
        string[] inputs = bias is null ? [x.Name, Weight(kernel).Name] : [x.Name, Weight(kernel).Name, Constant(bias).Name];
        return Node("Conv", inputs, [x.Shape[0], kernel.shape[0], Size(x.Shape[2], kernel.shape[2]), Size(x.Shape[3], kernel.shape[3])],
            Integers("strides", stride, stride), Integers("pads", padding, padding, padding, padding));
    }

    public OnnxValue Upsample(OnnxValue x) => Node(
        "Resize", [x.Name, "", AddFloats("twice", [1, 1, 2, 2], [4]).Name], [x.Shape[0], x.Shape[1], 2 * x.Shape[2], 2 * x.Shape[3]],
        Text("mode", "nearest"), Text("coordinate_transformation_mode", "asymmetric"), Text("nearest_mode", "floor"));

    public OnnxValue Embedding(OnnxValue indices, Tensor table) =>
        Node("Gather", [Constant(table).Name, indices.Name], [.. indices.Shape, table.shape[1]]);

    public OnnxValue LayerNorm(OnnxValue x, LayerNorm layer)
    {
        OnnxValue weight = layer.weight is null ? AddOnes(x.Shape[^1]) : Constant(layer.weight);
        string[] inputs = layer.bias is null ? [x.Name, weight.Name] : [x.Name, weight.Name, Constant(layer.bias).Name];
        return Node("LayerNormalization", inputs, x.Shape, Integer("axis", -1), Number("epsilon", layer.eps));
    }

    /// <summary>
    /// A layer normalisation of the groups. ONNX Runtime takes the operator GroupNormalization apart into some hundred small nodes, and the bits of its
    /// InstanceNormalization depend on where in memory a row lies, unless rows are whole vectors.
    /// </summary>
    public OnnxValue GroupNorm(OnnxValue x, GroupNorm layer)
    {
        long groups = layer.num_groups, size = x.Shape[1..].Aggregate(1L, (product, length) => product * length) / groups;
        OnnxValue grouped = Reshape(x, groups, size);
        OnnxValue normal = Node("LayerNormalization", [grouped.Name, AddOnes(size).Name], grouped.Shape, Integer("axis", -1), Number("epsilon", layer.eps));
        normal = ReshapeAll(normal, x.Shape);
        if (layer.weight is null)
            return normal;
        long[] column = [layer.weight.shape[0], .. x.Shape[2..].Select(_ => 1L)];
        return Add(Multiply(normal, ReshapeAll(Constant(layer.weight), column)), ReshapeAll(Constant(layer.bias!), column));
    }

    public OnnxValue Silu(OnnxValue x) => Multiply(x, Sigmoid(x));

    public OnnxValue Selu(OnnxValue x) => Node("Selu", x);

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
        OnnxValue cosines = Node("Cos", angles), sines = Node("Sin", angles);
        if (padded > values.Length)
        {
            string[] range = [AddIntegers("first_column", [0]).Name, AddIntegers($"{name}.count", [values.Length]).Name, AddIntegers("column_axis", [1]).Name];
            cosines = Node("Slice", [cosines.Name, .. range], [t.Shape[0], values.Length]);
            sines = Node("Slice", [sines.Name, .. range], [t.Shape[0], values.Length]);
        }
        return Concatenate(cosines, sines);
    }

    public OnnxValue Add(OnnxValue a, OnnxValue b) => Node("Add", [a.Name, b.Name], Broadcast(a, b));

    public OnnxValue Multiply(OnnxValue a, OnnxValue b) => Node("Mul", [a.Name, b.Name], Broadcast(a, b));

    public OnnxValue Divide(OnnxValue a, OnnxValue b) => Node("Div", [a.Name, b.Name], Broadcast(a, b));

    public OnnxValue Affine(OnnxValue x, double factor, double shift)
    {
        if (factor != 1)
            x = Multiply(x, AddNumber(factor));
        return shift == 0 ? x : Add(x, AddNumber(shift));
    }

    public OnnxValue Sigmoid(OnnxValue x) => Node("Sigmoid", x);

    public OnnxValue Tanh(OnnxValue x) => Node("Tanh", x);

    public OnnxValue Log(OnnxValue x) => Node("Log", x);

    public OnnxValue Sqrt(OnnxValue x) => Node("Sqrt", x);

    public OnnxValue Softmax(OnnxValue x) => Node("Softmax", [x.Name], x.Shape, Integer("axis", -1));

    /// <summary>A product with a row of 1/size: in which order ReduceMean adds depends on where in memory a row lies.</summary>
    public OnnxValue Mean(OnnxValue x)
    {
        long size = x.Shape[^1];
        return Product(x, AddFloats($"mean_{size}", [.. Enumerable.Repeat(1f / size, (int)size)], [1, size]), null);
    }

    public OnnxValue MatMul(OnnxValue a, OnnxValue b) => Node("MatMul", [a.Name, b.Name], [.. a.Shape[..^1], b.Shape[^1]]);

    public OnnxValue Concatenate(OnnxValue a, OnnxValue b, int axis = -1)
    {
        long[] shape = [.. a.Shape];
        int at = axis < 0 ? axis + shape.Length : axis;
        shape[at] += b.Shape[at];
        return Node("Concat", [a.Name, b.Name], shape, Integer("axis", at));
    }

    public OnnxValue Permute(OnnxValue x, params ReadOnlySpan<int> axes)
    {
        long[] order = [0, .. axes.ToArray().Select(axis => (long)axis)]; // the batch stays first
        return Node("Transpose", [x.Name], [.. order.Select(axis => x.Shape[axis])], Integers("perm", order));
    }

    public OnnxValue Reshape(OnnxValue x, params ReadOnlySpan<long> rowShape) =>
        Node("Reshape", [x.Name, AddShape([0, .. rowShape]).Name], [x.Shape[0], .. rowShape]);

    /// <summary>x Wᵀ + b as a Gemm of the last axis; all axes before it are one to it.</summary>
    private OnnxValue Product(OnnxValue x, OnnxValue weight, OnnxValue? bias)
    {
        OnnxValue flat = x.Shape.Length == 2 ? x : ReshapeAll(x, [-1, x.Shape[^1]]);
        string[] inputs = bias is null ? [flat.Name, weight.Name] : [flat.Name, weight.Name, bias.Name];
        OnnxValue product = Node("Gemm", inputs, [-1, weight.Shape[0]], Integer("transB", 1));
        return x.Shape.Length == 2 ? product : ReshapeAll(product, [.. x.Shape[..^1], weight.Shape[0]]);
    }

    /// <summary>A layer's weight, [out, …], as it is stored, and turned back into float32.</summary>
    /// <remarks>
    /// ONNX Runtime does this once, when it opens the file. A DequantizeLinear it would leave for every call, before a Gemm that then takes other
    /// ways for one row than for several: slower, and rows would depend on how many there are.
    /// </remarks>
    private OnnxValue Weight(Tensor weight)
    {
        if (_precision == WeightPrecision.Float32 || weight.numel() < SmallestRounded || !_names.TryGetValue(weight.Handle, out string? name))
            return Constant(weight);
        float[] values = Floats(weight);
        if (_precision == WeightPrecision.Float16)
        {
            Half[] halves = ToHalves(name, values);
            _rounded[name] = (weight, [.. halves.Select(half => (float)half)]);
            OnnxValue stored = AddInitializer($"{name}.float16", TensorProto.Types.DataType.Float16, weight.shape, halves);
            return InFloat32(stored);
        }
        Int8Weight rounded = Int8Weight.Of(values, (int)weight.shape[0]);
        _rounded[name] = (weight, rounded.Restored());
        OnnxValue numbers = AddInitializer($"{name}.int8", TensorProto.Types.DataType.Int8, weight.shape, rounded.Values);
        OnnxValue scales = AddFloats($"{name}.scale", rounded.Scales, [rounded.Scales.Length, .. weight.shape[1..].Select(_ => 1L)]);
        return Node("Mul", [InFloat32(numbers).Name, scales.Name], weight.shape);
    }

    private OnnxValue InFloat32(OnnxValue stored) => Node("Cast", [stored.Name], stored.Shape, Integer("to", (long)TensorProto.Types.DataType.Float));

    private static Half[] ToHalves(string name, float[] values)
    {
        Half[] halves = Array.ConvertAll(values, value => (Half)value);
        int lost = Array.FindIndex(halves, Half.IsInfinity);
        if (lost >= 0 && float.IsFinite(values[lost]))
            throw new InvalidDataException(FormattableString.Invariant($"The weight {name} holds {values[lost]:G4}, beyond float16's 65504. Store the weights as float32 or int8."));
        return halves;
    }

    private OnnxValue ReshapeAll(OnnxValue x, long[] shape) => Node("Reshape", [x.Name, AddShape(shape).Name], shape);

    private OnnxValue AddShape(long[] shape) => AddIntegers($"shape_{string.Join("x", shape)}", shape);

    private OnnxValue AddOnes(long count) => AddFloats($"ones_{count}", [.. Enumerable.Repeat(1f, (int)count)], [count]);

    /// <summary>The shape of a and b together, element by element: a size of 1, or none, goes with every size.</summary>
    private static long[] Broadcast(OnnxValue a, OnnxValue b)
    {
        long[] shape = new long[Math.Max(a.Shape.Length, b.Shape.Length)];
        for (int back = 1; back <= shape.Length; back++)
        {
            long ofA = back <= a.Shape.Length ? a.Shape[^back] : 1, ofB = back <= b.Shape.Length ? b.Shape[^back] : 1;
            if (ofA != ofB && ofA != 1 && ofB != 1)
                throw new ArgumentException($"The shapes [{string.Join(", ", a.Shape)}] and [{string.Join(", ", b.Shape)}] do not go together (-1 is the batch). Reshape one of them.", nameof(b));
            shape[^back] = ofA == 1 ? ofB : ofA;
        }
        return shape;
    }

    private static float[] Floats(Tensor value) => value.detach().cpu().data<float>().ToArray();

    private OnnxValue AddNumber(double value) => AddFloats(string.Create(CultureInfo.InvariantCulture, $"number_{(float)value:R}"), [(float)value], []);

    private OnnxValue AddFloats(string name, float[] values, long[] shape) => AddInitializer(name, TensorProto.Types.DataType.Float, shape, values);

    private OnnxValue AddIntegers(string name, long[] values) => AddInitializer(name, TensorProto.Types.DataType.Int64, [values.Length], values);

    private OnnxValue AddInitializer<TElement>(string name, TensorProto.Types.DataType type, long[] shape, TElement[] values) where TElement : unmanaged
    {
        if (_constants.TryGetValue(name, out OnnxValue? constant))
            return constant;
        _bytes += (long)values.Length * Unsafe.SizeOf<TElement>();
        if (_bytes > _mostBytes)
            throw new NotSupportedException(TooLarge());
        _graph.Initializer.Add(new TensorProto { Name = name, DataType = (int)type, Dims = { shape }, RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<TElement>(values)) });
        return _constants[name] = new OnnxValue(name, shape);
    }

    private string TooLarge()
    {
        string cure = _precision switch
        {
            WeightPrecision.Float32 => "Store the weights in float16 or int8, or make",
            WeightPrecision.Float16 => "Store the weights in int8, or make",
            _ => "Make",
        };
        return string.Create(CultureInfo.InvariantCulture,
            $"The network takes more than {_mostBytes / 1e9:G3} GB with weights in {_precision.ToString().ToLowerInvariant()}, and an ONNX file holds no more. {cure} the network smaller.");
    }

    private OnnxValue Node(string type, OnnxValue x) => Node(type, [x.Name], x.Shape);

    /// <summary>A node, or the one there is already that computes the same: derivatives share what they have in common.</summary>
    private OnnxValue Node(string type, string[] inputs, long[] shape, params AttributeProto[] attributes)
    {
        string said = $"{type} {string.Join(' ', inputs)} {string.Join<AttributeProto>(' ', attributes)}";
        if (_nodes.TryGetValue(said, out OnnxValue? node))
            return node;
        string name = $"{type.ToLowerInvariant()}_{_graph.Node.Count}";
        _graph.Node.Add(new NodeProto { OpType = type, Name = name, Input = { inputs }, Output = { name }, Attribute = { attributes } });
        return _nodes[said] = new OnnxValue(name, shape);
    }

    private static AttributeProto Integer(string name, long value) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Int, I = value };

    private static AttributeProto Integers(string name, params long[] values) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Ints, Ints = { values } };

    private static AttributeProto Number(string name, double value) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Float, F = (float)value };

    private static AttributeProto Text(string name, string value) => new() { Name = name, Type = AttributeProto.Types.AttributeType.String, S = ByteString.CopyFromUtf8(value) };

    /// <summary>
    /// A parameter's name under its network's, so that it meets no input's, and without the underscores of private
    /// fields: _blocks.0._first.weight is mlp.blocks.0.first.weight.
    /// </summary>
    private static string ParameterName(string network, string name) =>
        string.Join('.', name.Split('.').Select(part => part.TrimStart('_')).Prepend(network));
}
