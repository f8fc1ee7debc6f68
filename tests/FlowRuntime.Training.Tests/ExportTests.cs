using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Onnx;
using FlowRuntime.Training.Onnx.Proto;
using Google.Protobuf;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Tests;

public sealed class ExportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flow-export").FullName;

    private string Model => Path.Combine(_folder, "model.onnx");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string> Operations => [.. OperationsNetwork.Operations];

    [Theory, MemberData(nameof(Operations))]
    public void An_operation_in_the_graph_gives_what_torch_gives(string operation)
    {
        using OperationsNetwork network = Trainer.Seeded(1, () => new OperationsNetwork(operation));
        ExportParity parity = OnnxExporter.Export(network, Card(network), Model);
        Assert.InRange(parity.MaxRelativeDifference, 0, 2e-6);
        Assert.True(parity.RowsIndependent);
    }

    [Theory, InlineData(0), InlineData(5)]
    public void A_perceptron_with_or_without_classes_is_the_same_in_the_runtime(int classes)
    {
        using MlpNetwork network = RandomMlp([1, 4, 4], classes);
        ExportParity parity = OnnxExporter.Export(network, Card(network), Model);
        Assert.InRange(parity.MaxRelativeDifference, 1e-12, 1e-5);
        using FlowModel model = FlowModel.Open(Model);
        Assert.Equal([3, 1, 4, 4], [3, .. model.Sample(3).EnsureSuccess().Shape]);
    }

    [Fact]
    public void The_label_reaches_the_network()
    {
        using MlpNetwork network = RandomMlp([2], classes: 3);
        OnnxExporter.Export(network, Card(network), Model);
        using FlowModel model = FlowModel.Open(Model);
        float[] values = model.Sample(2, new SamplingOptions { Labels = [0] }).Values;
        Assert.NotEqual(values, model.Sample(2, new SamplingOptions { Labels = [1] }).Values);
        Assert.NotEqual(values, model.Sample(2).Values); // no class
    }

    [Fact]
    public void A_network_that_is_not_the_same_in_both_interpretations_is_refused_and_leaves_the_old_file()
    {
        File.WriteAllText(Model, "the old one");
        using var network = new DriftingNetwork();
        var e = Assert.Throws<InvalidDataException>(() => OnnxExporter.Export(network, Card(network), Model));
        Assert.Contains("differs from the trained one", e.Message);
        Assert.Equal("the old one", File.ReadAllText(Model));
        Assert.Equal([Model], Directory.GetFiles(_folder));
    }

    [Fact]
    public void A_network_whose_rows_depend_on_one_another_is_found_out()
    {
        using MlpNetwork network = RandomMlp([2], classes: 0);
        // v = x + the mean of x over the batch.
        Write(Graph(
            new NodeProto { OpType = "ReduceMean", Input = { "x", "axes" }, Output = { "mean" } },
            new NodeProto { OpType = "Add", Input = { "x", "mean" }, Output = { "shifted" } },
            Unread("shifted", "v")), Card(network));
        Assert.False(ExportCheck.Compare(network, Model).RowsIndependent);
    }

    [Fact]
    public void A_divergence_output_is_read_row_by_row()
    {
        using MlpNetwork network = RandomMlp([2], classes: 0);
        // v = x, ∇·v := x summed over the row.
        GraphProto graph = Graph(Unread("x", "v"), new NodeProto
        {
            OpType = "ReduceSum",
            Input = { "x", "axis1" },
            Output = { "div" },
            Attribute = { new AttributeProto { Name = "keepdims", Type = AttributeProto.Types.AttributeType.Int, I = 0 } },
        });
        graph.Output.Add(Value("div"));
        Write(graph, Card(network) with { Outputs = new OutputsCard("v", Divergence: "div") });
        using FlowModel model = FlowModel.Open(Model);
        var buffers = new EvaluationBuffers(capacity: 5, dimension: 2, outputs: 1, withDivergence: true);
        using IVelocityEvaluator evaluator = model.Field.CreateEvaluator(buffers);
        for (int row = 0; row < 5; row++)
            (buffers.States[row][0], buffers.States[row][1]) = (row, 10);
        evaluator.Evaluate(0, 3, output: 0);
        Assert.Equal([10f, 11, 12], buffers.Divergences![0].Range(0, 3).ToArray());
        evaluator.Evaluate(3, 2, output: 0);
        Assert.Equal([13f, 14], buffers.Divergences[0].Range(3, 2).ToArray());
        Assert.Equal([4f, 10], buffers.Velocities[0][4].ToArray());
    }

    [Fact]
    public void A_model_without_a_divergence_output_refuses_to_give_one()
    {
        using MlpNetwork network = RandomMlp([2], classes: 0);
        OnnxExporter.Export(network, Card(network), Model);
        using FlowModel model = FlowModel.Open(Model);
        Assert.Throws<NotSupportedException>(() => model.Field.CreateEvaluator(new EvaluationBuffers(1, 2, 1, withDivergence: true)));
    }

    [Fact]
    public void A_fresh_network_is_the_zero_field()
    {
        using MlpNetwork network = Trainer.Seeded(0, () => new MlpNetwork([2], 0, new MlpOptions { Width = 8, Blocks = 1, Frequencies = 2 }));
        Assert.Equal(0, OnnxExporter.Export(network, Card(network), Model).MaxRelativeDifference);
        using FlowModel model = FlowModel.Open(Model);
        float[] noise = new float[2];
        Sampling.Noise.Fill(0, 0, noise);
        Assert.Equal(noise, model.Sample(1).Values);
    }

    private static MlpNetwork RandomMlp(int[] shape, int classes) => Trainer.Seeded(2, () =>
    {
        var network = new MlpNetwork(shape, classes, new MlpOptions { Width = 32, Blocks = 2, Frequencies = 4 });
        using var noGradient = no_grad();
        foreach (var parameter in network.parameters())
            parameter.normal_(0, 0.3);
        return network;
    });

    private static FlowCard Card(VelocityNetwork network) => new(
        FlowCard.CurrentFormat, new PredictionCard(PredictionKind.Velocity), new PathCard(PathKind.ConditionalOt), new SampleCard(network.Shape),
        OnnxExporter.Inputs, OnnxExporter.Outputs,
        Conditions: OnnxExporter.ConditionsOf(network.Classes == 0 ? null : [.. Enumerable.Range(0, network.Classes).Select(i => $"{i}")]));

    /// <summary>A graph with the inputs t [N] and x [N, 2], and the output v [N, 2].</summary>
    private static GraphProto Graph(params NodeProto[] nodes) => new()
    {
        Name = "test",
        Node = { nodes },
        Input = { Value("t"), Value("x", 2) },
        Output = { Value("v", 2) },
        Initializer = { Axis("axes", 0), Axis("axis1", 1) },
    };

    private static NodeProto Unread(string from, string to) => new() { OpType = "Identity", Input = { from }, Output = { to } };

    private static TensorProto Axis(string name, long axis) => new()
    {
        Name = name,
        DataType = (int)TensorProto.Types.DataType.Int64,
        Dims = { 1 },
        RawData = ByteString.CopyFrom(BitConverter.GetBytes(axis)),
    };

    private static ValueInfoProto Value(string name, params long[] rowShape) => new()
    {
        Name = name,
        Type = new TypeProto
        {
            TensorType = new TypeProto.Types.Tensor
            {
                ElemType = (int)TensorProto.Types.DataType.Float,
                Shape = new TensorShapeProto
                {
                    Dim =
                    {
                        new TensorShapeProto.Types.Dimension { DimParam = "N" },
                        rowShape.Select(size => new TensorShapeProto.Types.Dimension { DimValue = size }),
                    },
                },
            },
        },
    };

    private void Write(GraphProto graph, FlowCard card)
    {
        using (FileStream file = File.Create(Model))
            new ModelProto { IrVersion = 9, Graph = graph, OpsetImport = { new OperatorSetIdProto { Version = 20 } } }.WriteTo(file);
        CardFile.Write(Model, card);
    }

    /// <summary>Gives torch a field 1e-3 larger than the graph's.</summary>
    private sealed class DriftingNetwork : VelocityNetwork
    {
        public DriftingNetwork() : base("drifting", [2], classes: 0)
        {
        }

        public override T Forward<T>(ITensorOps<T> ops, T t, T x, ConditionInputs<T> given) where T : class
        {
            T timed = ops.Add(x, ops.Reshape(t, 1));
            return ops is TorchOps ? ops.Multiply(timed, (T)(object)tensor(1.001f)) : timed;
        }
    }
}
