using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>States on the way, by the method's own interpolant: near the flow, and without a change of the solve.</summary>
public class TrajectoryTests
{
    private static readonly double[] Times = [0, 0.013, 0.25, 1.0 / 3, 0.5, 0.51, 0.86, 0.9999, 1];

    public static TheoryData<string> Pairs => ["heun-euler", "bosh3", "dopri5", "tsit5", "vern6", "dop853"];

    /// <summary>The ways of <see cref="Solve.Ways"/>; fixed steps of each method whose interpolant has no extra stages among them.</summary>
    public static TheoryData<string> Ways => Solve.WayNames;

    [Theory, MemberData(nameof(Pairs))]
    public void Adaptive_steps_record_states_near_the_flow_in_both_directions(string name)
    {
        var solver = new AdaptiveSteps { Method = (EmbeddedPair)ButcherTableau.Named(name), RelativeTolerance = 1e-5, AbsoluteTolerance = 1e-5 };
        foreach (bool reverse in new[] { false, true })
        {
            double[] times = reverse ? [.. Times.Reverse()] : Times;
            SampleBatch batch = OdeSolver.Solve(Problem(GaussianFlow.One.Field, solver, times)).EnsureSuccess();
            Assert.Equal(times, batch.TrajectoryTimes);
            AssertNearFlow(batch, times[0], 5e-4);
        }
    }

    /// <summary>How the largest error on the way falls from N steps to 2 N: by the order of the interpolant and one, or of the method.</summary>
    [Theory]
    [InlineData("euler", 64, 1)]
    [InlineData("midpoint", 32, 2)]
    [InlineData("heun", 32, 2)]
    [InlineData("ralston", 32, 2)]
    [InlineData("heun-euler", 32, 2)]
    [InlineData("bosh3", 12, 3)]
    [InlineData("rk4", 6, 4)]
    [InlineData("rk38", 6, 4)]
    [InlineData("ab2", 48, 2)]
    [InlineData("ab3", 48, 3)]
    public void The_error_on_the_way_of_fixed_steps_falls_by_the_order(string name, int steps, int order)
    {
        double[] times = [.. Enumerable.Range(1, 199).Select(i => 2.5 * i / 200)];
        Assert.InRange(Math.Log2(Error(steps) / Error(2 * steps)), order - 0.35, order + 0.8);

        double Error(int count)
        {
            SampleBatch batch = OdeSolver.Solve(Solve.Problem(FormulaField.Cosine, new FixedSteps(SolverMethod.Named(name), count), count: 1) with
            {
                InitialState = (_, x) => x[0] = 1,
                End = 2.5,
                TrajectoryTimes = times,
            });
            return times.Zip(batch.Trajectories, (t, x) => Math.Abs(x - Math.Exp(Math.Sin(t)))).Max();
        }
    }

    /// <summary>Steps of a hundredth: what is left is the error of methods and interpolants of order 1 and 2.</summary>
    [Theory]
    [InlineData("euler", 0.05)]
    [InlineData("heun", 3e-3)]
    [InlineData("rk4", 1e-5)]
    [InlineData("dopri5", 1e-5)]
    [InlineData("tsit5", 1e-5)]
    [InlineData("ab2", 5e-3)]
    [InlineData("ab3", 3e-3)]
    [InlineData("dpm++2m", 5e-3)]
    [InlineData("unipc2", 3e-3)]
    [InlineData("unipc3", 3e-3)]
    public void Fixed_steps_record_states_near_the_flow(string name, double tolerance) => AssertNearFlow(
        OdeSolver.Solve(Problem(GaussianFlow.One.Field, new FixedSteps(SolverMethod.Named(name), 100), Times)).EnsureSuccess(), 0, tolerance);

