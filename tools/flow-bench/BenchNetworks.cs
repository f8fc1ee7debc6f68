using System.Runtime.InteropServices;
using FlowRuntime.Cards;
using FlowRuntime.Training.Onnx.Proto;
using Google.Protobuf;

namespace FlowRuntime.Bench;

/// <summary>Two networks with random weights, written as ONNX files: what a call of them costs does not depend on their values.</summary>
internal static class BenchNetworks
{
    private static readonly int[] Pads = [1, 1, 1, 1];

    /// <summary>An MLP t, x [N, 2] → 3 → 64 → 64 → 64 → 2 with SiLU.</summary>
    public static string Mlp(string folder)
    {
        var graph = new Builder("mlp", [2]);
        string time = graph.Node("Unsqueeze", ["t", graph.Integers(1)]);
        string value = graph.Node("Concat", [time, "x"], ("axis", 1));
        int[] widths = [3, 64, 64, 64, 2];
        for (int layer = 1; layer < widths.Length; layer++)
        {
            value = graph.Node("Gemm", [value, graph.Weights(layer, 1.5 / Math.Sqrt(widths[layer - 1]), widths[layer - 1], widths[layer]), graph.Weights(layer + 100, 0.1, widths[layer])]);
            if (layer < widths.Length - 1)
                value = graph.Silu(value);
        }
        return graph.Save(folder, value);
    }

    /// <summary>A convolution network [N, 3, 32, 32] → 32 → 32 → 3 channels, 3×3, with SiLU and the time as a further channel's bias.</summary>
    public static string Conv(string folder)
    {
        var graph = new Builder("conv", [3, 32, 32]);
        string time = graph.Node("Reshape", ["t", graph.Integers(-1, 1, 1, 1)]);
        string value = graph.Node("Add", ["x", time]);
        int[] channels = [3, 32, 32, 3];
        for (int layer = 1; layer < channels.Length; layer++)
        {
            value = graph.Node("Conv", [value, graph.Weights(layer, 0.8 / Math.Sqrt(9 * channels[layer - 1]), channels[layer], channels[layer - 1], 3, 3), graph.Weights(layer + 100, 0.1, channels[layer])], ("pads", Pads));
            if (layer < channels.Length - 1)
                value = graph.Silu(value);
        }
        return graph.Save(folder, value);
    }

    private sealed class Builder(string name, int[] shape)
    {
        private readonly GraphProto _graph = new() { Name = name };
        private int _count;

        public string Node(string type, string[] inputs, params (string Name, object Value)[] attributes)
        {
            string output = $"v{_count++}";
            var node = new NodeProto { OpType = type, Name = output };
            node.Input.AddRange(inputs);
            node.Output.Add(output);
            foreach ((string attribute, object value) in attributes)
            {
                node.Attribute.Add(value is int[] many
                    ? new AttributeProto { Name = attribute, Type = AttributeProto.Types.AttributeType.Ints, Ints = { many.Select(i => (long)i) } }
                    : new AttributeProto { Name = attribute, Type = AttributeProto.Types.AttributeType.Int, I = (int)value });
            }
            _graph.Node.Add(node);
            return output;
        }

        public string Silu(string value) => Node("Mul", [value, Node("Sigmoid", [value])]);

        public string Integers(params long[] values) => Tensor(new TensorProto { DataType = (int)TensorProto.Types.DataType.Int64, Dims = { values.Length }, RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<long>(values)) });

        public string Weights(int seed, double scale, params int[] sizes)
        {
            var random = new Random(seed);
            int count = sizes.Aggregate(1, (product, size) => product * size);
            return Tensor(new TensorProto
            {
                DataType = (int)TensorProto.Types.DataType.Float,
                Dims = { sizes.Select(size => (long)size) },
                RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<float>(Enumerable.Range(0, count).Select(_ => (float)(scale * (2 * random.NextDouble() - 1))).ToArray())),
            });
        }

        public string Save(string folder, string output)
        {
            _graph.Input.Add(Value("t", ["N"]));
            _graph.Input.Add(Value("x", ["N", .. shape]));
            _graph.Output.Add(Value(output, ["N", .. shape]));
            var model = new ModelProto { IrVersion = 9, OpsetImport = { new OperatorSetIdProto { Domain = "", Version = 20 } }, Graph = _graph };
            string path = Path.Combine(folder, $"{name}.onnx");
            File.WriteAllBytes(path, model.ToByteArray());
            CardFile.Write(path, new FlowCard(
                FlowCard.CurrentFormat, new PredictionCard(PredictionKind.Velocity), new PathCard(PathKind.ConditionalOt), new SampleCard(shape),
                new InputsCard("t", "x"), new OutputsCard(output)));
            return path;
        }

        private string Tensor(TensorProto tensor)
        {
            tensor.Name = $"w{_count++}";
            _graph.Initializer.Add(tensor);
            return tensor.Name;
        }

        private static ValueInfoProto Value(string name, object[] sizes)
        {
            var tensor = new TypeProto.Types.Tensor { ElemType = (int)TensorProto.Types.DataType.Float, Shape = new TensorShapeProto() };
            foreach (object size in sizes)
                tensor.Shape.Dim.Add(size is string symbol ? new TensorShapeProto.Types.Dimension { DimParam = symbol } : new TensorShapeProto.Types.Dimension { DimValue = (int)size });
            return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = tensor } };
        }
    }
}
