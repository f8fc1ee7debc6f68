using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>Every evaluation is counted: rejected steps and the probe of the first step included, for each sample and in total.</summary>
public class EngineCountingTests
{
    [Theory, MemberData(nameof(Solve.WayNames), MemberType = typeof(Solve))]
    public void The_counts_of_each_sample_are_the_rows_its_field_was_asked_for(string way)
    {
        var field = new RecordingField(FormulaField.Swirl(3));
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(field, Solve.Ways[way], count: 50, slots: 7, workers: 3, first: 1000));

        Dictionary<long, int> asked = field.Rows.CountBy(row => row.Index).ToDictionary();
        Assert.Equal(Enumerable.Range(1000, 50).Select(index => asked[index]), batch.Evaluations);
        Assert.Equal(field.Rows.Count, batch.Statistics.Evaluations);
        Assert.Equal(field.Calls, batch.Statistics.FieldCalls);
        Assert.Equal(batch.Accepted.Sum(), batch.Statistics.Accepted);
        Assert.Equal(batch.Rejected.Sum(), batch.Statistics.Rejected);
    }

    [Theory]
    [InlineData("euler, 12 steps", 12)]
    [InlineData("heun, 7 steps", 14)]
    [InlineData("rk4, 5 steps", 20)]
    [InlineData("dopri5, 3 steps", 1 + 6 * 3)]
    public void Fixed_steps_cost_the_stages_of_their_method(string way, int evaluations)
    {
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(FormulaField.Swirl(3), Solve.Ways[way], count: 20, slots: 7));
        Assert.All(batch.Evaluations, count => Assert.Equal(evaluations, count));
        Assert.All(batch.Rejected, count => Assert.Equal(0, count));
    }

    [Fact]
    public void Adaptive_steps_of_a_pair_that_is_first_same_as_last_cost_two_evaluations_at_the_start_and_the_new_stages_of_every_attempt()
    {
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(FormulaField.Swirl(3), Solve.Ways["dopri5, adaptive"], count: 64, slots: 7));
        Assert.True(batch.Statistics.Rejected > 0);
        Assert.Equal(batch.Accepted.Zip(batch.Rejected, (accepted, rejected) => 2 + 6 * (accepted + rejected)), batch.Evaluations);
    }

    [Fact]
    public void A_pair_that_is_not_evaluates_its_first_stage_once_for_every_accepted_step()
    {
        // The probe of the first step, the first stage of each accepted step, and the second of every attempt.
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(FormulaField.Swirl(3), Solve.Ways["heun-euler, adaptive"], count: 64, slots: 7));
        Assert.True(batch.Statistics.Rejected > 0);
        Assert.Equal(batch.Accepted.Zip(batch.Rejected, (accepted, rejected) => 1 + accepted + (accepted + rejected)), batch.Evaluations);
    }

    [Fact]
    public void Samples_that_start_together_share_their_calls()
    {
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(FormulaField.Swirl(3), new FixedSteps(ButcherTableau.RungeKutta4, 10), count: 64, slots: 16));
        Assert.Equal(64 / 16 * 40, batch.Statistics.FieldCalls);
    }
}
