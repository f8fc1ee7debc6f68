using FlowRuntime.Cards;
using FlowRuntime.Likelihood;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>The log-density of samples as they are drawn: that of the closed flow, and that which the way back from them finds.</summary>
public class DrawnDensityTests
{
    private static readonly FlowCard Card = TinyModel.Card with { Outputs = new("v", "divergence"), Prior = new(0.5, 0.7), Data = new(Columns: new(["a", "b"], [100, -100], [2, 3])) };
    private static readonly AdaptiveSteps Tight = new() { Method = ButcherTableau.Dopri5, RelativeTolerance = 1e-7, AbsoluteTolerance = 1e-7 };

    [Fact]
    public void The_density_is_that_of_the_flow_in_the_datas_own_units()
    {
        using FlowModel model = Open(TinyModel.TimesTime(), Card);
        SampleBatch batch = model.Sample(20, new SamplingOptions { Seed = 3, LogDensity = true, Slots = 3 }).EnsureSuccess();
        double root = Math.Exp(0.5);
        for (int i = 0; i < 20; i++)
        {
            double expected = LogNormal(batch[i][0], 100 + 2 * root * 0.5, 2 * root * 0.7) + LogNormal(batch[i][1], -100 + 3 * root * 0.5, 3 * root * 0.7);
            Assert.Equal(expected, batch.LogDensities![i], 1e-4);
        }
        Assert.Null(model.Sample(1).LogDensities);
        // The sample is the one that is drawn without it, to the tolerance.
        float[] plain = model.Sample(20, new SamplingOptions { Seed = 3, Solver = Tight }).Values;
        for (int i = 0; i < plain.Length; i++)
            Assert.Equal(plain[i], batch.Values[i], 1e-3);
    }

    [Fact]
    public void The_way_back_finds_the_same_density()
    {
        using FlowModel model = Open(TinyModel.Symmetric(0.3f, -0.5f, probe: false, column: true), Card);
        SampleBatch drawn = model.Sample(50, new SamplingOptions { Seed = 1, LogDensity = true, Solver = Tight }).EnsureSuccess();
        double[] back = model.LogLikelihood(drawn.Values, new LikelihoodOptions { Solver = Tight }).EnsureSuccess().LogDensities;
        for (int i = 0; i < 50; i++)
            Assert.Equal(back[i], drawn.LogDensities![i], 1e-4);
    }

    /// <summary>Sample i and row i of a table have the same probe where their seeds are the same.</summary>
    [Fact]
    public void The_way_back_with_the_same_probe_finds_the_same_estimate()
    {
        using FlowModel model = Open(TinyModel.Symmetric(0.3f, -0.5f, probe: true, column: true), Card with { Inputs = new("t", "x", "e") });
        SampleBatch drawn = model.Sample(50, new SamplingOptions { Seed = 1, LogDensity = true, Solver = Tight }).EnsureSuccess();
        double[] back = model.LogLikelihood(drawn.Values, new LikelihoodOptions { Seed = 1, Solver = Tight }).EnsureSuccess().LogDensities;
        double[] other = model.LogLikelihood(drawn.Values, new LikelihoodOptions { Seed = 2, Solver = Tight }).EnsureSuccess().LogDensities;
        for (int i = 0; i < 50; i++)
            Assert.Equal(back[i], drawn.LogDensities![i], 1e-4);
        Assert.Contains(Enumerable.Range(0, 50), i => Math.Abs(other[i] - drawn.LogDensities![i]) > 0.1);
    }

    [Fact]
    public void Streams_and_trajectories_have_their_states_without_the_density()
    {
        using FlowModel model = Open(TinyModel.TimesTime(), Card);
        SamplingOptions options = new() { LogDensity = true, TrajectoryTimes = [0, 0.5, 1], Solver = Tight };
        SampleBatch batch = model.Sample(4, options).EnsureSuccess();
        Assert.Equal(4 * 3 * 2, batch.Trajectories.Length);
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(batch[i][1], batch.Trajectories[6 * i + 5], 1e-5);
            Assert.Equal((batch.Trajectories[6 * i] - 100) * Math.Exp(0.125), batch.Trajectories[6 * i + 2] - 100, 1e-4);
        }
        var densities = new double[4];
        model.Stream(4, Take, options, SampleOrder.Index, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(batch.LogDensities, densities);

        void Take(in FinishedSample sample)
        {
            Assert.Equal(2, sample.State.Length);
            densities[sample.Index] = sample.LogDensity;
        }
    }

    [Fact]
    public void What_has_no_density_is_refused()
    {
        var options = new SamplingOptions { LogDensity = true };
        using FlowModel without = Open(TinyModel.TimesTime(), TinyModel.Card), model = Open(TinyModel.TimesTime(), Card with { Data = Card.Data! with { Mean = [0], Scale = [1] } });
        Assert.Contains("divergence", Assert.Throws<NotSupportedException>(() => without.Sample(1, options)).Message, StringComparison.Ordinal);
        Assert.Contains("Moments", Assert.Throws<ArgumentException>(() => model.Sample(1, options with { Solver = Tight with { Moments = model.Moments } })).Message, StringComparison.Ordinal);
        Assert.Contains("dpm++2m", Assert.Throws<ArgumentException>(() => model.Sample(1, options with { Solver = new FixedSteps(MultistepMethod.DpmSolver2M, 5) })).Message, StringComparison.Ordinal);
    }

    private static double LogNormal(double x, double mean, double deviation) =>
        -(x - mean) * (x - mean) / (2 * deviation * deviation) - Math.Log(deviation * Math.Sqrt(2 * Math.PI));

    private static FlowModel Open(byte[] model, FlowCard card)
    {
        using var folder = new TemporaryFolder();
        return FlowModel.Open(TinyModel.Write(folder, "model.onnx", model, card));
    }
}
