using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>Networks that declare their inputs and outputs as others do: v = t x, and what it is sampled to does not depend on that.</summary>
public sealed class ForeignNetworkTests : IDisposable
{
    private const int Float = TinyModel.Float, Half = TinyModel.Float16, Double = TinyModel.Double;

    private static readonly SamplingOptions Options = new() { Seed = 5, Slots = 7, Workers = 2 };

    private readonly TemporaryFolder _folder = new();
    private readonly float[] _expected;

    public ForeignNetworkTests()
    {
        using FlowModel plain = Open(TinyModel.TimesTime(), TinyModel.Card);
        _expected = plain.Sample(50, Options).EnsureSuccess().Values;
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(new[] { -1, 1 })]
    [InlineData(new[] { -1, 1, 1 })]
    [InlineData(new int[0])]
    [InlineData(new[] { 1 })]
    [InlineData(new[] { 1, 1 })]
    public void Time_may_come_for_each_row_or_for_the_whole_call(int[] time) => Gives(TinyModel.Declared(new("t", Float, time), TinyModel.State, TinyModel.Velocity));

    [Theory]
    [InlineData(1, new[] { 1 })]
    [InlineData(1, new int[0])]
    [InlineData(3, new[] { 3 })]
    [InlineData(3, new[] { 3, 1 })]
    [InlineData(3, new[] { 1 })]
    [InlineData(64, new[] { 64 })]
    public void A_fixed_batch_is_filled_up(int batch, int[] time) => Gives(TinyModel.Declared(new("t", Float, time), new("x", Float, batch, 2), new("v", Float, batch, 2)));

    [Fact]
    public void Double_precision_is_fed_and_read() => Gives(TinyModel.Declared(new("t", Double, -1), new("x", Double, -1, 2), new("v", Double, -1, 2)), 1e-6);

    /// <summary>A number of 11 bits is off by 2⁻¹¹ of itself at most.</summary>
    [Fact]
    public void Half_precision_is_fed_and_read_to_its_rounding() => Gives(TinyModel.Declared(new("t", Half, -1), new("x", Half, -1, 2), new("v", Half, -1, 2)), 2e-3);

    [Fact]
    public void A_state_of_half_precision_may_have_a_prediction_of_single() => Gives(TinyModel.Declared(new("t", Float, -1), new("x", Half, -1, 2), TinyModel.Velocity), 2e-3);

    [Fact]
    public void An_output_whose_shape_the_graph_leaves_open_is_tried_once() => Gives(OfOpenShape(-1, 2));

