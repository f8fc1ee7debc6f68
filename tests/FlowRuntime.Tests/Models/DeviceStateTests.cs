using FlowRuntime.Cards;
using FlowRuntime.Ode;
using FlowRuntime.Onnx;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>
/// States that stay in the memory of the model's device, here the CPU provider's own: the same samples as with states on the host, and the bytes that would cross a bus.
/// </summary>
public sealed class DeviceStateTests : IDisposable
{
    private const int Count = 40;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>
    /// On flows that do not magnify a last bit: v = t x, v = x M, and v = t x + table[label]. Of the higher orders the estimated errors are near the rounding of float32 there, so that a last bit
    /// changes the steps; with a tolerance that no error comes near, steps are the same. The large weights of Tsitouras' method and of Dormand and Prince's of order 8 magnify rounding.
    /// </summary>
    [Theory]
    [InlineData("heun-euler", 3e-3, 1e-6), InlineData("bosh3", 3e-3, 1e-6)]
    [InlineData("bosh3", 1e6, 1e-6), InlineData("dopri5", 1e6, 1e-6), InlineData("vern6-robust", 1e6, 1e-6), InlineData("tsit5", 1e6, 5e-6), InlineData("dop853", 1e6, 5e-6)]
    public void The_samples_are_those_of_states_on_the_host(string method, double tolerance, double difference)
    {
        (byte[] Graph, FlowCard Card, int[] Labels)[] models =
        [
            (TinyModel.TimesTime(), TinyModel.Card, []), (TinyModel.Symmetric(0.3f, -0.5f, probe: false, column: false), TinyModel.Card, []),
            (TinyModel.TimesTimePlusTable(1, 0, -1, 3, 0, 0), TinyModel.ClassesCard, [0, 1]),
        ];
        Assert.All(models, model =>
        {
            (SampleBatch expected, SampleBatch actual) = Both(TinyModel.Write(_folder, "model.onnx", model.Graph, model.Card), Options(method, tolerance) with { Labels = model.Labels });
            for (int i = 0; i < expected.Values.Length; i++)
                Assert.Equal(expected.Values[i], actual.Values[i], difference * Math.Max(1, Math.Abs(expected.Values[i])));
            Assert.Equal(expected.Evaluations, actual.Evaluations);
            Assert.Equal(0, expected.Statistics.BusBytes);
            Assert.True(actual.Statistics.BusBytes > 0);
        });
    }

    /// <summary>At small tolerances the estimated errors are near the rounding of float32, and with them the steps; but what is drawn is as exact.</summary>
    [Theory, InlineData("dopri5"), InlineData("vern6-robust"), InlineData("dop853")]
    public void Tight_solves_are_as_exact(string method)
    {
        string path = Repository.Model("digits.onnx");
        (SampleBatch host, SampleBatch device) = Both(path, Options(method, 1e-5));
        float[] exact = Both(path, Options("vern6-robust", 1e-6)).Host.Values;
        double Error(SampleBatch batch) => Math.Sqrt(exact.Zip(batch.Values, (a, b) => ((double)a - b) * (a - b)).Average());
        Assert.InRange(Error(device), 0, 2 * Error(host) + 1e-6);
    }

    private static SamplingOptions Options(string method, double tolerance) => new()
    {
        Seed = 4,
        Slots = 7,
        Workers = 2,
        Solver = new AdaptiveSteps { Method = (EmbeddedPair)ButcherTableau.Named(method), RelativeTolerance = tolerance, AbsoluteTolerance = tolerance, FirstStep = tolerance > 1 ? 0.003 : null },
    };

    private static (SampleBatch Host, SampleBatch Device) Both(string path, SamplingOptions options)
    {
        using FlowModel host = FlowModel.Open(path), device = FlowModel.Open(path, new FlowModelOptions { StateOnDevice = true });
        return (host.Sample(Count, options).EnsureSuccess(), device.Sample(Count, options).EnsureSuccess());
    }