    [Theory, MemberData(nameof(Ways))]
    public void A_solve_is_the_same_bit_for_bit_with_and_without_a_trajectory_and_costs_only_the_extra_stages(string way)
    {
        SolverOptions solver = Solve.Ways[way];
        int extra = solver is AdaptiveSteps { Method: var pair } ? pair.Interpolant.ExtraStages : 0;
        OdeProblem problem = Solve.Problem(FormulaField.Swirl(3), solver, count: 50, slots: 7, workers: 2);
        SampleBatch without = OdeSolver.Solve(problem), with = OdeSolver.Solve(problem with { TrajectoryTimes = Times });

        Assert.True(Solve.SameBits(without.Values, with.Values));
        Assert.Equal(without.Accepted, with.Accepted);
        Assert.Equal(without.Rejected, with.Rejected);
        Assert.Empty(without.Trajectories);
        if (extra == 0)
            Assert.Equal(without.Evaluations, with.Evaluations);
        else
            Assert.All(with.Evaluations.Zip(without.Evaluations, (more, less) => more - less), more => Assert.InRange(more, extra, extra * (Times.Length - 2)));
        for (int i = 0; i < 50; i++)
        {
            float[] start = new float[3];
            problem.InitialState(i, start);
            Assert.Equal(start, At(with, i, 0).ToArray());
            Assert.True(Solve.SameBits(with[i], At(with, i, Times.Length - 1)));
        }
    }

    /// <summary>Each accepted step that has one of the times inside costs the extra stages once; which steps these are, the recorded rows tell.</summary>
    [Theory]
    [InlineData("vern6", false)]
    [InlineData("vern6", true)]
    [InlineData("dop853", false)]
    [InlineData("dop853", true)]
    public void Extra_stages_are_evaluated_once_for_each_step_that_passes_a_time(string name, bool reverse)
    {
        var pair = (EmbeddedPair)ButcherTableau.Named(name);
        var solver = new AdaptiveSteps { Method = pair, RelativeTolerance = 1e-5, AbsoluteTolerance = 1e-5 };
        OdeProblem problem = Solve.Problem(FormulaField.Swirl(3), solver, count: 30, slots: 7);
        if (reverse)
            problem = problem with { Start = 1, End = 0 };
        double[] few = [0.5], same = [0.5, 0.5, 0.5], atTheEnds = [problem.Start, problem.End];
        int[] plain = OdeSolver.Solve(problem).Evaluations;
        int[] Extra(double[] times) => [.. OdeSolver.Solve(problem with { TrajectoryTimes = times }).Evaluations.Zip(plain, (more, less) => more - less)];

        Assert.All(Extra(few), extra => Assert.Equal(pair.Interpolant.ExtraStages, extra));
        Assert.All(Extra(same), extra => Assert.Equal(pair.Interpolant.ExtraStages, extra));
        Assert.All(Extra(atTheEnds), extra => Assert.Equal(0, extra));
        // Times so near each other that every step passes some.
        double[] dense = [.. Enumerable.Range(1, 100_000 - 1).Select(i => problem.Start + (problem.End - problem.Start) * i / 100_000.0)];
        SampleBatch all = OdeSolver.Solve(problem with { TrajectoryTimes = dense, Count = 10 });
        Assert.Equal(all.Accepted.Select(steps => steps * pair.Interpolant.ExtraStages), all.Evaluations.Zip(plain, (more, less) => more - less));
    }

    [Theory, MemberData(nameof(Ways))]
    public void A_trajectory_is_the_same_with_any_slots_and_workers(string way)
    {
        OdeProblem problem = Solve.Problem(FormulaField.Swirl(3), Solve.Ways[way], count: 40, slots: 64) with { TrajectoryTimes = Times };
        float[] expected = OdeSolver.Solve(problem).Trajectories;
        foreach ((int slots, int workers) in new[] { (1, 1), (7, 3), (3, 2) })
            Assert.True(Solve.SameBits(expected, OdeSolver.Solve(problem with { Slots = slots, Workers = workers }).Trajectories));
    }