    [Fact]
    public void An_output_that_has_another_shape_in_the_trial_is_refused()
    {
        string message = Refused(OfOpenShape(-1, 1), TinyModel.Card, "open");
        Assert.Contains("'v' has the shape [4, 1] in a trial call of 2 rows, but the card's sample.shape asks for [2, 2]", message, StringComparison.Ordinal);
        Assert.Contains("'outputs.prediction'", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_network_that_fails_in_the_trial_is_refused()
    {
        string message = Refused(OfOpenShape(-1, 7), TinyModel.Card, "failing");
        Assert.Contains("failed in a trial call of 2 rows", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("noise-level", 1, 0.5, 1)] // (1 − t)/t at t = 0.5
    [InlineData("log-noise-level", 4, 0.2, 5.545177444479562)] // 4 ln 4
    [InlineData("log-snr", 1, 0.2, -2.772588722239781)] // −2 ln 4
    public void What_is_fed_for_the_time_may_be_the_noise_level(string quantity, double scale, double t, double expected)
    {
        string path = TinyModel.Write(_folder, "quantity.onnx", TinyModel.TimesTime(), TinyModel.Card);
        _folder.File("quantity.flow.json", FormattableString.Invariant($$"""{ "time": { "quantity": "{{quantity}}", "scale": {{scale}} } }"""));
        using FlowModel model = FlowModel.Open(path);
        Assert.Equal(expected, Velocity(model, t, [1, 0])[0], 1e-5);
        Assert.Equal(0, model.Sample(3).Failed); // its ends, where that is infinite, are left out
    }

    [Fact]
    public void The_time_may_run_from_the_data_and_be_scaled()
    {
        using FlowModel model = Open(TinyModel.TimesTime(), TinyModel.Card with { Time = new(TimeOrigin.Data, 1000) });
        Assert.Equal(700f, Velocity(model, 0.3, [1, 0])[0]);
    }

    /// <summary>v = t x + c + s g with c constant for every row, s a constant scalar and g a constant of its own shape.</summary>
    [Fact]
    public void Inputs_of_constants_are_fed_at_every_call()
    {
        byte[] graph = TinyModel.TimesTimePlus(
            [new("c", Float, -1, 2), new("s", Double), new("g", TinyModel.Int64, 1, 2)],
            [TinyModel.Cast("s", Float, "sf"), TinyModel.Cast("g", Float, "gf"), TinyModel.Node("Mul", ["gf", "sf"], "sg"), TinyModel.Node("Add", ["c", "sg"], "f")]);
        using FlowModel model = Open(graph, WithConstants(new("c", [0.5, -1]), new("s", [3]), new("g", [2, 4])));
        Assert.Equal([0.25f * 8 + 0.5f + 6, 0.25f * 4 - 1 + 12], Velocity(model, 0.25, [8, 4]));
        using FlowModel filled = Open(graph, WithConstants(new("c", [0.5], [-1, 2]), new("s", [0]), new("g", [1])));
        Assert.Equal([2.5f, 1.5f], Velocity(filled, 0.25, [8, 4]));
        SampleBatch batch = filled.Sample(20, Options).EnsureSuccess();
        Assert.Equal(filled.Sample(1, Options with { First = 13 }).Values, batch[13].ToArray());
    }

    [Fact]
    public void A_constant_of_another_shape_is_refused_by_its_place()
    {
        byte[] graph = TinyModel.TimesTimePlus([new("f", Float, -1, 2)], []);
        Assert.Contains("'inputs.constants[0].values'", Refused(graph, WithConstants(new ConstantInputCard("f", [1, 2, 3])), "many"), StringComparison.Ordinal);
        Assert.Contains("'inputs.constants[0].shape'", Refused(graph, WithConstants(new ConstantInputCard("f", [1], [-1, 3])), "wide"), StringComparison.Ordinal);
        Assert.Contains("'inputs.constants[1].input'", Refused(graph, WithConstants(new("f", [1]), new("g", [1])), "none"), StringComparison.Ordinal);
        Assert.Contains("twice", Refused(graph, WithConstants(new("f", [1]), new("f", [1])), "twice"), StringComparison.Ordinal);
        Assert.Contains("leaves it open", Refused(TinyModel.TimesTimePlus([new("f", Float, -1, -1)], []), WithConstants(new ConstantInputCard("f", [1])), "open"), StringComparison.Ordinal);
    }

    /// <summary>Three rows go through the network as four; what the fourth's label was left at in memory that was used before is no row of the table.</summary>
    [Fact]
    public void Rows_that_fill_a_call_up_are_numbers_of_the_graph_too()
    {
        using FlowModel model = Open(TinyModel.TimesTimePlusTable(1, 0, -1, 3, 0, 0), TinyModel.ClassesCard);
        for (int length = 1; length <= 16; length++)
        {
            float[] used = PinnedArrays.Take(length);
            used.AsSpan().Fill(1e9f);
            PinnedArrays.Return(used);
        }
        var buffers = new EvaluationBuffers(5, 2, outputs: 1);
        using IVelocityEvaluator evaluator = model.Field.CreateEvaluator(buffers);
        for (int row = 0; row < 3; row++)
            evaluator.Assign(row, row, new Condition { Label = row % 2 });
        evaluator.Evaluate(0, 3, output: 0);
        Assert.Equal([1, 0, -1, 3, 1, 0], buffers.Velocities[0].Range(0, 3).ToArray());
    }

    private void Gives(byte[] graph, double tolerance = 0)
    {
        using FlowModel model = Open(graph, TinyModel.Card);
        SampleBatch batch = model.Sample(50, Options).EnsureSuccess();
        for (int i = 0; i < _expected.Length; i++)
            Assert.Equal(_expected[i], batch.Values[i], tolerance * Math.Max(1, Math.Abs(_expected[i])));
        Assert.Equal(model.Sample(1, Options with { First = 31 }).Values, batch[31].ToArray());
    }

    /// <summary>v = t x, given a shape that is computed from the time, so that nothing can tell it beforehand.</summary>
    private static byte[] OfOpenShape(long rows, long width) => TinyModel.Model(
        [TinyModel.Time, TinyModel.State],
        [new("v", Float) { HasShape = false }],
        [
            TinyModel.Node("Unsqueeze", ["t", "one"], "t1"), TinyModel.Node("Mul", ["x", "t1"], "tx"),
            TinyModel.Node("ReduceMax", ["t"], "late"), TinyModel.Node("Floor", ["late"], "floor"), TinyModel.Node("Sub", ["floor", "floor"], "none"),
            TinyModel.Cast("none", TinyModel.Int64, "zero"), TinyModel.Node("Add", ["shape", "zero"], "late shape"), TinyModel.Node("Reshape", ["tx", "late shape"], "v"),
        ],
        [TinyModel.Ints("one", 1), TinyModel.Ints("shape", rows, width)]);

    private static FlowCard WithConstants(params ConstantInputCard[] constants) => TinyModel.Card with { Inputs = TinyModel.Card.Inputs with { Constants = constants } };

    private static float[] Velocity(FlowModel model, double t, float[] state)
    {
        var buffers = new EvaluationBuffers(3, 2, outputs: 1);
        using IVelocityEvaluator evaluator = model.Field.CreateEvaluator(buffers);
        evaluator.Assign(0, 0, Condition.None);
        buffers.Times[0] = t;
        state.CopyTo(buffers.States[0]);
        evaluator.Evaluate(0, 1, output: 0);
        return buffers.Velocities[0][0].ToArray();
    }

    private string Refused(byte[] graph, FlowCard card, string name)
    {
        string path = TinyModel.Write(_folder, $"{name}.onnx", graph, card);
        string message = Assert.Throws<InvalidDataException>(() => FlowModel.Open(path)).Message;
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        return message;
    }

    private FlowModel Open(byte[] graph, FlowCard card) => FlowModel.Open(TinyModel.Write(_folder, $"{Guid.NewGuid():N}.onnx", graph, card));
}