    /// <summary>A sample does not depend on the others either: bit for bit.</summary>
    [Fact]
    public void A_sample_depends_on_its_index_alone()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("digits.onnx"), new FlowModelOptions { StateOnDevice = true });
        SamplingOptions options = new() { Seed = 2, Labels = [3, 8], Workers = 1, Solver = new AdaptiveSteps() };
        SampleBatch few = model.Sample(20, options with { Slots = 3 }).EnsureSuccess(), many = model.Sample(20, options with { Slots = 20 }).EnsureSuccess();
        Assert.Equal(many.Values, few.Values);
        Assert.Equal(model.Sample(1, options with { First = 13, Labels = [8] }).Values, few[13].ToArray());
    }

    /// <summary>
    /// Samples of 64 values: each crosses once in and once out, 512 bytes. Every step of bosh3 (three stages, one of them the next one's first) sends a number a row for each combination and for the error,
    /// brings one back, and the network is sent a time a row and stage; nothing that grows with the 64.
    /// </summary>
    [Fact]
    public void What_crosses_is_a_number_a_row_and_step()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("digits.onnx"), new FlowModelOptions { StateOnDevice = true });
        SampleBatch batch = model.Sample(64, new SamplingOptions { Workers = 1, Slots = 64, Solver = new AdaptiveSteps() }).EnsureSuccess();
        long states = 64 * 2 * 64 * sizeof(float), attempts = batch.Accepted.Sum() + batch.Rejected.Sum();
        long rest = batch.Statistics.BusBytes - states;
        // times and labels (4 + 8 bytes) for each evaluation, step sizes for three combinations and the error, an error and a flag back; and the norms of the first step
        long expected = batch.Statistics.Evaluations * 12 + attempts * (4 * 4 + 4 + 2 * 2) + 64 * 8 * sizeof(float);
        Assert.InRange(rest, expected / 3, expected);
        Assert.True(rest < states * batch.Evaluations.Average() / 20); // on the host every stage's states and velocities would be there
    }

    [Fact]
    public void A_sample_that_turns_NaN_fails_alone_there_too()
    {
        // v = t x + √(0.5 − t) · 0 is NaN from t = 0.5 on, for all; and finite before.
        byte[] graph = TinyModel.TimesTimePlus([], [TinyModel.Node("Sub", ["half", "t1"], "left"), TinyModel.Node("Sqrt", ["left"], "root"), TinyModel.Node("Mul", ["root", "zero"], "f")],
            TinyModel.Floats("half", [], 0.5f), TinyModel.Floats("zero", [], 0));
        using FlowModel model = FlowModel.Open(TinyModel.Write(_folder, "nan.onnx", graph, TinyModel.Card), new FlowModelOptions { StateOnDevice = true });
        SampleBatch batch = model.Sample(5);
        Assert.All(batch.Status, status => Assert.Equal(SampleStatus.NonFinite, status));
        Assert.All(batch.Times, time => Assert.InRange(time, 0.4, 0.5));
    }

    [Fact]
    public void Solves_that_cannot_keep_their_states_there_keep_them_on_the_host()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("digits.onnx"), new FlowModelOptions { StateOnDevice = true }), host = FlowModel.Open(Repository.Model("digits.onnx"));
        foreach (SamplingOptions options in new SamplingOptions[]
        {
            new() { Labels = [3], Guidance = 2 }, new() { TrajectoryTimes = [0.5] }, new() { Solver = new FixedSteps(ButcherTableau.Midpoint, 4) },
        })
        {
            SampleBatch batch = model.Sample(3, options).EnsureSuccess();
            Assert.Equal(host.Sample(3, options).Values, batch.Values);
            Assert.Equal(0, batch.Statistics.BusBytes);
        }
    }

    [Fact]
    public void What_is_made_of_solves_is_the_same_with_them()
    {
        using FlowModel host = FlowModel.Open(Repository.Model("digits.onnx")), device = FlowModel.Open(Repository.Model("digits.onnx"), new FlowModelOptions { StateOnDevice = true });
        SamplingOptions options = new() { Labels = [3], Solver = new AdaptiveSteps() };
        float[] data = host.Sample(2, options).EnsureSuccess().Values;
        bool[] known = [.. Enumerable.Range(0, 64).Select(i => i < 32)];
        Assert.Equal(host.Inpaint(data, known, options).EnsureSuccess().Values, device.Inpaint(data, known, options).EnsureSuccess().Values);
        foreach (Func<FlowModel, SampleBatch> make in new Func<FlowModel, SampleBatch>[]
        {
            model => model.Encode(data, options), model => model.Edit(data, 0.4, options), model => model.Interpolate(data.AsSpan(0, 64), data.AsSpan(64), 3, options),
        })
        {
            SampleBatch expected = make(host).EnsureSuccess(), actual = make(device).EnsureSuccess();
            for (int i = 0; i < expected.Values.Length; i++)
                Assert.Equal(expected.Values[i], actual.Values[i], 1e-3);
            Assert.True(actual.Statistics.BusBytes > 0);
        }
    }

    [Fact]
    public void A_network_of_steps_keeps_its_states_on_the_host()
    {
        string path = TinyModel.Write(_folder, "steps.onnx", TinyModel.Declared(new("t", TinyModel.Int64, -1), TinyModel.State, TinyModel.Velocity), TinyModel.Card with { Time = new(Steps: 7) });
        (SampleBatch host, SampleBatch device) = Both(path, Options("bosh3", 3e-3));
        Assert.Equal(host.Values, device.Values);
        Assert.Equal(0, device.Statistics.BusBytes);
    }

    /// <summary>Each kind of input has a place on the device: labels, vectors, sequences with their mask, constants.</summary>
    [Fact]
    public void Everything_that_is_fed_has_its_place_there()
    {
        byte[] graph = TinyModel.TimesTimePlus(
            [new("c", TinyModel.Float, -1, 2), new("s", TinyModel.Float, -1, 3, 2), new("mask", TinyModel.Int64, -1, 3), new("g", TinyModel.Float, -1), new("k", TinyModel.Double, 2)],
            [
                TinyModel.Cast("mask", TinyModel.Float, "mf"), TinyModel.Node("Unsqueeze", ["mf", "two"], "m"), TinyModel.Node("Mul", ["s", "m"], "sm"),
                TinyModel.Node("ReduceSum", ["sm", "one"], "text", TinyModel.Attribute("keepdims", 0)), TinyModel.Node("Unsqueeze", ["g", "one"], "g1"), TinyModel.Cast("k", TinyModel.Float, "kf"),
                TinyModel.Node("Mul", ["kf", "g1"], "kg"), TinyModel.Node("Add", ["text", "c"], "tc"), TinyModel.Node("Add", ["tc", "kg"], "f"),
            ],
            TinyModel.Ints("two", 2));
        FlowCard card = TinyModel.Card with
        {
            Inputs = new("t", "x", Constants: [new("g", [0.5]), new("k", [2, -4])]),
            Conditions = new(Vectors: [new ConditionInputCard("c", [2])], Sequences: [new SequenceInputCard("s", [3, 2], "mask")]),
        };
        Fields.Condition Of(float first, params float[] items) => new()
        {
            Vectors = new Dictionary<string, float[]> { ["c"] = [first, 1] },
            Sequences = new Dictionary<string, float[]> { ["s"] = items },
        };
        (SampleBatch expected, SampleBatch actual) = Both(
            TinyModel.Write(_folder, "all.onnx", graph, card), Options("bosh3", 3e-3) with { Conditions = [Of(1, 2, 3), Of(-1, 2, 3, 4, 5), Of(0, 1, 1, 1, 1, 1, 1)] });
        for (int i = 0; i < expected.Values.Length; i++)
            Assert.Equal(expected.Values[i], actual.Values[i], 1e-6 * Math.Max(1, Math.Abs(expected.Values[i])));
        Assert.True(actual.Statistics.BusBytes > 0);
    }

    /// <summary>Runs are numbered for CUDA graphs; the CPU provider takes no notice.</summary>
    [Fact]
    public void Runs_that_are_numbered_give_the_same()
    {
        Assert.Contains("StateOnDevice", Assert.Throws<ArgumentException>(() => FlowModel.Open(Repository.Model("moons.onnx"), new FlowModelOptions { CudaGraphs = true })).Message, StringComparison.Ordinal);
        string path = Repository.Model("moons.onnx");
        using var plain = new OnnxSession(new(path), path, ExecutionProvider.Cpu);
        using var captured = new OnnxSession(new(path), path, ExecutionProvider.Cpu, capturesGraphs: true);
        float[] Drawn(OnnxSession session)
        {
            FlowCard card = CardFile.Read(path);
            var field = new OnnxField(session, card, Paths.ProbabilityPath.Of(card.Path), path);
            using var device = new DeviceArithmetic(session, field, new FlowModelOptions());
            return OdeSolver.Solve(new OdeProblem
            {
                Field = field,
                InitialState = (index, state) => Noise.Fill(1, index, state),
                Count = 20,
                StateArithmetic = device.For(new AdaptiveSteps(), new SamplingOptions(), finishesWithData: false),
            }).EnsureSuccess().Values;
        }
        Assert.Equal(Drawn(plain), Drawn(captured));
    }

    [Fact]
    public void A_model_may_be_closed_in_mid_solve()
    {
        FlowModel model = FlowModel.Open(Repository.Model("moons.onnx"), new FlowModelOptions { StateOnDevice = true });
        Assert.Throws<ObjectDisposedException>(() => model.Stream(1_000_000, (in FinishedSample _) => model.Dispose(), new SamplingOptions { Solver = new AdaptiveSteps() }));
    }

    [Fact]
    public void A_provider_whose_memory_has_no_addresses_is_refused()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("moons.onnx"));
        using var session = new Microsoft.ML.OnnxRuntime.InferenceSession(Repository.Model("moons.onnx"));
        var directml = ExecutionProvider.Known.Single(provider => provider.Name == "directml");
        Assert.Contains("'directml'", Assert.Throws<NotSupportedException>(() => DeviceMemory.Of(session, directml, 0)).Message, StringComparison.Ordinal);
    }
}
