using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>Adaptive steps keep to their tolerance on fields whose flow is known.</summary>
public class EngineAccuracyTests
{
    /// <summary>A field, and the largest error of x(1) as a multiple of the tolerance (root mean square over 256 samples).</summary>
    [Theory]
    [InlineData("bosh3", "gauss", 2)]
    [InlineData("bosh3", "mix8", 5)]
    [InlineData("bosh3", "mix8_stiff", 5)]
    [InlineData("dopri5", "gauss", 2)]
    [InlineData("dopri5", "mix8", 10)]
    [InlineData("dopri5", "mix8_stiff", 40)]
    public void The_error_falls_with_the_tolerance_and_stays_within_a_small_multiple_of_it(string method, string name, double multiple)
    {
        ReferenceFlow reference = ReferenceFlow.Named(name);
        double last = double.PositiveInfinity;
        foreach (double tolerance in new[] { 1e-2, 1e-3, 1e-4, 1e-5, 1e-6 })
        {
            SampleBatch batch = SolveFrom(reference, new AdaptiveSteps { Method = (EmbeddedPair)ButcherTableau.Named(method), RelativeTolerance = tolerance, AbsoluteTolerance = tolerance });
            double error = Solve.RootMeanSquare(batch.EnsureSuccess().Values, reference.Ends, dimension: 2);
            Assert.True(error < last, $"tolerance {tolerance}: error {error}, and {last} before");
            Assert.True(error < multiple * tolerance, $"tolerance {tolerance}: error {error}");
            last = error;
        }
    }

    [Fact]
    public void The_reference_of_one_Gaussian_is_m_plus_s_times_the_noise()
    {
        ReferenceFlow reference = ReferenceFlow.Named("gauss");
        Assert.Equal(256, reference.Count);
        for (int i = 0; i < reference.Ends.Length; i++)
            Assert.Equal(reference.Flow.Means[0][i % 2] + 0.3 * reference.Starts[i], reference.Ends[i], 1e-11);
    }

    [Theory]
    [InlineData("euler", 400, 5e-2)]
    [InlineData("heun", 100, 5e-3)]
    [InlineData("rk4", 50, 5e-4)]
    [InlineData("dopri5", 30, 1e-4)]
    [InlineData("bosh3", 60, 1e-3)]
    [InlineData("tsit5", 30, 1e-4)]
    [InlineData("vern6", 40, 1e-4)]
    [InlineData("dop853", 20, 1e-4)]
    public void Fixed_steps_reach_the_reference_of_eight_Gaussians(string method, int steps, double bound)
    {
        ReferenceFlow reference = ReferenceFlow.Named("mix8");
        SampleBatch batch = SolveFrom(reference, new FixedSteps(ButcherTableau.Named(method), steps));
        Assert.InRange(Solve.RootMeanSquare(batch.EnsureSuccess().Values, reference.Ends, dimension: 2), 0, bound);
    }

    [Fact]
    public void A_pair_of_order_2_meets_the_closed_form_too()
    {
        ReferenceFlow reference = ReferenceFlow.Named("gauss");
        SampleBatch batch = SolveFrom(reference, new AdaptiveSteps { Method = ButcherTableau.HeunEuler, RelativeTolerance = 1e-4, AbsoluteTolerance = 1e-4 });
        Assert.InRange(Solve.RootMeanSquare(batch.EnsureSuccess().Values, reference.Ends, dimension: 2), 0, 1e-3);
    }

    [Fact]
    public void A_hard_sample_among_easy_ones_keeps_its_own_tolerance()
    {
        // Sample 5 turns 20 times as fast as the 63 others: a norm over the whole batch would hide its error.
        const double Fast = 20 * Math.PI / 2;
        var field = new FormulaField(2, (index, _, x, v) =>
        {
            float speed = (float)(index == 5 ? Fast : Math.PI / 2);
            (v[0], v[1]) = (-speed * x[1], speed * x[0]);
        });
        OdeProblem problem = Solve.Problem(field, new AdaptiveSteps { RelativeTolerance = 1e-5, AbsoluteTolerance = 1e-5 }, count: 64) with
        {
            InitialState = (_, x) => (x[0], x[1]) = (1, 0),
        };
        SampleBatch batch = OdeSolver.Solve(problem).EnsureSuccess();
        Assert.Equal(Math.Cos(Fast), batch[5][0], 1e-3);
        Assert.Equal(Math.Sin(Fast), batch[5][1], 1e-3);
        Assert.True(batch.Accepted[5] > 5 * batch.Accepted[4]);
    }

    private static SampleBatch SolveFrom(ReferenceFlow reference, SolverOptions solver) =>
        OdeSolver.Solve(Solve.Problem(reference.Flow.Field, solver, reference.Count) with
        {
            InitialState = (index, x) => (x[0], x[1]) = ((float)reference.Starts[2 * index], (float)reference.Starts[2 * index + 1]),
        });
}
