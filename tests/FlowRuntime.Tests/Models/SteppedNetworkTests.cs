using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>Networks that take whole time steps alone. Each is v = f(k) x of its step number k, as int64.</summary>
public sealed class SteppedNetworkTests : IDisposable
{
    private const int Steps = 11;

    private static readonly SolverOptions Tight = new AdaptiveSteps { RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-6 };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>f(k) = k is mixed to 10 t between steps, that of a network of real times.</summary>
    [Theory, InlineData(TimeOrigin.Noise), InlineData(TimeOrigin.Data)]
    public void Between_steps_a_prediction_linear_in_the_step_is_exact(TimeOrigin from)
    {
        using FlowModel stepped = Open(Linear(TinyModel.Int64), Card(from)), real = Open(TinyModel.TimesTime(), TinyModel.Card with { Time = new(from, Steps - 1) });
        foreach (SolverOptions solver in new[] { Tight, new FixedSteps(ButcherTableau.RungeKutta4, 7) { Grid = TimeGrid.Given([0, 0.1, 0.33, 0.5, 0.6, 0.77, 0.9, 1]) } })
        {
            float[] expected = real.Sample(20, new SamplingOptions { Solver = solver }).EnsureSuccess().Values;
            float[] actual = stepped.Sample(20, new SamplingOptions { Solver = solver, Slots = 3 }).EnsureSuccess().Values;
            for (int i = 0; i < expected.Length; i++)
                Assert.Equal(1, actual[i] / expected[i], 1e-4);
        }
    }

    /// <summary>f(k) = k² lies on its chords between steps: at t = 0.34, 3 + 0.4 (16 − 9)/1 … = 9 + 0.4 · 7.</summary>
    [Fact]
    public void Between_steps_the_predictions_on_both_sides_are_mixed_by_distance()
    {
        using FlowModel model = Open(Squared(), Card(TimeOrigin.Noise));
        Assert.Equal([11.8, 9, 0, 100, 81], Velocities(model, 0.34, 0.3, 0, 1, 0.9), (a, b) => Math.Abs(a - b) < 1e-4);
    }

    /// <summary>On its own grid the network is asked at its steps, once for each: Euler's product Π (1 + h f(k)).</summary>
    [Theory, InlineData(10), InlineData(4)]
    public void Fixed_steps_stand_on_the_networks_steps(int count)
    {
        using FlowModel model = Open(Squared(), Card(TimeOrigin.Noise));
        SampleBatch batch = model.Sample(5, new SamplingOptions { Seed = 1, Solver = new FixedSteps(ButcherTableau.Euler, count) }).EnsureSuccess();
        double[] times = [.. Enumerable.Range(0, count + 1).Select(i => Math.Round((double)i / count * 10) / 10)];
        double factor = times.Zip(times.Skip(1)).Aggregate(1.0, (product, step) => product * (1 + (step.Second - step.First) * Math.Pow(Math.Round(10 * step.First), 2)));
        Span<float> noise = stackalloc float[2];
        for (int i = 0; i < 5; i++)
        {
            Noise.Fill(1, i, noise);
            Assert.Equal(factor, batch[i][1] / noise[1], 1e-3 * factor);
            Assert.Equal(count, batch.Evaluations[i]);
        }
    }

