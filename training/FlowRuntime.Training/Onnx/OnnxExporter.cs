using FlowRuntime.Cards;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Onnx.Proto;
using Google.Protobuf;

namespace FlowRuntime.Training.Onnx;

/// <summary>Writes a velocity network as an ONNX file with its card.</summary>
public static class OnnxExporter
{
    private const int IrVersion = 9;
    private const int Opset = 20;

    /// <summary>
    /// Exports a network. The file is written aside, compared with the network through the runtime
    /// (<see cref="ExportCheck"/>), and only then takes its name.
    /// </summary>
    /// <param name="network">The network.</param>
    /// <param name="card">The model's card; its inputs, outputs and classes must be those of <see cref="Inputs"/>,
    /// <see cref="Outputs"/> and <see cref="ClassesOf"/>.</param>
    /// <param name="path">The file, which is replaced.</param>
    /// <returns>What the comparison found.</returns>
    /// <exception cref="InvalidDataException">The exported network differs from the trained one, or the card is wrong.</exception>
    public static ExportParity Export(VelocityNetwork network, FlowCard card, string path)
    {
        string partial = Path.ChangeExtension(path, ".partial.onnx");
        try
        {
            using (FileStream file = File.Create(partial))
                Model(network).WriteTo(file);
            CardFile.Write(partial, card);
            ExportParity parity = ExportCheck.Require(network, partial, path);
            File.Move(partial, path, overwrite: true);
            return parity;
        }
        finally
        {
            File.Delete(partial);
        }
    }

    /// <summary>Names of the inputs of an exported graph.</summary>
    public static InputsCard Inputs { get; } = new(Time: "t", State: "x");

    /// <summary>Names of the outputs of an exported graph.</summary>
    public static OutputsCard Outputs { get; } = new(Prediction: "v");

    /// <summary>The card's section on classes.</summary>
    /// <param name="names">Names of the classes.</param>
    public static ClassesCard ClassesOf(IReadOnlyList<string> names) => new(Input: "label", names, Null: names.Count);

    private static ModelProto Model(VelocityNetwork network)
    {
        var graph = new GraphProto { Name = network.GetName() };
        long[] shape = [.. network.Shape.Select(size => (long)size)];
        graph.Input.Add(Value(Inputs.Time, TensorProto.Types.DataType.Float));
        graph.Input.Add(Value(Inputs.State, TensorProto.Types.DataType.Float, shape));
        OnnxValue? label = null;
        if (network.Classes > 0)
        {
            label = new OnnxValue("label", [-1]);
            graph.Input.Add(Value(label.Name, TensorProto.Types.DataType.Int64));
        }
        OnnxValue velocity = network.Forward(new OnnxOps(graph, network), new OnnxValue(Inputs.Time, [-1]), new OnnxValue(Inputs.State, [-1, .. shape]), label);
        graph.Node.Single(node => node.Output[0] == velocity.Name).Output[0] = Outputs.Prediction;
        graph.Output.Add(Value(Outputs.Prediction, TensorProto.Types.DataType.Float, shape));
        return new ModelProto
        {
            IrVersion = IrVersion,
            ProducerName = "FlowRuntime",
            Graph = graph,
            OpsetImport = { new OperatorSetIdProto { Domain = "", Version = Opset } },
        };
    }

    private static ValueInfoProto Value(string name, TensorProto.Types.DataType type, params long[] rowShape)
    {
        var shape = new TensorShapeProto { Dim = { new TensorShapeProto.Types.Dimension { DimParam = "N" } } };
        shape.Dim.AddRange(rowShape.Select(size => new TensorShapeProto.Types.Dimension { DimValue = size }));
        return new ValueInfoProto
        {
            Name = name,
            Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = shape } },
        };
    }
}
