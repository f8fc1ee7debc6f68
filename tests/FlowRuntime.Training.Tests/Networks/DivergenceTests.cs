using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Sampling;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Onnx;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Tests.Networks;

/// <summary>Forward-mode derivatives and divergences, held against torch's own derivatives.</summary>
public sealed class DivergenceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flow-divergence").FullName;

    private string Model => Path.Combine(_folder, "model.onnx");

    public static TheoryData<string> Operations => [.. OperationsNetwork.Operations];

    public static TheoryData<string> Kinds => NetworkSizes.Kinds;

    public DivergenceTests() => set_num_threads(1); // many small derivatives

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, MemberData(nameof(Operations))]
    public void The_tangent_of_an_operation_is_the_derivative_along_time_and_state(string operation)
    {
        using OperationsNetwork network = Trainer.Seeded(1, () => new OperationsNetwork(operation));
        using var scope = NewDisposeScope();
        (Tensor t, Tensor x, Tensor label) = Inputs(network, 3);
        (Tensor alongTime, Tensor alongState) = Trainer.Seeded(6, () => (randn(3), randn_like(x)));
        t.requires_grad_();
        x.requires_grad_();
        Dual<Tensor> both = network.Forward(new DualOps<Tensor>(TorchOps.Instance), new Dual<Tensor>(t, alongTime), new Dual<Tensor>(x, alongState), new(new Dual<Tensor>(label)));

        Tensor value = network.Forward(TorchOps.Instance, t, x, new(label));
        Assert.Equal(value.data<float>().ToArray(), both.Value.data<float>().ToArray());
        float[] tangent = both.Tangent!.flatten().data<float>().ToArray();
        Assert.Equal(value.numel(), tangent.Length);
        Tensor flat = value.flatten();
        for (int i = 0; i < tangent.Length; i++)
        {
            IList<Tensor> slopes = autograd.grad([flat[i]], [t, x], retain_graph: true);
            double expected = (slopes[0] * alongTime).sum().item<float>() + (slopes[1] * alongState).sum().item<float>();
            Assert.Equal(expected, tangent[i], 1e-5 * (1 + Math.Abs(expected)));
        }
    }

    [Theory, MemberData(nameof(Operations))]
    public void The_divergence_of_an_operation_is_the_same_in_the_graph(string operation)
    {
        using OperationsNetwork network = Trainer.Seeded(1, () => new OperationsNetwork(operation));
        foreach (DivergenceKind kind in Enum.GetValues<DivergenceKind>())
        {
            ExportParity parity = OnnxExporter.Export(network, Card(network), Model, kind);
            Assert.InRange(parity.DivergenceDifference!.Value, 0, 5e-6);
            Assert.True(parity.RowsIndependent);
        }
    }

    [Theory, InlineData("mlp"), InlineData("unet"), InlineData("dit")]
    public void The_exported_divergence_of_a_network_is_the_sum_of_its_slopes(string kind)
    {
        using VelocityNetwork network = NetworkSizes.Random(kind, classes: 2, shape: [1, 2, 2]);
        OnnxExporter.Export(network, Card(network), Model, DivergenceKind.Exact);
        using FlowModel model = FlowModel.Open(Model);
        EvaluationBuffers buffers = Evaluate(model, 3);
        using var scope = NewDisposeScope();
        for (int row = 0; row < 3; row++)
        {
            List<(double Diagonal, float[] Row)> slopes = Slopes(network, buffers, row);
            double expected = slopes.Sum(slope => slope.Diagonal), scale = slopes.Sum(slope => Math.Abs(slope.Diagonal));
            Assert.Equal(expected, buffers.Divergences![0][row][0], 1e-5 * scale);
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void The_exported_estimate_is_the_slope_along_the_probe_times_the_probe(string kind)
    {
        using VelocityNetwork network = NetworkSizes.Random(kind, classes: 2, shape: [1, 4, 4]);
        OnnxExporter.Export(network, Card(network), Model, DivergenceKind.Hutchinson);
        using FlowModel model = FlowModel.Open(Model);
        Assert.Equal(("probe", "divergence"), (model.Card.Inputs.Probe, model.Card.Outputs.Divergence));
        EvaluationBuffers buffers = Evaluate(model, 3);
        using var scope = NewDisposeScope();
        for (int row = 0; row < 3; row++)
        {
            float[] probe = buffers.Probes![row].ToArray();
            List<(double Diagonal, float[] Row)> slopes = Slopes(network, buffers, row);
            double expected = slopes.Select((slope, i) => probe[i] * slope.Row.Zip(probe).Sum(pair => (double)pair.First * pair.Second)).Sum();
            double scale = slopes.Sum(slope => slope.Row.Sum(Math.Abs));
            Assert.Equal(expected, buffers.Divergences![0][row][0], 1e-5 * scale);
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void The_prediction_has_the_same_bits_with_a_divergence_beside_it(string kind)
    {
        using VelocityNetwork network = NetworkSizes.Random(kind, shape: [1, 4, 4]);
        OnnxExporter.Export(network, Card(network), Model);
        float[] plain = Sample();
        OnnxExporter.Export(network, Card(network), Model, DivergenceKind.Hutchinson);
        Assert.Equal(plain, Sample());

        float[] Sample()
        {
            using FlowModel model = FlowModel.Open(Model);
            return model.Sample(3, new SamplingOptions { Solver = new Ode.FixedSteps(Ode.SolverMethod.Named("heun"), 3) }).EnsureSuccess().Values;
        }
    }

    [Theory, MemberData(nameof(NetworkTests.AwkwardSizes), MemberType = typeof(NetworkTests))]
    public void Rows_are_independent_with_an_estimate_of_awkward_size(NetworkOptions options, int[] shape)
    {
        using VelocityNetwork network = Trainer.Seeded(4, () => NetworkSizes.Randomised(options.Make(shape, 2)));
        ExportParity parity = OnnxExporter.Export(network, Card(network), Model, DivergenceKind.Hutchinson);
        Assert.InRange(parity.DivergenceDifference!.Value, 1e-12, 1e-5);
        Assert.True(parity.RowsIndependent);
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3), InlineData(7), InlineData(21)]
    public void Rows_are_independent_with_the_exact_divergence_of_few_values(int dimension)
    {
        using VelocityNetwork network = NetworkSizes.Random("mlp", shape: [dimension]);
        ExportParity parity = OnnxExporter.Export(network, Card(network), Model, DivergenceKind.Exact);
        Assert.InRange(parity.DivergenceDifference!.Value, 1e-12, 1e-5);
        Assert.True(parity.RowsIndependent);
    }

    [Fact]
    public void The_divergence_of_the_oracle_is_that_of_the_mixture()
    {
        var mixture = new GaussianMixture(2, [0.5, -1, -0.3, 0.8, 1, 1], [0.5, 0.3, 0.4], [0.2, 0.5, 0.3]);
        var path = new PathCard(PathKind.ConditionalOt);
        using var network = new OracleNetwork(mixture, path);
        OnnxExporter.Export(network, Card(network), Model, DivergenceKind.Exact);
        using FlowModel model = FlowModel.Open(Model);
        EvaluationBuffers learnt = Evaluate(model, 6);
        var exact = new EvaluationBuffers(6, 2, 1, withDivergence: true);
        for (int row = 0; row < 6; row++)
        {
            exact.Times[row] = learnt.Times[row];
            learnt.States[row].CopyTo(exact.States[row]);
        }
        using IVelocityEvaluator field = new MixtureField(mixture, Paths.ProbabilityPath.Of(path)).CreateEvaluator(exact);
        field.Evaluate(0, 6, output: 0);
        for (int row = 0; row < 6; row++)
            Assert.Equal(exact.Divergences![0][row][0], learnt.Divergences![0][row][0], 2e-5 * (1 + Math.Abs(exact.Divergences[0][row][0])));
    }

    [Fact]
    public void An_exact_divergence_of_many_values_is_refused_with_the_cure()
    {
        using VelocityNetwork network = NetworkSizes.Fresh("mlp", shape: [65]);
        var e = Assert.Throws<ArgumentException>(() => OnnxExporter.Export(network, Card(network), Model, DivergenceKind.Exact));
        Assert.Contains("65 values", e.Message);
        Assert.Contains("hutchinson", e.Message);
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void An_exact_divergence_of_a_large_graph_is_refused_with_the_cure()
    {
        using VelocityNetwork network = NetworkSizes.Fresh("unet of two blocks", shape: [1, 8, 8]);
        var e = Assert.Throws<ArgumentException>(() => OnnxExporter.Export(network, Card(network), Model, DivergenceKind.Exact));
        Assert.Contains("more than 8000. Take its estimate (hutchinson)", e.Message);
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void A_network_whose_derivatives_differ_is_refused()
    {
        using var network = new DriftingSlope();
        Assert.InRange(OnnxExporter.Export(network, Card(network), Model).MaxRelativeDifference, 0, 1e-6);
        var e = Assert.Throws<InvalidDataException>(() => OnnxExporter.Export(network, Card(network), Model, DivergenceKind.Exact));
        Assert.Contains("the exported divergence differs", e.Message);
    }

    /// <summary>Predictions and divergences of some rows, with their classes in turn and probes of ±1.</summary>
    private static EvaluationBuffers Evaluate(FlowModel model, int rows)
    {
        var buffers = new EvaluationBuffers(rows, model.Field.Dimension, outputs: 1, withDivergence: true);
        using IVelocityEvaluator evaluator = model.Network.CreateEvaluator(buffers);
        for (int row = 0; row < rows; row++)
        {
            Noise.Fill(8, row, buffers.States[row]);
            buffers.Times[row] = (row + 0.5) / rows;
            for (int i = 0; i < buffers.Dimension; i++)
                buffers.Probes![row][i] = (row + i * i) % 3 == 0 ? -1 : 1;
            evaluator.Assign(row, row, model.Card.Conditions?.Classes is null || Label(row) == 2 ? Condition.None : new Condition { Label = Label(row) });
        }
        evaluator.Evaluate(0, rows, output: 0);
        return buffers;
    }

    private static int Label(int row) => row % 3;

    /// <summary>The rows of ∂v/∂x at a row of the buffers, by reverse-mode derivatives.</summary>
    private static List<(double Diagonal, float[] Row)> Slopes(VelocityNetwork network, EvaluationBuffers buffers, int row)
    {
        Tensor x = tensor(buffers.States[row].ToArray()).reshape([1, .. network.Shape.Select(size => (long)size)]);
        x.requires_grad_();
        Tensor? label = network.Classes == 0 ? null : tensor(new long[] { Label(row) });
        Tensor velocity = network.Forward(TorchOps.Instance, tensor(new[] { (float)buffers.Times[row] }), x, new(label)).flatten();
        return [.. Enumerable.Range(0, network.Dimension).Select(i =>
        {
            float[] slopes = autograd.grad([velocity[i]], [x], retain_graph: true)[0].flatten().data<float>().ToArray();
            return ((double)slopes[i], slopes);
        })];
    }

    private static (Tensor T, Tensor X, Tensor Label) Inputs(VelocityNetwork network, int rows)
    {
        long[] shape = [rows, .. network.Shape.Select(size => (long)size)];
        return (linspace(0.1, 0.9, rows), Trainer.Seeded(5, () => randn(shape)), tensor(Enumerable.Range(0, rows).Select(row => (long)row).ToArray()));
    }

    private static FlowCard Card(VelocityNetwork network) => new(
        FlowCard.CurrentFormat, new PredictionCard(PredictionKind.Velocity), new PathCard(PathKind.ConditionalOt), new SampleCard(network.Shape),
        OnnxExporter.Inputs, OnnxExporter.Outputs,
        Conditions: OnnxExporter.ConditionsOf(network.Classes == 0 ? null : [.. Enumerable.Range(0, network.Classes).Select(i => $"{i}")]));

    /// <summary>Gives the same velocity in both interpretations; for the graph's derivatives, one 1e-3 larger.</summary>
    private sealed class DriftingSlope : VelocityNetwork
    {
        public DriftingSlope() : base("drifting", [2], classes: 0)
        {
        }

        public override T Forward<T>(ITensorOps<T> ops, T t, T x, ConditionInputs<T> given) where T : class
        {
            T timed = ops.Add(x, ops.Reshape(t, 1));
            if (ops is not DualOps<Tensor>)
                return timed;
            var dual = (Dual<Tensor>)(object)timed;
            return (T)(object)new Dual<Tensor>(dual.Value, dual.Tangent! * 1.001f);
        }
    }
}
