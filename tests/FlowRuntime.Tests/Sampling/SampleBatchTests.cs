using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

public class SampleBatchTests
{
    private static readonly FormulaField FailsForSample12 = new(1, (index, _, _, v) => v[0] = index == 12 ? float.NaN : 1);

    [Fact]
    public void EnsureSuccess_gives_a_whole_batch_back()
    {
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(FormulaField.Cosine, new AdaptiveSteps(), count: 3));
        Assert.Same(batch, batch.EnsureSuccess());
        Assert.Equal(0, batch.Failed);
    }

    [Fact]
    public void EnsureSuccess_names_the_first_failed_sample_its_time_and_the_cause()
    {
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(FailsForSample12, new FixedSteps(ButcherTableau.Euler, 4), count: 5, first: 10));
        Assert.Equal(1, batch.Failed);
        string message = Assert.Throws<SamplingException>(batch.EnsureSuccess).Message;
        Assert.StartsWith("1 of 5 samples failed; sample 12 at t = 0: ", message);
        Assert.Contains("not finite", message);
    }

    [Fact]
    public void EnsureSuccess_advises_more_steps_where_they_ran_out()
    {
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(GaussianFlow.EightStiff.Field, new AdaptiveSteps { MaxSteps = 3 }, count: 2));
        string message = Assert.Throws<SamplingException>(batch.EnsureSuccess).Message;
        Assert.Contains("MaxSteps", message);
        Assert.DoesNotContain("not finite", message);
    }

    [Fact]
    public void A_row_is_the_sample_at_its_place()
    {
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(FormulaField.QuarterTurn, new AdaptiveSteps(), count: 3));
        Assert.Equal([3, 2], [batch.Count, batch.Dimension]);
        Assert.Equal([2], batch.Shape);
        float[] rows = [.. batch[0], .. batch[1], .. batch[2]];
        Assert.Equal(batch.Values, rows);
    }

    [Fact]
    public void More_values_than_an_array_can_hold_are_refused_with_the_way_out()
    {
        var field = new FormulaField(1 << 20, (_, _, _, _) => { });
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => OdeSolver.Solve(Solve.Problem(field, new AdaptiveSteps(), count: 1 << 20)));
        Assert.Contains("Sample in parts", error.Message);
    }
}