    [Theory, MemberData(nameof(Ways))]
    public void A_failed_sample_has_its_states_up_to_its_time_and_NaN_behind(string way)
    {
        FormulaField Field(double breaks) => new(2, (index, t, x, v) =>
            (v[0], v[1]) = (index % 5 == 2 && t >= breaks ? float.NaN : MathF.Sin(3 * x[1]) + index, (float)t - x[0]));
        double[] times = [.. Enumerable.Range(0, 101).Select(i => i / 100.0)];
        OdeProblem problem = Solve.Problem(Field(2), Solve.Ways[way], count: 30, slots: 7, workers: 2) with { TrajectoryTimes = times };
        SampleBatch whole = OdeSolver.Solve(problem), batch = OdeSolver.Solve(problem with { Field = Field(0.6) });
        Assert.Equal(6, batch.Failed);
        for (int i = 0; i < 30; i++)
        {
            for (int at = 0; at < times.Length; at++)
            {
                if (times[at] > batch.Times[i])
                    Assert.All(At(batch, i, at).ToArray(), value => Assert.True(float.IsNaN(value), $"sample {i} at {times[at]}"));
                else
                    Assert.All(At(batch, i, at).ToArray(), value => Assert.True(float.IsFinite(value), $"sample {i} at {times[at]}"));
                if (batch.Status[i] == SampleStatus.Completed)
                    Assert.True(Solve.SameBits(At(whole, i, at), At(batch, i, at)));
            }
        }
    }

    [Theory]
    [InlineData(new[] { 0.5, 0.4 }, "0.4")]
    [InlineData(new[] { -0.1, 0.4 }, "-0.1")]
    [InlineData(new[] { 0.5, 1.1 }, "1.1")]
    [InlineData(new[] { 0.5, double.NaN }, "NaN")]
    [InlineData(new[] { double.NaN, 0.5 }, "NaN")]
    public void Times_out_of_order_or_outside_the_solve_are_refused(double[] times, string named)
    {
        OdeProblem problem = Solve.Problem(FormulaField.Swirl(3), new AdaptiveSteps(), count: 2) with { TrajectoryTimes = times };
        Assert.Contains($"time {named} does not lie", Assert.Throws<ArgumentException>(() => OdeSolver.Solve(problem)).Message);
    }

    [Fact]
    public void Times_of_a_solve_in_reverse_fall()
    {
        OdeProblem problem = Solve.Problem(FormulaField.Swirl(3), new AdaptiveSteps(), count: 2) with { Start = 1, End = 0 };
        Assert.Throws<ArgumentException>(() => OdeSolver.Solve(problem with { TrajectoryTimes = [0.4, 0.5] }));
        Assert.Equal(2 * 2 * 3, OdeSolver.Solve(problem with { TrajectoryTimes = [0.5, 0.4] }).Trajectories.Length);
    }

    [Theory, InlineData("vern6"), InlineData("dop853")]
    public void Fixed_steps_of_a_method_whose_interpolant_has_extra_stages_record_nothing_and_say_so(string name)
    {
        OdeProblem problem = Solve.Problem(FormulaField.Swirl(3), new FixedSteps(SolverMethod.Named(name), 4), count: 2);
        Assert.Equal(0, OdeSolver.Solve(problem).Failed);
        Assert.Contains(name, Assert.Throws<ArgumentException>(() => OdeSolver.Solve(problem with { TrajectoryTimes = [0.5] })).Message);
    }

    private static OdeProblem Problem(FormulaField field, SolverOptions solver, double[] times) => Solve.Problem(field, solver, count: 20, slots: 7) with
    {
        Start = times[0],
        End = times[^1],
        TrajectoryTimes = times,
        InitialState = (index, x) =>
        {
            (double first, double second) = GaussianFlow.One.Carried(0, times[0], 0.1 * index, 1 - 0.2 * index);
            (x[0], x[1]) = ((float)first, (float)second);
        },
    };

    private static void AssertNearFlow(SampleBatch batch, double start, double tolerance)
    {
        for (int i = 0; i < batch.Count; i++)
        {
            (double x, double y) = GaussianFlow.One.Carried(0, start, 0.1 * i, 1 - 0.2 * i);
            for (int at = 0; at < batch.TrajectoryTimes.Count; at++)
            {
                (double first, double second) = GaussianFlow.One.Carried(start, batch.TrajectoryTimes[at], x, y);
                Assert.Equal(first, At(batch, i, at)[0], tolerance);
                Assert.Equal(second, At(batch, i, at)[1], tolerance);
            }
        }
    }

    private static Span<float> At(SampleBatch batch, int sample, int time) =>
        batch.Trajectories.AsSpan((sample * batch.TrajectoryTimes.Count + time) * batch.Dimension, batch.Dimension);
}