    [Fact]
    public void More_steps_than_the_network_has_are_refused()
    {
        using FlowModel model = Open(Squared(), Card(TimeOrigin.Noise));
        string message = Assert.Throws<ArgumentException>(() => model.Sample(1, new SamplingOptions { Solver = new FixedSteps(ButcherTableau.Euler, 11) })).Message;
        Assert.Contains("the network has 11 time steps", message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_default_is_an_exponential_multistep_method_on_the_networks_steps()
    {
        using FlowModel model = Open(Linear(TinyModel.Int64), Card(TimeOrigin.Data) with { Prediction = new(PredictionKind.Data), Path = new(PathKind.Tabulated, AlphaBar: Table) });
        Assert.Equal(new FixedSteps(MultistepMethod.UniPC2, 10), model.Defaults.Solver);
        Assert.Equal(11, model.Sample(3).EnsureSuccess().Evaluations[0]); // and the finish
        using FlowModel coupled = Open(Linear(TinyModel.Int64), Card(TimeOrigin.Data) with { Path = new(PathKind.ConditionalOt, Coupling: CouplingKind.OptimalTransport) });
        Assert.Equal(new FixedSteps(MultistepMethod.AdamsBashforth2, 10), coupled.Defaults.Solver);
    }

    /// <summary>Rows come and go at times of their own; none takes another's condition with it.</summary>
    [Fact]
    public void Conditions_follow_their_samples_between_steps()
    {
        byte[] graph = TinyModel.Model(
            [new("t", TinyModel.Int64, -1), TinyModel.State, TinyModel.Label],
            [TinyModel.Velocity],
            [
                TinyModel.Cast("t", TinyModel.Float, "tf"), TinyModel.Node("Unsqueeze", ["tf", "one"], "t1"), TinyModel.Node("Mul", ["x", "t1"], "tx"),
                TinyModel.Node("Gather", ["table", "label"], "row"), TinyModel.Node("Add", ["tx", "row"], "v"),
            ],
            [TinyModel.Ints("one", 1), TinyModel.Floats("table", [3, 2], 10, 0, 0, -10, 1, 1)]);
        using FlowModel model = Open(graph, TinyModel.ClassesCard with { Time = new(Steps: 3) });
        SamplingOptions options = new() { Seed = 3, Labels = [0, 1], Solver = Tight, Guidance = 1.5, Workers = 1 };
        SampleBatch few = model.Sample(30, options with { Slots = 3 }).EnsureSuccess(), many = model.Sample(30, options with { Slots = 30 }).EnsureSuccess();
        Assert.Equal(many.Values, few.Values);
        Assert.Equal(model.Sample(1, options with { First = 17, Labels = [1] }).Values, few[17].ToArray());
    }

    /// <summary>
    /// A network that knows data N(0, S² I) exactly, at 61 steps of a cosine table whose last α is 0.0008: noise ε̂ = σ x/(α² S² + σ²). Its error there, 1e-3 for
    /// ε, would come out more than a hundred times as large.
    /// </summary>
    [Fact]
    public void A_step_almost_without_data_is_left_out_of_a_solve_for_noise()
    {
        double[] table = [.. Enumerable.Range(1, 60).Select(k => Math.Max(6.7e-7, Math.Pow(Math.Cos(Math.PI / 2 * k / 60), 2)))];
        var path = new TabulatedPath(table);
        using FlowModel model = Open(Linear(TinyModel.Int64), Card(TimeOrigin.Data, 60) with { Prediction = new(PredictionKind.Noise), Path = new(PathKind.Tabulated, AlphaBar: table) });
        Assert.Equal(1.0 / 59, model.Start, 12);
        Assert.True(path.At(0).Alpha < 0.001 && path.At(model.Start).Alpha > ProbabilityPath.LeastSignal);
        using FlowModel whole = Open(Linear(TinyModel.Int64), Card(TimeOrigin.Data, 60) with { Path = new(PathKind.Tabulated, AlphaBar: table) });
        Assert.Equal(0, whole.Start); // a velocity is not divided by anything
    }

    [Fact]
    public void Whole_times_without_their_number_are_refused() => Assert.Contains("'time.steps'",
        Assert.Throws<InvalidDataException>(() => Open(Linear(TinyModel.Int64), TinyModel.Card)).Message, StringComparison.Ordinal);

    [Fact]
    public void Steps_may_be_fed_as_real_numbers()
    {
        using FlowModel whole = Open(Linear(TinyModel.Int32), Card(TimeOrigin.Noise)), real = Open(Linear(TinyModel.Float), Card(TimeOrigin.Noise));
        Assert.Equal(whole.Sample(5).Values, real.Sample(5).Values);
    }

    private static double[] Table { get; } = [.. Enumerable.Range(1, Steps).Select(k => 1 - k / 12.0)];

    private static FlowCard Card(TimeOrigin from, int steps = Steps) => TinyModel.Card with { Time = new(from, Steps: steps) };

    private static byte[] Linear(int type) => TinyModel.Declared(new("t", type, -1), TinyModel.State, TinyModel.Velocity);

    private static byte[] Squared() => TinyModel.Model(
        [new("t", TinyModel.Int64, -1), TinyModel.State],
        [TinyModel.Velocity],
        [
            TinyModel.Cast("t", TinyModel.Float, "tf"), TinyModel.Node("Mul", ["tf", "tf"], "square"),
            TinyModel.Node("Unsqueeze", ["square", "one"], "t1"), TinyModel.Node("Mul", ["x", "t1"], "v"),
        ],
        [TinyModel.Ints("one", 1)]);

    /// <summary>The first value of v for x = (1, 0) at each time.</summary>
    private static double[] Velocities(FlowModel model, params double[] times)
    {
        var buffers = new EvaluationBuffers(times.Length, 2, outputs: 1);
        using IVelocityEvaluator evaluator = model.Field.CreateEvaluator(buffers);
        for (int row = 0; row < times.Length; row++)
        {
            evaluator.Assign(row, row, Condition.None);
            (buffers.Times[row], buffers.States[row][0]) = (times[row], 1);
        }
        evaluator.Evaluate(0, times.Length, output: 0);
        return [.. Enumerable.Range(0, times.Length).Select(row => (double)buffers.Velocities[0][row][0])];
    }

    private FlowModel Open(byte[] graph, FlowCard card) => FlowModel.Open(TinyModel.Write(_folder, $"{Guid.NewGuid():N}.onnx", graph, card));
}
