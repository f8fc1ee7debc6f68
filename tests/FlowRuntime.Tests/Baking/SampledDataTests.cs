using FlowRuntime.Baking;
using FlowRuntime.Cards;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests.Baking;

/// <summary>What a baked sampler makes of its last states, and of those on the way.</summary>
public sealed class SampledDataTests : IDisposable
{
    private static readonly float[] D = [1, 0, 1, 0, 0, 2, 0, 0]; // makes [1, 2, 2] of pairs

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Baked => _folder.File("sampler.onnx");

    private static readonly SolverOptions[] Solvers =
    [
        new FixedSteps(ButcherTableau.Heun, 6) { Unfused = true }, new AdaptiveSteps { Method = ButcherTableau.Dopri5, FirstStep = 0.05, RelativeTolerance = 1e-3f, AbsoluteTolerance = 1e-3f, Unfused = true },
    ];

    [Theory, InlineData(0), InlineData(1)]
    public void Latents_are_decoded_inside_also_by_a_decoder_of_one_sample_a_call(int solver)
    {
        _folder.File("decoder.onnx", TinyModel.Model(
            [new("z", TinyModel.Float, 1, 2)], [new("image", TinyModel.Float, 1, 1, 2, 2)],
            [TinyModel.Node("MatMul", ["z", "m"], "product"), TinyModel.Node("Reshape", ["product", "shape"], "image")], [TinyModel.Floats("m", [2, 4], D), TinyModel.Ints("shape", 1, 1, 2, 2)]));
        FlowCard card = TinyModel.Card with { Latent = new("decoder.onnx", Scale: 0.5, Shift: 0.25), Data = new(new ImageCard(-4, 4)) };
        using FlowModel model = Opened(card);
        BakedSamples found = Sampled(model, solver, BakedSampler.NoiseOf(model, 0, 9), trajectory: true);
        SampleBatch expected = model.Sample(9, new SamplingOptions { Seed = 7, Solver = Solvers[solver] }).EnsureSuccess();
        Assert.Equal(expected.Values, found.Values);
        Assert.Equal([9, found.TrajectoryTimes.Length / 9, 1, 2, 2], found.TrajectoryShape);
        Assert.Equal(found.Values[^4..], found.Trajectory[^4..]);
        Assert.All(found.Values, value => Assert.InRange(value, 0, 1));
        Assert.NotEqual(found.Trajectory[..4], found.Values[..4]);
    }

    /// <summary>The state 3 is finite, and 3 · 2e38 is not.</summary>
    [Theory, InlineData(0), InlineData(1)]
    public void Data_beyond_float32_are_not_claimed(int solver)
    {
        using FlowModel model = Opened(TinyModel.Card with { Data = new DataCard(Columns: new ColumnsCard(["x", "y"], [0, 0], [2e38, 1])) });
        Assert.Equal([1, 0], Sampled(model, solver, [3, 1, 0.5f, 1]).Status);
    }

    /// <summary>v = t x, and 1e20 more from t = 0.5 on: no step that moves the time is small enough to meet that.</summary>
    [Fact]
    public void A_step_that_would_be_too_small_is_a_status()
    {
        byte[][] jump =
        [
            TinyModel.Node("Greater", ["t1", "half"], "later"), TinyModel.Cast("later", TinyModel.Float, "from"), TinyModel.Node("Mul", ["from", "speed"], "f"),
        ];
        using FlowModel model = FlowModel.Open(TinyModel.Write(
            _folder, "tiny.onnx", TinyModel.TimesTimePlus([], jump, TinyModel.Floats("half", [], 0.5f), TinyModel.Floats("speed", [], 1e20f)), TinyModel.Card));
        BakedSamples found = Sampled(model, 1, [1, 1], tolerance: 1e-5f);
        Assert.Equal([3], found.Status);
        Assert.Equal(0.5f, found.Times[0], 1e-6f);
        Assert.Equal(SampleStatus.StepTooSmall, model.Sample(1, new SamplingOptions { Solver = (AdaptiveSteps)Solvers[1] with { RelativeTolerance = 1e-5, AbsoluteTolerance = 1e-5 } }).Status[0]);
    }

