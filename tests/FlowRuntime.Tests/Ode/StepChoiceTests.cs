using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>What a sample may choose of its steps: the first one, how many, how many in vain, and by which controller.</summary>
public class StepChoiceTests
{
    public static TheoryData<string> Pairs => [.. ButcherTableau.All.OfType<EmbeddedPair>().Select(pair => pair.Name)];

    [Theory, MemberData(nameof(Pairs))]
    public void A_given_first_step_is_taken_and_saves_the_probe(string name)
    {
        EmbeddedPair pair = Named(name);
        var solver = new AdaptiveSteps { Method = pair, FirstStep = 0.01, RelativeTolerance = 1e-2, AbsoluteTolerance = 1e-2 };
        var field = new RecordingField(FormulaField.Swirl(3));
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(field, solver, count: 1));
        Assert.Equal(pair.C.ToArray().Select(c => 0.01 * c), field.Rows.Take(pair.Stages).Select(row => row.Time), (left, right) => Math.Abs(left - right) < 1e-15);

        int attempts = batch.Accepted[0] + batch.Rejected[0];
        int first = pair.LastStageIsNextFirst ? 1 : batch.Accepted[0];
        Assert.Equal(first + attempts * (pair.Stages - 1), batch.Evaluations[0]);
    }

    [Fact]
    public void A_first_step_beyond_the_end_leads_to_the_end()
    {
        foreach ((double start, double end) in new[] { (0, 1), (1, 0), (0.2, 0.3) })
        {
            var field = new RecordingField(FormulaField.QuarterTurn);
            SampleBatch batch = OdeSolver.Solve(Solve.Problem(field, new AdaptiveSteps { FirstStep = 100, RelativeTolerance = 1, AbsoluteTolerance = 1 }, count: 1) with { Start = start, End = end });
            Assert.Equal((1, 0, end), (batch.Accepted[0], batch.Rejected[0], batch.Times[0]));
            Assert.Equal(end, field.Rows.Last().Time);
        }
    }

    /// <summary>A velocity that is noise in t: no step of a size that is tried here is small enough.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void A_sample_is_given_up_after_as_many_rejections_in_a_row_as_are_allowed(int most)
    {
        var noise = new FormulaField(1, (_, t, _, v) => v[0] = 1e20f * (float)Math.Sin(1e12 * t));
        foreach (EmbeddedPair pair in new[] { ButcherTableau.Dopri5, ButcherTableau.HeunEuler, ButcherTableau.Dop853 })
        {
            var solver = new AdaptiveSteps { Method = pair, MaxRejections = most, FirstStep = 0.1, RelativeTolerance = 1e-4, AbsoluteTolerance = 1e-4 };
            SampleBatch batch = OdeSolver.Solve(Solve.Problem(noise, solver, count: 3, slots: 2) with { Start = 1.0 / 3 });
            for (int i = 0; i < 3; i++)
                Assert.Equal((SampleStatus.OutOfSteps, 0, most, 1.0 / 3), (batch.Status[i], batch.Accepted[i], batch.Rejected[i], batch.Times[i]));
            Assert.Contains("MaxRejections", Assert.Throws<SamplingException>(batch.EnsureSuccess).Message);
        }
    }

    [Fact]
    public void A_velocity_that_is_not_finite_is_the_cause_also_where_few_rejections_are_allowed()
    {
        var field = new FormulaField(1, (_, t, _, v) => v[0] = t < 0.001 ? 1 : float.NaN);
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(field, new AdaptiveSteps { FirstStep = 1, MaxRejections = 3 }, count: 1));
        Assert.Equal((SampleStatus.NonFinite, 3), (batch.Status[0], batch.Rejected[0]));
    }

    /// <summary>v jumps at each quarter, which costs some rejections there; together they are more than are allowed in a row.</summary>
    [Fact]
    public void Rejections_count_anew_after_each_accepted_step()
    {
        var field = new FormulaField(1, (_, t, _, v) => v[0] = (int)(4 * t) % 2 == 0 ? 100 : -100);
        SampleBatch free = OdeSolver.Solve(Solve.Problem(field, new AdaptiveSteps(), count: 1));
        int inARow = Enumerable.Range(1, 50).First(most => OdeSolver.Solve(Solve.Problem(field, new AdaptiveSteps { MaxRejections = most }, count: 1)).Failed == 0);
        Assert.True(free.Rejected[0] > inARow, $"{free.Rejected[0]} rejections, {inARow} in a row");
    }

    /// <summary>A controller, and how many tolerances the error of half the samples on mix8 may be: bolder steps, larger errors.</summary>
    public static TheoryData<string, StepController, double> Controllers => new()
    {
        { "I", StepController.I, 6 },
        { "PI", StepController.PI, 2 },
        { "PID", StepController.PID, 2 },
    };

    [Theory, MemberData(nameof(Controllers))]
    public void Every_controller_keeps_the_tolerance(string name, StepController controller, double multiple)
    {
        ReferenceFlow reference = ReferenceFlow.Named("mix8");
        long evaluations = 0;
        foreach (double tolerance in new[] { 1e-2, 1e-3, 1e-4, 1e-5 })
        {
            var solver = new AdaptiveSteps { Method = ButcherTableau.Dopri5, Controller = controller, RelativeTolerance = tolerance, AbsoluteTolerance = tolerance };
            SampleBatch batch = OdeSolver.Solve(Solve.Problem(reference.Flow.Field, solver, reference.Count) with
            {
                InitialState = (index, x) => (x[0], x[1]) = ((float)reference.Starts[2 * index], (float)reference.Starts[2 * index + 1]),
            }).EnsureSuccess();
            // The median, since samples that pass between two of the Gaussians magnify any error.
            double[] errors = [.. Enumerable.Range(0, reference.Count)
                .Select(i => Math.Max(Math.Abs(batch[i][0] - reference.Ends[2 * i]), Math.Abs(batch[i][1] - reference.Ends[2 * i + 1]))).Order()];
            Assert.True(errors[reference.Count / 2] < multiple * tolerance, $"{name} at {tolerance}: error {errors[reference.Count / 2]}");
            Assert.True(batch.Statistics.Evaluations > evaluations, $"{name} at {tolerance}: {batch.Statistics.Evaluations} evaluations");
            evaluations = batch.Statistics.Evaluations;
        }
    }

    /// <summary>
    /// One step of a known size is accepted where the tolerance is a hundredth above its error estimate in double precision
    /// (for dop853 that of two comparisons), and rejected where it is a hundredth below.
    /// </summary>
    [Theory]
    [InlineData("heun-euler", 0.5)]
    [InlineData("bosh3", 0.8)]
    [InlineData("dopri5", 1.5)]
    [InlineData("tsit5", 1.5)]
    [InlineData("vern6", 2.5)]
    [InlineData("dop853", 4)]
    public void A_step_is_accepted_if_its_estimated_error_is_within_the_tolerance(string name, double h)
    {
        EmbeddedPair pair = Named(name);
        double estimate = PlainStepper.Turn.EstimateOf(pair, 0.2, h);
        Assert.True(estimate > 1e-3, $"the estimate {estimate} is near the round-off");
        Assert.Equal((1, 0), Judged(1.01 * estimate));
        Assert.Equal((0, 1), Judged(0.99 * estimate));

        (int Accepted, int Rejected) Judged(double tolerance)
        {
            var field = new FormulaField(2, (_, t, x, v) =>
            {
                double[] velocity = PlainStepper.Turn.Velocity(t, [x[0], x[1]]);
                (v[0], v[1]) = ((float)velocity[0], (float)velocity[1]);
            });
            var solver = new AdaptiveSteps { Method = pair, FirstStep = h, MaxSteps = 1, AbsoluteTolerance = tolerance, RelativeTolerance = 1e-12 };
            double[] start = PlainStepper.Turn.Exact(0.2);
            SampleBatch batch = OdeSolver.Solve(Solve.Problem(field, solver, count: 1) with
            {
                InitialState = (_, x) => (x[0], x[1]) = ((float)start[0], (float)start[1]),
                Start = 0.2,
                End = 100,
            });
            return (batch.Accepted[0], batch.Rejected[0]);
        }
    }

    [Theory, InlineData(0.0), InlineData(-1.0), InlineData(double.NaN), InlineData(double.PositiveInfinity)]
    public void A_first_step_that_is_not_positive_and_finite_is_refused(double step) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new AdaptiveSteps { FirstStep = step });

    [Fact]
    public void Limits_below_1_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new AdaptiveSteps { MaxSteps = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new AdaptiveSteps { MaxRejections = 0 });
    }

    private static EmbeddedPair Named(string name) => (EmbeddedPair)ButcherTableau.Named(name);
}
