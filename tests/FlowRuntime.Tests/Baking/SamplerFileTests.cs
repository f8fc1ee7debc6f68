using FlowRuntime.Baking;
using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests.Baking;

/// <summary>A baked sampler, run by ONNX Runtime alone, has the engine's own samples to the last bit.</summary>
public sealed class SamplerFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Baked => _folder.File("sampler.onnx");

    private static readonly string[] Names = ["moons.onnx", "8gaussians.onnx", "digits.onnx"], Methods = ["euler", "heun", "rk4"], PairNames = ["dopri5", "tsit5"];

    public static TheoryData<string, string> Models => new(from model in Names from method in Methods select (model, method));

    [Theory, MemberData(nameof(Models))]
    public void Our_models_give_the_engines_samples_for_any_number_of_steps(string name, string method)
    {
        using FlowModel model = FlowModel.Open(Repository.Model(name));
        SamplerFile.Write(model, Baked, new BakeOptions(new FixedSteps(SolverMethod.Named(method), 1)) { StepsAreInput = true });
        using var sampler = new BakedSampler(Baked);
        foreach (int steps in new[] { 1, 3, 20 })
        {
            foreach (double guidance in model.Card.Conditions is null ? [1] : new[] { 1, 2.5 })
                RequireTheSame(model, sampler, new FixedSteps(SolverMethod.Named(method), steps) { Unfused = true }, count: 7, guidance, withSteps: true);
        }
    }

    /// <summary>Convolutions have the same last bits in a loop only where their weights stand in it, so that ONNX Runtime lays them out as it does in the plain network.</summary>
    [Theory]
    [InlineData("heun")]
    [InlineData("tsit5")]
    public void A_network_of_convolutions_gives_the_engines_samples(string method)
    {
        using FlowModel model = FlowModel.Open(Repository.Model("mnist.onnx"));
        SolverOptions solver = SolverMethod.Named(method) is EmbeddedPair pair
            ? new AdaptiveSteps { Method = pair, FirstStep = 0.1, RelativeTolerance = 1e-1f, AbsoluteTolerance = 1e-1f, Unfused = true } : new FixedSteps(SolverMethod.Named(method), 4) { Unfused = true };
        SamplerFile.Write(model, Baked, new BakeOptions(solver) { StepsAreInput = solver is FixedSteps });
        using var sampler = new BakedSampler(Baked);
        RequireTheSame(model, sampler, solver, count: 3, guidance: 2.5, withSteps: solver is FixedSteps);
    }

    [Fact]
    public void An_absolute_tolerance_may_be_below_what_float32_holds_of_a_relative_one()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("moons.onnx"));
        var steps = new AdaptiveSteps { Method = ButcherTableau.Dopri5, FirstStep = 0.1, RelativeTolerance = 1e-4f, AbsoluteTolerance = 1e-12f, Unfused = true };
        SamplerFile.Write(model, Baked, new BakeOptions(steps));
        using var sampler = new BakedSampler(Baked);
        RequireTheSame(model, sampler, steps, count: 200, guidance: 1);
        Assert.NotEqual(sampler.Run(BakedSampler.NoiseOf(model, 0, 200), tolerance: 1e-4f, absolute: 1e-4f).Evaluations, sampler.Run(BakedSampler.NoiseOf(model, 0, 200), tolerance: 1e-4f, absolute: 1e-12f).Evaluations);
    }

    public static TheoryData<string, string> Pairs => new(from model in Names from method in PairNames select (model, method));

    [Theory, MemberData(nameof(Pairs))]
    public void Adaptive_steps_give_the_engines_samples_and_their_numbers_of_steps_for_any_tolerance(string name, string method)
    {
        using FlowModel model = FlowModel.Open(Repository.Model(name));
        var steps = new AdaptiveSteps { Method = (EmbeddedPair)SolverMethod.Named(method), FirstStep = 0.1, Unfused = true };
        SamplerFile.Write(model, Baked, new BakeOptions(steps));
        using var sampler = new BakedSampler(Baked);
        foreach (double tolerance in new[] { 1e-1, 1e-3, 1e-5 })
        {
            foreach (double guidance in model.Card.Conditions is null ? [1] : new[] { 1, 2.5 })
                RequireTheSame(model, sampler, steps with { RelativeTolerance = (float)tolerance, AbsoluteTolerance = (float)tolerance }, count: 20, guidance);
        }
    }

    [Theory]
    [InlineData("cosine", 9)]
    [InlineData("shift", 6)]
    [InlineData("karras", 12)]
    [InlineData("given", 3)]
    public void Any_grid_is_baked_with_its_number_of_steps(string grid, int steps)
    {
        TimeGrid times = grid switch { "cosine" => TimeGrid.Cosine, "shift" => TimeGrid.Shift(3), "karras" => TimeGrid.Karras(), _ => TimeGrid.Given([0, 0.5, 0.9, 1]) };
        using FlowModel model = FlowModel.Open(Repository.Model("digits.onnx"));
        SamplerFile.Write(model, Baked, new BakeOptions(new FixedSteps(ButcherTableau.Heun, steps) { Grid = times }) { Guided = false });
        using var sampler = new BakedSampler(Baked);
        RequireTheSame(model, sampler, new FixedSteps(ButcherTableau.Heun, steps) { Grid = times, Unfused = true }, count: 3, guidance: null, withSteps: false);
    }

    [Theory]
    [InlineData("euler", true)]
    [InlineData("heun", true)]
    [InlineData("euler", false)]
    public void A_diffusion_network_of_whole_steps_is_asked_at_these_alone_and_ends_as_the_data(string method, bool stepsAreInput)
    {
        FlowCard card = TinyModel.Card with
        {
            Prediction = new PredictionCard(PredictionKind.Noise, Sign: -1),
            Path = new PathCard(PathKind.Tabulated, AlphaBar: [.. Enumerable.Range(0, 21).Select(k => 0.99 - 0.048 * k)]),
            Time = new TimeCard(TimeOrigin.Data, Steps: 21),
            Data = new DataCard(Mean: [0.25], Scale: [0.5]),
        };
        using FlowModel model = FlowModel.Open(TinyModel.Write(_folder, "tiny.onnx", TinyModel.Declared(new("t", TinyModel.Int64, -1), TinyModel.State, TinyModel.Velocity), card));
        var solver = new FixedSteps(SolverMethod.Named(method), 7) { Unfused = true };
        SamplerFile.Write(model, Baked, new BakeOptions(solver) { StepsAreInput = stepsAreInput });
        using var sampler = new BakedSampler(Baked);
        RequireTheSame(model, sampler, solver, count: 5, guidance: null, stepsAreInput);
    }

    [Theory]
    [InlineData("euler")]
    [InlineData("dopri5")]
    public void Time_from_the_data_and_a_prior_and_a_condition_in_its_own_units_are_brought_into_the_networks(string method)
    {
        FlowCard card = TinyModel.ConditionCard with
        {
            Time = new TimeCard(TimeOrigin.Data, Scale: 0.7),
            Prior = new PriorCard(0.5, 2),
            Conditions = new ConditionsCard(Vectors: [new ConditionInputCard("c", [2], new ColumnsCard(["a", "b"], [1, -2], [0.3, 3]), Null: -5)]),
            Data = new DataCard(Columns: new ColumnsCard(["x", "y"], [10, 20], [0.1, 4])),
        };
        using FlowModel model = FlowModel.Open(TinyModel.Write(_folder, "tiny.onnx", TinyModel.TimesTimePlusCondition(), card));
        SolverMethod named = SolverMethod.Named(method);
        SolverOptions solver = named is EmbeddedPair pair ? new AdaptiveSteps { Method = pair, FirstStep = 0.3, RelativeTolerance = 1e-4f, AbsoluteTolerance = 1e-4f, Unfused = true } : new FixedSteps(named, 5) { Unfused = true };
        SamplerFile.Write(model, Baked, new BakeOptions(solver));
        using var sampler = new BakedSampler(Baked);
        float[][] conditions = [[1, 2], [0, -7], [3.5f, 0.1f]];
        SampleBatch expected = model.Sample(3, new SamplingOptions { Seed = 7, Solver = solver, Conditions = [.. conditions.Select(c => new Condition { Vectors = new Dictionary<string, float[]> { ["c"] = c } })], Guidance = 1.5 });
        BakedSamples found = sampler.Run(BakedSampler.NoiseOf(model, 0, 3), guidance: [1.5f, 1.5f, 1.5f], tolerance: solver is AdaptiveSteps ? 1e-4f : null, condition: [.. conditions.SelectMany(c => c)]);
        Assert.Equal(expected.Values, found.Values);
        Assert.Equal(expected.Evaluations.Select(evaluations => (long)evaluations), found.Evaluations);
    }

    /// <summary>v = t x from 1 grows to √e: at a tolerance of 1e-7 and steps that begin at 1e-3, five turns do not reach the end.</summary>
    [Fact]
    public void Adaptive_steps_that_run_out_or_meet_what_is_not_finite_say_so_and_where()
    {
        using FlowModel model = FlowModel.Open(TinyModel.Write(_folder, "tiny.onnx", TinyModel.TimesTime(), TinyModel.Card));
        SamplerFile.Write(model, Baked, new BakeOptions(new AdaptiveSteps { Method = ButcherTableau.Dopri5, FirstStep = 1e-3, MaxSteps = 2 }));
        using var sampler = new BakedSampler(Baked);
        BakedSamples samples = sampler.Run([1, 2, float.NaN, 1], tolerance: 1e-5f);
        Assert.Equal([2, 1], samples.Status);
        Assert.Equal(0.011f, samples.Times[0], 1e-6f);
        Assert.Equal(0, samples.Times[1]);
        Assert.Equal([13, 1], samples.Evaluations);
        Assert.Equal([2, 0], samples.Accepted);
    }

    [Fact]
    public void Adaptive_steps_into_what_is_not_finite_end_before_it()
    {
        using FlowModel model = FlowModel.Open(TinyModel.Write(_folder, "tiny.onnx", TinyModel.TimesTime(), TinyModel.Card));
        SamplerFile.Write(model, Baked, new BakeOptions(new AdaptiveSteps { Method = ButcherTableau.Tsit5, FirstStep = 0.5 }));
        using var sampler = new BakedSampler(Baked);
        BakedSamples samples = sampler.Run([2.5e38f, 2.5e38f, 1, 0], tolerance: 1e-3f); // e^(1/2) times the first is beyond float32
        Assert.Equal([1, 0], samples.Status);
        Assert.InRange(samples.Times[0], 0.1, 0.9);
        Assert.True(float.IsFinite(samples.Values[0]));
    }

    [Fact]
    public void A_condition_with_a_name_of_the_samplers_own_is_refused_and_nothing_is_written()
    {
        FlowCard card = TinyModel.ConditionCard with { Conditions = new ConditionsCard(Vectors: [new ConditionInputCard("noise", [2])]) };
        using FlowModel model = FlowModel.Open(TinyModel.Write(_folder, "tiny.onnx", TinyModel.TimesTimePlusCondition(new TinyValue("noise", TinyModel.Float, -1, 2)), card));
        Assert.Contains("'noise'", Assert.Throws<NotSupportedException>(() => SamplerFile.Write(model, Baked, new BakeOptions(new FixedSteps(ButcherTableau.Euler, 1)))).Message, StringComparison.Ordinal);
        Assert.Equal(["tiny.onnx"], _folder.Files);
    }

    [Fact]
    public void A_sample_does_not_depend_on_those_beside_it()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("digits.onnx"));
        SamplerFile.Write(model, Baked, new BakeOptions(new FixedSteps(ButcherTableau.Euler, 1)) { StepsAreInput = true });
        using var sampler = new BakedSampler(Baked);
        BakedSamples Drawn(int first, int count) => sampler.Run(BakedSampler.NoiseOf(model, first, count), steps: 4, labels: [.. Enumerable.Range(first, count).Select(i => (long)(i % 10))], guidance: [.. Enumerable.Range(first, count).Select(i => 1 + i / 8f)]);
        BakedSamples all = Drawn(0, 64);
        for (int row = 0; row < 64; row += 9)
            Assert.Equal(all.Values[(row * 64)..((row + 1) * 64)], Drawn(row, 1).Values);
    }

    [Fact]
    public void No_samples_are_none()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("digits.onnx"));
        SamplerFile.Write(model, Baked, new BakeOptions(new FixedSteps(ButcherTableau.Euler, 1)) { StepsAreInput = true });
        using var sampler = new BakedSampler(Baked);
        Assert.Empty(sampler.Run([], steps: 4, labels: [], guidance: []).Values);
    }

    [Theory, InlineData(0), InlineData(-3)]
    public void Without_steps_every_sample_says_so(int steps)
    {
        using FlowModel model = FlowModel.Open(TinyModel.Write(_folder, "tiny.onnx", TinyModel.TimesTime(), TinyModel.Card));
        SamplerFile.Write(model, Baked, new BakeOptions(new FixedSteps(ButcherTableau.Euler, 1)) { StepsAreInput = true });
        using var sampler = new BakedSampler(Baked);
        float[] noise = BakedSampler.NoiseOf(model, 0, 2);
        BakedSamples samples = sampler.Run(noise, steps);
        Assert.Equal([2, 2], samples.Status);
        Assert.Equal(noise, samples.Values);
        Assert.Equal([0, 0], samples.Evaluations);
    }

    /// <summary>v = t x makes x (1 + t/4) of x at each of four steps: infinite where it starts so, and at the last of them, t = 3/4, where it starts near the largest number.</summary>
    [Fact]
    public void A_sample_that_is_not_finite_ends_where_it_was_and_the_others_go_on()
    {
        using FlowModel model = FlowModel.Open(TinyModel.Write(_folder, "tiny.onnx", TinyModel.TimesTime(), TinyModel.Card));
        SamplerFile.Write(model, Baked, new BakeOptions(new FixedSteps(ButcherTableau.Euler, 1)) { StepsAreInput = true });
        using var sampler = new BakedSampler(Baked);
        float[] noise = [1, 2, float.PositiveInfinity, 0, 3e38f, 1, 0, -1];
        BakedSamples samples = sampler.Run(noise, steps: 4);
        Assert.Equal([0, 1, 1, 0], samples.Status);
        Assert.Equal([1, 0, 0.5f, 1], samples.Times);
        Assert.Equal([4, 1, 3, 4], samples.Evaluations);
        Assert.Equal([4, 0, 2, 4], samples.Accepted);
        Assert.Equal([1f * 1.0625f * 1.125f * 1.1875f, 0f], new[] { samples.Values[0], samples.Values[6] });
        Assert.True(float.IsFinite(samples.Values[4]));
    }

    private static void RequireTheSame(FlowModel model, BakedSampler sampler, SolverOptions solver, int count, double? guidance, bool withSteps = false)
    {
        int classes = model.Card.Conditions?.Classes?.Names.Count ?? 0;
        int[] labels = [.. Enumerable.Range(0, classes == 0 ? 0 : count).Select(i => i % classes)];
        SampleBatch expected = model.Sample(count, new SamplingOptions { Seed = 7, Solver = solver, Labels = labels, Guidance = guidance ?? 1 });
        BakedSamples found = sampler.Run(
            BakedSampler.NoiseOf(model, 0, count), withSteps ? ((FixedSteps)solver).Count : null, labels.Length == 0 ? null : [.. labels.Select(label => (long)label)],
            labels.Length == 0 || guidance is null ? null : [.. Enumerable.Repeat((float)guidance, count)], (float?)(solver as AdaptiveSteps)?.RelativeTolerance, absolute: (float?)(solver as AdaptiveSteps)?.AbsoluteTolerance);
        Assert.Equal(expected.Evaluations.Select(evaluations => (long)evaluations), found.Evaluations);
        Assert.Equal(expected.Accepted.Select(accepted => (long)accepted), found.Accepted);
        Assert.Equal(expected.Values, found.Values);
        Assert.All(found.Status, status => Assert.Equal(0, status));
        Assert.Equal(expected.Times.Select(time => (float)time), found.Times);
    }
}