    [Theory, InlineData(0), InlineData(1)]
    public void A_trajectory_leads_from_the_noise_to_the_samples_through_the_states_of_a_sampler_that_stops_there(int solver)
    {
        using FlowModel model = FlowModel.Open(Repository.Model("moons.onnx"));
        const int Count = 30;
        float[] noise = BakedSampler.NoiseOf(model, 0, Count);
        BakedSamples found = Sampled(model, solver, noise, trajectory: true);
        int places = found.TrajectoryTimes.Length / Count;
        SampleBatch expected = model.Sample(Count, new SamplingOptions { Seed = 7, Solver = Solvers[solver], TrajectoryTimes = [0.5, 0.9] });
        for (int row = 0; row < Count; row++)
        {
            ReadOnlySpan<float> times = found.TrajectoryTimes.AsSpan(row * places, places), states = found.Trajectory.AsSpan(row * places * 2, places * 2);
            Assert.Equal(found.Values.AsSpan(2 * row, 2), states[^2..]);
            Assert.Equal((0, 1), (times[0], times[^1]));
            Assert.Equal(found.Accepted[row], times.ToArray().Distinct().Count() - 1);
            for (int place = 1; place < places; place++)
                Assert.True(times[place] >= times[place - 1]);
            for (int k = 0; k < 2; k++)
            {
                int behind = times.ToArray().Index().First(time => time.Item >= (k == 0 ? 0.5 : 0.9)).Index; // by a straight line between two places, the engine's own interpolant is near
                float share = ((k == 0 ? 0.5f : 0.9f) - times[behind - 1]) / (times[behind] - times[behind - 1]);
                for (int column = 0; column < 2; column++)
                    Assert.Equal(expected.Trajectories[(row * 2 + k) * 2 + column], states[2 * behind - 2 + column] * (1 - share) + states[2 * behind + column] * share, 0.25f);
            }
        }
        Assert.Equal(model.Sample(Count, new SamplingOptions { Seed = 7, Solver = Solvers[solver] }).Values, found.Values);
    }

    [Theory, InlineData(0), InlineData(1)]
    public void Without_samples_there_is_a_trajectory_of_none(int solver)
    {
        using FlowModel model = FlowModel.Open(Repository.Model("moons.onnx"));
        BakedSamples found = Sampled(model, solver, [], trajectory: true);
        Assert.Equal(0, found.TrajectoryShape[0]);
        Assert.Empty(found.Trajectory);
    }

    [Fact]
    public void Without_steps_a_trajectory_is_where_it_starts()
    {
        using FlowModel model = Opened(TinyModel.Card);
        SamplerFile.Write(model, Baked, new BakeOptions(new FixedSteps(ButcherTableau.Euler, 1)) { StepsAreInput = true, Trajectory = true });
        using var sampler = new BakedSampler(Baked);
        BakedSamples found = sampler.Run([1, 2, 3, 4], steps: 0);
        Assert.Equal([1, 2, 3, 4], found.Trajectory);
        Assert.Equal([0, 0], found.TrajectoryTimes);
    }

    private FlowModel Opened(FlowCard card) => FlowModel.Open(TinyModel.Write(_folder, "tiny.onnx", TinyModel.TimesTime(), card));

    private BakedSamples Sampled(FlowModel model, int solver, float[] noise, bool trajectory = false, float tolerance = 1e-3f)
    {
        SamplerFile.Write(model, Baked, new BakeOptions(Solvers[solver]) { Trajectory = trajectory });
        using var sampler = new BakedSampler(Baked);
        return sampler.Run(noise, tolerance: solver == 1 ? tolerance : null);
    }
}
