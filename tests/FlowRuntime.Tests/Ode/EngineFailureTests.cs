using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>A sample that cannot be solved fails alone: with its own status, time and last finite state.</summary>
public class EngineFailureTests
{
    private static readonly long[] Broken = [0, 7, 31, 63];

    public static TheoryData<string, int> WaysAndWorkers => [.. Solve.Ways.Keys.SelectMany(way => new[] { (way, 1), (way, 3) })];

    [Theory, MemberData(nameof(WaysAndWorkers))]
    public void Samples_whose_velocity_turns_NaN_fail_alone_where_it_does(string way, int workers)
    {
        SampleBatch whole = OdeSolver.Solve(Solve.Problem(Swirl(brokenFrom: 2), Solve.Ways[way], count: 64, slots: 7, workers));
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(Swirl(brokenFrom: 0.5), Solve.Ways[way], count: 64, slots: 7, workers));

        double longestStep = Solve.Ways[way] is FixedSteps @fixed ? 1.0 / @fixed.Count : 0.01;
        Assert.Equal(Broken.Length, batch.Failed);
        for (int i = 0; i < 64; i++)
        {
            if (Broken.Contains(i))
            {
                Assert.Equal(SampleStatus.NonFinite, batch.Status[i]);
                Assert.InRange(batch.Times[i], 0.5 - longestStep, 0.5);
                Assert.All(batch[i].ToArray(), value => Assert.True(float.IsFinite(value)));
                Assert.False(Solve.SameBits(batch[i], whole[i]));
            }
            else
            {
                Assert.Equal((SampleStatus.Completed, 1), (batch.Status[i], batch.Times[i]));
                Assert.True(Solve.SameBits(batch[i], whole[i]), $"sample {i}");
            }
        }
    }

    [Theory]
    [InlineData("euler, 12 steps")]
    [InlineData("dopri5, adaptive")]
    public void The_state_of_a_failed_sample_is_that_of_its_own_time(string way)
    {
        // v = 1 until it breaks: x(t) − x(0) = t.
        var field = new FormulaField(1, (_, t, _, v) => v[0] = t < 0.5 ? 1 : float.NaN);
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(field, Solve.Ways[way], count: 1) with { InitialState = (_, x) => x[0] = 0 });
        Assert.Equal(SampleStatus.NonFinite, batch.Status[0]);
        Assert.Equal(batch.Times[0], batch[0][0], 1e-6);
    }

    [Fact]
    public void A_sample_gives_up_after_nine_attempts_at_a_velocity_that_is_not_finite()
    {
        // Between the attempts it creeps towards t = ½, each time by a fifth of the attempt: that must not start the count anew.
        var field = new FormulaField(1, (_, t, _, v) => v[0] = t < 0.5 ? 1 : float.NaN);
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(field, new AdaptiveSteps(), count: 1));
        Assert.Equal((SampleStatus.NonFinite, 9), (batch.Status[0], batch.Rejected[0]));
        Assert.InRange(batch.Times[0], 0.499, 0.5);
    }

    [Fact]
    public void Attempts_that_were_not_finite_are_forgotten_once_the_sample_is_past_them()
    {
        // Every 25th look finds nothing, so that about every fourth attempt fails, and the next ones lead past its end.
        int looks = 0;
        var field = new FormulaField(1, (_, t, _, v) => v[0] = ++looks % 25 == 0 ? float.NaN : (float)(50 * Math.Cos(50 * t)));
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(field, new AdaptiveSteps(), count: 1));
        Assert.Equal(SampleStatus.Completed, batch.Status[0]);
        Assert.True(batch.Rejected[0] > 9, $"{batch.Rejected[0]} rejected");
    }

    [Fact]
    public void A_velocity_that_is_not_finite_is_the_cause_also_where_the_step_becomes_too_small_first()
    {
        // At t = 1e8 the time moves in steps of 1.5e-8: there is no room for nine attempts.
        var field = new FormulaField(1, (_, t, _, v) => v[0] = t > 1e8 ? float.NaN : 1);
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(field, new AdaptiveSteps(), count: 1) with { Start = 1e8, End = 1e8 + 1 });
        Assert.Equal(SampleStatus.NonFinite, batch.Status[0]);
        Assert.InRange(batch.Rejected[0], 1, 8);
    }

    [Theory, MemberData(nameof(Solve.WayNames), MemberType = typeof(Solve))]
    public void A_velocity_that_is_infinite_is_no_success(string way)
    {
        var field = new FormulaField(2, (_, t, _, v) => (v[0], v[1]) = (1, t < 0.5 ? 1 : float.PositiveInfinity));
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(field, Solve.Ways[way], count: 3));
        Assert.All(batch.Status, status => Assert.Equal(SampleStatus.NonFinite, status));
        Assert.All(batch.Values, value => Assert.True(float.IsFinite(value)));
    }

    [Theory, MemberData(nameof(WaysAndWorkers))]
    public void A_sample_that_starts_as_NaN_fails_at_the_start_and_alone(string way, int workers)
    {
        OdeProblem problem = Solve.Problem(FormulaField.Swirl(3), Solve.Ways[way], count: 64, slots: 7, workers) with { Start = 0.25 };
        SampleBatch whole = OdeSolver.Solve(problem);
        SampleBatch batch = OdeSolver.Solve(problem with
        {
            InitialState = (index, x) =>
            {
                problem.InitialState(index, x);
                if (Broken.Contains(index))
                    x[1] = float.NaN;
            },
        });
        for (int i = 0; i < 64; i++)
        {
            if (Broken.Contains(i))
                Assert.Equal((SampleStatus.NonFinite, 0.25, 0), (batch.Status[i], batch.Times[i], batch.Accepted[i]));
            else
                Assert.True(batch.Status[i] == SampleStatus.Completed && Solve.SameBits(batch[i], whole[i]), $"sample {i}");
        }
    }

    [Theory, MemberData(nameof(WaysAndWorkers))]
    public void A_solve_whose_samples_all_fail_at_the_start_ends(string way, int workers)
    {
        var field = new FormulaField(3, (_, _, _, v) => v.Fill(float.NaN));
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(field, Solve.Ways[way], count: 100, slots: 7, workers));
        Assert.Equal(100, batch.Failed);
        Assert.All(batch.Times, t => Assert.Equal(0, t));
    }

    [Fact]
    public void A_sample_out_of_steps_keeps_the_state_it_reached()
    {
        AdaptiveSteps solver = new() { RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-6 };
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(FormulaField.QuarterTurn, solver with { MaxSteps = 5 }, count: 20, slots: 7));
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(SampleStatus.OutOfSteps, batch.Status[i]);
            Assert.Equal(5, batch.Accepted[i] + batch.Rejected[i]);
            Assert.InRange(batch.Times[i], 1e-3, 0.999);
            float[] start = new float[2];
            Noise.Fill(seed: 1, index: i, start);
            (double sine, double cosine) = Math.SinCos(Math.PI / 2 * batch.Times[i]);
            Assert.Equal(cosine * start[0] - sine * start[1], batch[i][0], 1e-5);
            Assert.Equal(sine * start[0] + cosine * start[1], batch[i][1], 1e-5);
        }
    }

    [Fact]
    public void A_sample_that_needs_exactly_the_allowed_steps_completes()
    {
        SampleBatch free = OdeSolver.Solve(Solve.Problem(FormulaField.QuarterTurn, new AdaptiveSteps(), count: 1));
        int steps = free.Accepted[0] + free.Rejected[0];
        Assert.Equal(SampleStatus.Completed, With(steps));
        Assert.Equal(SampleStatus.OutOfSteps, With(steps - 1));

        static SampleStatus With(int maxSteps) =>
            OdeSolver.Solve(Solve.Problem(FormulaField.QuarterTurn, new AdaptiveSteps { MaxSteps = maxSteps }, count: 1)).Status[0];
    }

    [Fact]
    public void A_step_too_small_to_move_the_time_ends_the_sample_with_a_word_of_its_own()
    {
        // ±1e25 by the last bit of t: no step that moves t = 0.5 is small enough for any tolerance.
        var noise = new FormulaField(1, (_, t, _, v) => v[0] = (BitConverter.DoubleToInt64Bits(t) & 1) == 0 ? 1e25f : -1e25f);
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(noise, new AdaptiveSteps(), count: 3) with { Start = 0.5 });
        Assert.All(batch.Status, status => Assert.Equal(SampleStatus.StepTooSmall, status));
        Assert.Contains("the step became too small", Assert.Throws<SamplingException>(batch.EnsureSuccess).Message);
    }

    [Theory]
    [InlineData(1e-3)]
    [InlineData(1e-6)]
    public void A_flow_that_leaves_to_infinity_before_the_end_is_no_success(double tolerance)
    {
        // dx/dt = x² from x(0) = 2: x = 1/(½ − t), gone at t = ½.
        var field = new FormulaField(1, (_, _, x, v) => v[0] = x[0] * x[0]);
        var solver = new AdaptiveSteps { RelativeTolerance = tolerance, AbsoluteTolerance = tolerance };
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(field, solver, count: 1) with { InitialState = (_, x) => x[0] = 2 });
        Assert.NotEqual(SampleStatus.Completed, batch.Status[0]);
        Assert.Equal(0.5, batch.Times[0], 0.01);
        Assert.True(float.IsFinite(batch[0][0]));
    }

    private static FormulaField Swirl(double brokenFrom)
    {
        var swirl = new RowVelocity((index, t, x, v) =>
        {
            float speed = 1 + index * 7 % 11;
            for (int i = 0; i < x.Length; i++)
                v[i] = speed * MathF.Sin(2 * x[(i + 1) % x.Length] + (float)t) - 0.5f * x[i];
            if (t >= brokenFrom && Broken.Contains(index))
                v[1] = float.NaN;
        });
        return new FormulaField(3, swirl);
    }
}
