using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>The field is never evaluated outside [Start, End], and a completed sample ends at End exactly.</summary>
public class EngineIntervalTests
{
    public static TheoryData<string, double, double> Intervals =>
    [
        .. Solve.Ways.Keys.SelectMany(way => new[] { (0, 1), (0.1, 0.9), (1.0 / 3, 0.7), (0.5, 0.5 + 1e-9), (-2, 3) }
            .Where(interval => interval.Item1 >= 0 || Solve.Ways[way] is AdaptiveSteps or FixedSteps { Method: ButcherTableau }) // a path has no more
            .Select(interval => (way, interval.Item1, interval.Item2))),
    ];

    [Theory, MemberData(nameof(Intervals))]
    public void The_field_is_evaluated_inside_the_interval_alone_and_reaches_its_end(string way, double start, double end)
    {
        var field = new RecordingField(FormulaField.Swirl(3));
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(field, Solve.Ways[way], count: 20, slots: 7) with { Start = start, End = end });

        Assert.All(field.Rows, row => Assert.InRange(row.Time, start, end));
        Assert.All(batch.Times, t => Assert.Equal(end, t));
        Assert.Equal(0, batch.Failed);
    }

    [Theory]
    [InlineData("heun")]
    [InlineData("rk4")]
    [InlineData("dopri5")]
    public void A_step_whose_length_is_rounded_up_does_not_lead_behind_the_end(string method)
    {
        const double Start = 0.068, End = 0.86;
        Assert.True(Start + (End - Start) > End);
        var field = new RecordingField(FormulaField.Swirl(3));
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(field, new FixedSteps(ButcherTableau.Named(method), 1), count: 5) with { Start = Start, End = End });
        Assert.All(field.Rows, row => Assert.InRange(row.Time, Start, End));
        Assert.All(batch.Times, t => Assert.Equal(End, t));
    }

    [Fact]
    public void A_field_that_stands_still_is_not_probed_behind_the_end_either()
    {
        var field = new RecordingField(new FormulaField(2, (_, _, _, v) => v.Clear()));
        OdeSolver.Solve(Solve.Problem(field, new AdaptiveSteps(), count: 3) with { Start = 0.25, End = 0.25 + 1e-7 }).EnsureSuccess();
        Assert.All(field.Rows, row => Assert.InRange(row.Time, 0.25, 0.25 + 1e-7));
    }

    [Theory]
    [InlineData(0.5, 0.5)]
    [InlineData(double.NaN, 1)]
    [InlineData(0, double.NaN)]
    [InlineData(0, double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity, 1)]
    public void An_interval_without_length_or_end_is_refused(double start, double end)
    {
        OdeProblem problem = Solve.Problem(FormulaField.Cosine, new AdaptiveSteps(), count: 1) with { Start = start, End = end };
        var error = Assert.Throws<ArgumentException>(() => OdeSolver.Solve(problem));
        Assert.Contains($"from t = {start} to {end}", error.Message);
    }

    [Fact]
    public void A_shape_that_is_not_the_fields_is_refused()
    {
        OdeProblem problem = Solve.Problem(FormulaField.Swirl(6), new AdaptiveSteps(), count: 1);
        Assert.Equal([2, 3], OdeSolver.Solve(problem with { Shape = [2, 3] }).Shape);
        var error = Assert.Throws<ArgumentException>(() => OdeSolver.Solve(problem with { Shape = [2, 2] }));
        Assert.Contains("[2, 2]", error.Message);
    }
}
