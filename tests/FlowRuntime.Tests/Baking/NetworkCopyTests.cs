using FlowRuntime.Baking;
using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests.Baking;

/// <summary>Networks of every kind are copied into a sampler that has the engine's samples to the last bit, or are refused in a line.</summary>
public sealed class NetworkCopyTests : IDisposable
{
    private static readonly FixedSteps Heun = new(ButcherTableau.Heun, 5) { Unfused = true };
    private static readonly AdaptiveSteps Dopri5 = new() { Method = ButcherTableau.Dopri5, FirstStep = 0.1, RelativeTolerance = 1e-4f, AbsoluteTolerance = 1e-4f, Unfused = true };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Baked => _folder.File("sampler.onnx");

    /// <summary>The estimate of the divergence takes an input of its own, a probe, which the prediction does not depend on.</summary>
    [Theory, InlineData(true), InlineData(false)]
    public void A_divergence_and_what_it_alone_takes_stay_behind(bool probe)
    {
        FlowCard card = TinyModel.Card with { Outputs = new OutputsCard("v", "divergence"), Inputs = new InputsCard("t", "x", probe ? "e" : null) };
        using FlowModel model = Opened(TinyModel.Symmetric(0.5f, -0.25f, probe, column: true), card);
        foreach (SolverOptions solver in new SolverOptions[] { Heun, Dopri5 })
            Agree(model, solver, new SamplingOptions());
        using var sampler = new BakedSampler(Baked);
        Assert.Equal(["noise", "rtol", "atol"], sampler.Session.InputMetadata.Keys);
        Assert.DoesNotContain("network0/sum", File.ReadAllText(Baked), StringComparison.Ordinal); // what the divergence is made of
    }

    [Fact]
    public void A_sequence_and_its_mask_are_inputs_of_the_sampler()
    {
        byte[] graph = TinyModel.TimesTimePlus(
            [new("s", TinyModel.Float, -1, 3, 2), new("mask", TinyModel.Int64, -1, 3)],
            [
                TinyModel.Cast("mask", TinyModel.Float, "mf"), TinyModel.Node("Unsqueeze", ["mf", "two"], "m"),
                TinyModel.Node("Mul", ["s", "m"], "sm"), TinyModel.Node("ReduceSum", ["sm", "one"], "f", TinyModel.Attribute("keepdims", 0)),
            ],
            TinyModel.Ints("two", 2));
        using FlowModel model = Opened(graph, TinyModel.Card with { Conditions = new(Sequences: [new SequenceInputCard("s", [3, 2], "mask", Padding: 9, Null: 0.5)]) });
        var given = new Condition { Sequences = new Dictionary<string, float[]> { ["s"] = [1, 2, 3, -4] } };
        Agree(
            model, Heun, new SamplingOptions { Conditions = [given], Guidance = 1.5 },
            ("s", [1, 2, 3, -4, 9, 9, 1, 2, 3, -4, 9, 9], [2, 3, 2]), ("mask", [1, 1, 0, 1, 1, 0], [2, 3]), ("guidance", [1.5f, 1.5f], [2, 1]));
    }

    [Fact]
    public void Constant_inputs_stand_in_the_file()
    {
        using FlowModel model = Opened(
            TinyModel.TimesTimePlus([new("c", TinyModel.Float, -1, 2)], [TinyModel.Node("Neg", ["c"], "f")]),
            TinyModel.Card with { Inputs = TinyModel.Card.Inputs with { Constants = [new ConstantInputCard("c", [0.5, -1])] } });
        Agree(model, Dopri5, new SamplingOptions());
    }

    [Theory]
    [InlineData(TinyModel.Double, TinyModel.Float16)]
    [InlineData(TinyModel.Float16, TinyModel.Double)]
    public void Networks_of_other_number_types_are_fed_theirs(int time, int state)
    {
        using FlowModel model = Opened(TinyModel.Declared(new("t", time, -1, 1), new("x", state, -1, 2), new("v", state, -1, 2)), TinyModel.Card);
        Agree(model, Heun, new SamplingOptions());
        Agree(model, Dopri5, new SamplingOptions());
    }

