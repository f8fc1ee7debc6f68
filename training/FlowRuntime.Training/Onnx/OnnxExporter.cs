using FlowRuntime.Cards;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Onnx.Proto;
using Google.Protobuf;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Onnx;

/// <summary>Writes a velocity network as an ONNX file with its card.</summary>
public static class OnnxExporter
{
    private const int IrVersion = 9;
    private const int Opset = 20;
    private const int MostNodes = 8_000; // ONNX Runtime takes seconds to open a graph of so many, and minutes for some of four times as many
    internal const long MostBytes = int.MaxValue - (32L << 20); // protobuf's limit, less room for nodes and card
    private const string Probe = "probe";
    private const string Label = "label";
    internal const string Vector = "condition";
    private const string DivergenceOutput = "divergence";

    /// <summary>
    /// Exports a network. The file is written aside, compared with the network through the runtime
    /// (<see cref="ExportCheck"/>; where weights are stored rounded, with the network of these weights), and only then takes its name.
    /// </summary>
    /// <param name="network">The network.</param>
    /// <param name="card">The model's card, such as <see cref="CardOf"/> gives; its inputs, outputs and conditions must be those of <see cref="Inputs"/>,
    /// <see cref="Outputs"/> and <see cref="ConditionsOf"/>.</param>
    /// <param name="path">The file, which is replaced.</param>
    /// <param name="divergence">The divergence that is a second output, named in the card as <c>outputs.divergence</c>, the estimate's probe as
    /// <c>inputs.probe</c>. Default: none. ONNX Runtime computes every output at each call, asked for or not: export one file for densities, and one to sample.</param>
    /// <param name="precision">How the weights are stored. Default: float32. What a lower one changes is for the caller to measure
    /// (<see cref="VelocityChange"/>) and to accept.</param>
    /// <param name="accept">Is given the path of the compared file before it takes its name; what it throws refuses the export. Default: nothing is asked.</param>
    /// <returns>What the comparison found.</returns>
    /// <exception cref="InvalidDataException">The exported network differs from the trained one, the card is wrong, or a weight is too large for float16.</exception>
    /// <exception cref="NotSupportedException">The network takes more than the 2 GB that protobuf, and so an ONNX file, can hold.</exception>
    /// <exception cref="ArgumentException">The states have too many values for an exact divergence, or its graph too many nodes.</exception>
    public static ExportParity Export(
        VelocityNetwork network, FlowCard card, string path, DivergenceKind? divergence = null,
        WeightPrecision precision = WeightPrecision.Float32, Action<string>? accept = null)
    {
        if (divergence is not null)
        {
            card = card with
            {
                Inputs = Inputs with { Probe = divergence == DivergenceKind.Hutchinson ? Probe : null },
                Outputs = Outputs with { Divergence = DivergenceOutput },
            };
        }
        var (model, rounded) = Model(network, divergence, precision);
        string partial = Path.ChangeExtension(path, ".partial.onnx");
        try
        {
            using (FileStream file = File.Create(partial))
                model.WriteTo(file);
            CardFile.Write(partial, card);
            ExportParity parity;
            using (new RoundedWeights(rounded))
                parity = ExportCheck.Require(network, partial, path);
            accept?.Invoke(partial);
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

    /// <summary>The card of a network that was trained on some data.</summary>
    /// <param name="data">The data: shape, classes, conditions and units.</param>
    /// <param name="path">The path it was trained on, with the times it was trained at.</param>
    /// <param name="prediction">What it predicts. Default: the velocity.</param>
    public static FlowCard CardOf(Dataset data, PathCard path, PredictionKind prediction = PredictionKind.Velocity) => new(
        FlowCard.CurrentFormat, new PredictionCard(prediction), path, new SampleCard(data.Shape), Inputs, Outputs,
        Conditions: ConditionsOf(data.ClassNames, data.Vectors?.Columns), Data: data.Card);

    /// <summary>The card's section on conditions; null where there are none.</summary>
    /// <param name="classNames">Names of the classes; null for none.</param>
    /// <param name="columns">Names of a condition vector's values and how they are standardised; null for none.</param>
    public static ConditionsCard? ConditionsOf(IReadOnlyList<string>? classNames, ColumnsCard? columns = null) => classNames is null && columns is null ? null : new ConditionsCard(
        classNames is null ? null : new ClassesCard(Label, classNames, Null: classNames.Count),
        columns is null ? null : [new ConditionInputCard(Vector, [columns.Names.Count], columns, VelocityNetwork.NullVector)]);

    /// <summary>The graph, and the weights that it holds rounded.</summary>
    internal static (ModelProto Model, IReadOnlyCollection<(Tensor Weight, float[] Rounded)> Rounded) Model(
        VelocityNetwork network, DivergenceKind? divergence, WeightPrecision precision, long mostBytes = MostBytes)
    {
        using var scope = NewDisposeScope();
        var graph = new GraphProto { Name = network.GetName() };
        long[] shape = [.. network.Shape.Select(size => (long)size)];
        graph.Input.Add(Value(Inputs.Time, TensorProto.Types.DataType.Float));
        graph.Input.Add(Value(Inputs.State, TensorProto.Types.DataType.Float, shape));
        OnnxValue time = new(Inputs.Time, [-1]), state = new(Inputs.State, [-1, .. shape]);
        var given = new ConditionInputs<OnnxValue>();
        if (network.Classes > 0)
        {
            given = given with { Label = new OnnxValue(Label, [-1]) };
            graph.Input.Add(Value(Label, TensorProto.Types.DataType.Int64));
        }
        if (network.VectorLength > 0)
        {
            given = given with { Vector = new OnnxValue(Vector, [-1, network.VectorLength]) };
            graph.Input.Add(Value(Vector, TensorProto.Types.DataType.Float, network.VectorLength));
        }
        if (divergence == DivergenceKind.Hutchinson)
            graph.Input.Add(Value(Probe, TensorProto.Types.DataType.Float, shape));
        var ops = new OnnxOps(graph, network, precision, mostBytes);
        (OnnxValue prediction, OnnxValue? made) = divergence switch
        {
            DivergenceKind.Exact => Divergence.Exact(ops, network, time, state, given),
            DivergenceKind.Hutchinson => Divergence.Estimate(ops, network, time, state, given, state with { Name = Probe }),
            _ => (network.Forward(ops, time, state, given), null),
        };
        if (divergence == DivergenceKind.Exact && graph.Node.Count > MostNodes)
            throw new ArgumentException($"The exact divergence of {network.Dimension} values of this network takes a graph of {graph.Node.Count} nodes, more than {MostNodes}. Take its estimate (hutchinson).", nameof(divergence));
        Rename(graph, prediction, Outputs.Prediction);
        graph.Output.Add(Value(Outputs.Prediction, TensorProto.Types.DataType.Float, shape));
        if (made is not null)
        {
            Rename(graph, made, DivergenceOutput);
            graph.Output.Add(Value(DivergenceOutput, TensorProto.Types.DataType.Float));
        }
        return (ModelOf(graph), ops.Rounded);
    }

    internal static ModelProto ModelOf(GraphProto graph) => new()
    {
        IrVersion = IrVersion,
        ProducerName = "FlowRuntime",
        Graph = graph,
        OpsetImport = { new OperatorSetIdProto { Domain = "", Version = Opset } },
    };

    internal static void Rename(GraphProto graph, OnnxValue value, string name)
    {
        foreach (NodeProto node in graph.Node)
        {
            for (int i = 0; i < node.Input.Count; i++)
                node.Input[i] = node.Input[i] == value.Name ? name : node.Input[i];
        }
        graph.Node.Single(node => node.Output[0] == value.Name).Output[0] = name;
    }

    internal static ValueInfoProto Value(string name, TensorProto.Types.DataType type, params long[] rowShape)
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
