using FlowRuntime.Fields;
using FlowRuntime.Likelihood;
using FlowRuntime.Ode;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests.Robustness;

/// <summary>What a sample that fails leaves: its last finite state, and NaN in its trajectory from where it failed on.</summary>
public class LastStateTests
{
    public static TheoryData<string> AllWays => [.. Solve.Ways.Keys];

    /// <summary>The data are told by one evaluation more, and that one is NaN: the state before it is what is left.</summary>
    [Fact]
    public void A_finish_that_is_not_finite_leaves_the_state_before_it()
    {
        int calls = 0;
        var field = new FormulaField(2, (_, _, _, v) => v.Fill(++calls > 4 ? float.NaN : 1));
        OdeProblem problem = Solve.Problem(field, new FixedSteps(ButcherTableau.Euler, 4), count: 1) with
        {
            InitialState = (_, x) => x.Clear(),
            End = 0.5,
            FinishesWithData = true,
        };
        SampleBatch batch = OdeSolver.Solve(problem);
        Assert.Equal((SampleStatus.NonFinite, 5), (batch.Status[0], batch.Evaluations[0]));
        Assert.Equal([0.5f, 0.5f], batch[0].ToArray());
    }

    /// <summary>The stage that the interpolant alone looks at is NaN, or the velocity at a step's end; the state at its end is not.</summary>
    [Theory, MemberData(nameof(AllWays))]
    public void A_completed_sample_has_no_NaN_in_its_trajectory(string way)
    {
        for (int place = 0; place < 60; place++)
        {
            double from = place / 60.0;
            // Just one narrow window of time is NaN, which many steps pass without a look.
            var field = new FormulaField(3, (_, t, x, v) =>
            {
                for (int i = 0; i < 3; i++)
                    v[i] = t >= from && t < from + 0.004 ? float.NaN : -x[i];
            });
            SampleBatch batch = OdeSolver.Solve(Solve.Problem(field, Solve.Ways[way], count: 2) with { TrajectoryTimes = Times, InitialState = (_, x) => x.Fill(1) });
            for (int i = 0; i < 2; i++)
            {
                float[] trajectory = batch.Trajectories[(i * 3 * Times.Length)..((i + 1) * 3 * Times.Length)];
                Assert.Equal(batch.Status[i] == SampleStatus.Completed, trajectory.All(float.IsFinite));
                for (int time = 0; time < Times.Length; time++)
                {
                    bool reached = batch.Times[i] >= Times[time];
                    Assert.All(trajectory[(3 * time)..(3 * time + 3)], value => Assert.Equal(reached, float.IsFinite(value)));
                }
            }
        }
    }

    /// <summary>Where the divergence leaves float32, or is NaN, a density is not known, and no number is given for it.</summary>
    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(1e39)]
    public void A_divergence_beyond_numbers_gives_no_density(double divergence)
    {
        LikelihoodBatch batch = LikelihoodSolver.Solve(new LikelihoodProblem { Field = new DivergenceField(t => t < 0.5 ? divergence : 0), Data = new float[] { 1, 2, 3, 4 } });
        Assert.All(batch.Status, status => Assert.Equal(SampleStatus.NonFinite, status));
        Assert.All(batch.LogDensities, value => Assert.True(double.IsNaN(value)));
        Assert.All(batch.BitsPerDimension, value => Assert.True(double.IsNaN(value)));
        Assert.All(batch.Times, time => Assert.Equal(0.5, time, 0.1));
    }

    [Theory]
    [InlineData(1e6)]
    [InlineData(-1e30)]
    public void A_huge_divergence_is_integrated_all_the_same(double divergence)
    {
        LikelihoodBatch batch = LikelihoodSolver.Solve(new LikelihoodProblem { Field = new DivergenceField(_ => divergence), Data = new float[] { 1, 2 } }).EnsureSuccess();
        Assert.Equal(-divergence, batch.LogDensities[0], 1e-5 * Math.Abs(divergence) + 10);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-3)]
    [InlineData(1e6)]
    [InlineData(3e38)]
    public void Guidance_of_any_scale_is_right_or_no_success(double scale)
    {
        // Under the condition v = 1, without it v = −1: the guided velocity is −1 + 2 w.
        var field = new ConditionField();
        OdeProblem problem = Solve.Problem(new GuidedField(field, scale), new AdaptiveSteps(), count: 3) with { InitialState = (_, x) => x[0] = 0, ConditionOf = _ => new Condition { Label = 0 } };
        SampleBatch batch = OdeSolver.Solve(problem);
        foreach (SampleStatus status in batch.Status)
            Assert.Equal(2 * scale - 1 > float.MaxValue ? SampleStatus.NonFinite : SampleStatus.Completed, status);
        if (batch.Failed == 0)
            Assert.Equal(2 * scale - 1, batch[0][0], 1e-5 * (1 + Math.Abs(scale)));
    }

    [Fact]
    public void Inpainting_with_data_that_are_no_numbers_fails_alone()
    {
        var field = new InpaintingField(FormulaField.Swirl(2), new ConditionalOtPath(), [1, 2, float.NaN, 2, 1, 2], [true, false, true, false, true, false], first: 0, seed: 1);
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(field, new AdaptiveSteps(), count: 3));
        Assert.Equal([SampleStatus.Completed, SampleStatus.NonFinite, SampleStatus.Completed], batch.Status);
    }

    /// <summary>γ' is infinite at the ends of a bridge, and γ is 0: the noise's rate is still that of ρ.</summary>
    [Theory]
    [InlineData(0.5)]
    [InlineData(1)]
    [InlineData(3)]
    public void The_noise_of_a_bridge_changes_at_its_start_as_it_does_just_behind_it(double noise)
    {
        var path = new SchrodingerBridgePath(noise);
        Assert.Equal((path.At(1e-7).Deviation - path.At(0).Deviation) / 1e-7, path.At(0).DeviationRate, 1e-5);
        Assert.Equal(path.At(1e-9).Data.OfState, path.At(0).Data.OfState, 1e-6);
    }

    private static readonly double[] Times = [.. Enumerable.Range(0, 21).Select(i => i / 20.0)];

    private sealed class ConditionField : IVelocityField
    {
        public int Dimension => 1;

        public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers) => new Evaluator(buffers);

        private sealed class Evaluator(EvaluationBuffers buffers) : IVelocityEvaluator
        {
            private readonly Condition[] _conditions = new Condition[buffers.Capacity];

            public void Assign(int row, long sampleIndex, Condition condition) => _conditions[row] = condition;

            public void Move(int source, int destination) => _conditions[destination] = _conditions[source];

            public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
            {
                for (int row = first; row < first + count; row++)
                    buffers.Velocities[output][row][0] = _conditions[row].Label is null ? -1 : 1;
            }

            public void Dispose()
            {
            }
        }
    }

    /// <summary>A plane at rest with a divergence of its own.</summary>
    private sealed class DivergenceField(Func<double, double> divergence) : IVelocityField
    {
        public int Dimension => 2;

        public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers) => new Evaluator(divergence, buffers);

        private sealed class Evaluator(Func<double, double> divergence, EvaluationBuffers buffers) : IVelocityEvaluator
        {
            public void Assign(int row, long sampleIndex, Condition condition)
            {
            }

            public void Move(int source, int destination)
            {
            }

            public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
            {
                for (int row = first; row < first + count; row++)
                {
                    buffers.Velocities[output][row].Clear();
                    buffers.Divergences![output][row][0] = (float)divergence(buffers.Times[row]);
                }
            }

            public void Dispose()
            {
            }
        }
    }
}