    /// <summary>v = t x · 0.5³: a loop with a weight inside it, one around it, and a name that both have.</summary>
    [Fact]
    public void A_graph_inside_a_node_keeps_its_own_names_and_sees_those_around()
    {
        using FlowModel model = Opened(Looping(TinyModel.Floats("half", [], 0.25f)), TinyModel.Card);
        Agree(model, Heun, new SamplingOptions());
        Agree(model, Dopri5, new SamplingOptions());
    }

    [Fact]
    public void No_rows_go_through_convolutions()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("mnist.onnx"));
        SamplerFile.Write(model, Baked, BakeOptions.Of(model, ButcherTableau.Euler));
        using var sampler = new BakedSampler(Baked);
        Assert.Empty(sampler.Run([], steps: 4, labels: [], guidance: []).Values);
    }

    [Fact]
    public void A_sampler_does_not_take_the_place_of_its_model()
    {
        using FlowModel model = Opened(TinyModel.TimesTime(), TinyModel.Card);
        byte[] before = File.ReadAllBytes(model.Path);
        Assert.Throws<ArgumentException>(() => SamplerFile.Write(model, model.Path, BakeOptions.Of(model, ButcherTableau.Euler)));
        Assert.Equal(before, File.ReadAllBytes(model.Path));
    }

    [Fact]
    public void A_network_of_a_fixed_number_of_rows_is_refused() => Refused(
        "2 rows a call", TinyModel.Declared(new("t", TinyModel.Float, 2), new("x", TinyModel.Float, 2, 2), new("v", TinyModel.Float, 2, 2)), Heun);

    [Fact]
    public void One_time_for_all_is_refused_in_adaptive_steps() => Refused(
        "one time for all samples", TinyModel.Declared(new("t", TinyModel.Float, 1), TinyModel.State, TinyModel.Velocity), Dopri5);

    [Fact]
    public void Operations_before_version_13_are_refused()
    {
        byte[] model = TinyModel.Declared(TinyModel.Time, TinyModel.State, TinyModel.Velocity);
        model[^1] = 12; // of the version of operations, the last field
        Refused("version 12", model, Heun);
    }

    [Fact]
    public void Weights_in_another_file_are_refused_also_inside_a_node()
    {
        _folder.File("weights.bin", BitConverter.GetBytes(0.5f));
        byte[] location = [.. Protobuf.Message(13, Protobuf.Text(1, "location"), Protobuf.Text(2, "weights.bin")), .. Protobuf.Number(14, 1)];
        Refused("its weights lie in another file", Looping(Protobuf.Message(5, Protobuf.Number(2, TinyModel.Float), Protobuf.Text(8, "half"), location)), Heun);
        byte[] constant = Protobuf.Message(5, Protobuf.Text(1, "value"), Protobuf.Message(5, Protobuf.Number(2, TinyModel.Float), location), Protobuf.Number(20, 4));
        Refused("its weights lie in another file", TinyModel.TimesTimePlus([], [TinyModel.Node("Constant", [], "f", constant)]), Heun);
    }

    [Fact]
    public void A_decoder_of_other_operations_is_refused()
    {
        byte[] decoder = TinyModel.Model([new("z", TinyModel.Float, -1, 2)], [new("image", TinyModel.Float, -1, 2)], [TinyModel.Node("Neg", ["z"], "image")], []);
        decoder[^1] = 18;
        _folder.File("decoder.onnx", decoder);
        Refused("The decoder is of operations of version 18 and the network of 20", TinyModel.TimesTime(), Heun, TinyModel.Card with { Latent = new("decoder.onnx") });
    }

    /// <summary>Where a solve stops short of the data, the last place of a trajectory is what the last state speaks of.</summary>
    [Theory, InlineData("heun"), InlineData("dopri5")]
    public void A_trajectory_that_stops_short_of_the_data_ends_with_the_samples(string method)
    {
        using FlowModel model = Opened(TinyModel.TimesTime(), TinyModel.Card with { Prediction = new PredictionCard(PredictionKind.Data) });
        SamplerFile.Write(model, Baked, new BakeOptions(method == "heun" ? Heun : Dopri5) { Trajectory = true });
        using var sampler = new BakedSampler(Baked);
        BakedSamples found = sampler.Run([1, 2], tolerance: method == "heun" ? null : 1e-4f);
        Assert.Equal(found.Values, found.Trajectory[^2..]);
        Assert.NotEqual(found.Trajectory[^4..^2], found.Trajectory[^2..]);
        Assert.Equal((float)model.End, found.TrajectoryTimes[^1]);
    }

    /// <summary>A model v = t x · half³ by a loop of three turns, where half is the loop's own.</summary>
    private static byte[] Looping(byte[] half) => TinyModel.Model(
        [TinyModel.Time, TinyModel.State],
        [TinyModel.Velocity],
        [
            TinyModel.Node("Unsqueeze", ["t", "one"], "t1"), TinyModel.Node("Mul", ["x", "t1"], "tx"),
            TinyModel.Node("Loop", ["three", "", "tx"], "v", Protobuf.Message(5, Protobuf.Text(1, "body"), Protobuf.Number(20, 5), Protobuf.Message(6,
                TinyModel.Node("Identity", ["go"], "still"), TinyModel.Node("Mul", ["turn", "half"], "turned"), TinyModel.Node("Mul", ["turned", "around"], "twice"), Protobuf.Text(2, "body"), half,
                Info(11, "i", TinyModel.Int64), Info(11, "go", TinyModel.Bool), Info(11, "turn", TinyModel.Float, -1, 2),
                Info(12, "still", TinyModel.Bool), Info(12, "twice", TinyModel.Float, -1, 2)))),
        ],
        [TinyModel.Ints("one", 1), TinyModel.Ints("three", 3), TinyModel.Floats("around", [], 2)]);

    private static byte[] Info(int number, string name, int type, params int[] sizes) => Protobuf.Message(number, Protobuf.Text(1, name), Protobuf.Message(2, Protobuf.Message(1,
        Protobuf.Number(1, type), Protobuf.Message(2, sizes.Select(size => Protobuf.Message(1, size < 0 ? Protobuf.Text(2, "N") : Protobuf.Number(1, size)))))));

    private FlowModel Opened(byte[] graph, FlowCard card) => FlowModel.Open(TinyModel.Write(_folder, "tiny.onnx", graph, card));

    private void Refused(string says, byte[] graph, SolverOptions solver, FlowCard? card = null)
    {
        using FlowModel model = Opened(graph, card ?? TinyModel.Card);
        string message = Assert.ThrowsAny<Exception>(() => SamplerFile.Write(model, Baked, new BakeOptions(solver))).Message;
        Assert.Contains(says, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
        Assert.False(File.Exists(Baked));
    }

    private void Agree(FlowModel model, SolverOptions solver, SamplingOptions options, params ReadOnlySpan<(string Name, float[] Values, long[] Shape)> others)
    {
        SamplerFile.Write(model, Baked, new BakeOptions(solver));
        using var sampler = new BakedSampler(Baked);
        SampleBatch expected = model.Sample(2, options with { Seed = 7, Solver = solver }).EnsureSuccess();
        BakedSamples found = sampler.Run(BakedSampler.NoiseOf(model, 0, 2), tolerance: solver is AdaptiveSteps ? 1e-4f : null, others: others);
        Assert.Equal(expected.Values, found.Values);
        Assert.Equal(expected.Evaluations.Select(evaluations => (long)evaluations), found.Evaluations);
    }
}
