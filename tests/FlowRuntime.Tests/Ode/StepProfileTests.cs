using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>The table of the largest steps: what it says, where it holds, and that it never costs accuracy.</summary>
public class StepProfileTests
{
    private const double Tolerance = 1e-3;
    private static readonly double[] Steps = [0.01, 0.05, 0.02, 0.008, 0.015];

    /// <summary>v = 1 has no error, so that every step would be ten times the last one.</summary>
    private static readonly FormulaField Straight = new(1, (_, _, _, v) => v[0] = 1);

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0.3, 0.8)]
    public void Steps_are_those_of_the_table_where_nothing_else_bounds_them(double start, double end)
    {
        double[] ends = StepEnds(With(Profile(Tolerance, Steps)), start, end);
        double t = start;
        foreach (double next in ends[..^2]) // the last but one may be what a hundredth more would have saved
        {
            Assert.Equal(Expected(t), next - t, 1e-9);
            t = next;
        }
        Assert.True(ends.Length > 20);

        // Between two nodes of w = log(1.001 − t), equally far apart, log h is on the straight line.
        static double Expected(double t)
        {
            double place = (Math.Log(1.001 - t) - Math.Log(1.001)) / (Math.Log(0.001) - Math.Log(1.001)) * (Steps.Length - 1);
            int node = (int)Math.Floor(place);
            return Math.Pow(Steps[node], node + 1 - place) * Math.Pow(Steps[node + 1], place - node);
        }
    }

    [Fact]
    public void The_times_of_the_table_are_equally_far_apart_in_log_of_the_time_left()
    {
        double[] times = StepProfile.TimesOf(5);
        Assert.Equal((0, 1), (times[0], times[^1]));
        double[] logs = [.. times.Select(t => Math.Log(1.001 - t))];
        Assert.All(logs.Zip(logs.Skip(1)), pair => Assert.Equal((Math.Log(0.001) - Math.Log(1.001)) / 4, pair.Second - pair.First, 1e-9));
        StepProfile profile = Profile(Tolerance, Steps);
        Assert.Equal([Tolerance], profile.Tolerances);
        Assert.All(profile.Steps[0].Zip(Steps), pair => Assert.Equal(pair.Second, pair.First, 1e-12));
    }

    /// <summary>Tolerances 1e-5 and 1e-3 with steps 0.01 and 0.04; the tolerance is √(rtol · atol), the order of dopri5's estimate 5.</summary>
    [Theory]
    [InlineData(1e-5, 1e-5, 0.01)]
    [InlineData(1e-3, 1e-3, 0.04)]
    [InlineData(1e-4, 1e-4, 0.02)]
    [InlineData(1e-3, 1e-5, 0.02)]
    [InlineData(32e-3, 32e-3, 0.08)]
    [InlineData(1e-5 / 32, 1e-5 / 32, 0.005)]
    public void Between_its_tolerances_the_logarithm_is_interpolated_and_beyond_them_it_grows_with_their_fifth_root(double rtol, double atol, double step)
    {
        var profile = new StepProfile(ButcherTableau.Dopri5, [1e-5, 1e-3], [[0.01, 0.01], [0.04, 0.04]]);
        double[] ends = StepEnds(new AdaptiveSteps { Method = ButcherTableau.Dopri5, Profile = profile, RelativeTolerance = rtol, AbsoluteTolerance = atol }, 0, 1);
        Assert.Equal(step, ends[0], 1e-9);
        Assert.Equal(2 * step, ends[1], 1e-9);
    }

    [Fact]
    public void A_profile_needs_no_probe_and_gives_the_first_step()
    {
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(FormulaField.Swirl(3), With(Profile(Tolerance, [0.02, 0.02])), count: 40, slots: 7));
        Assert.Equal(batch.Accepted.Zip(batch.Rejected, (accepted, rejected) => 1 + 6 * (accepted + rejected)), batch.Evaluations);
        Assert.Equal(0.02, StepEnds(With(Profile(Tolerance, [0.02, 0.02])), 0, 1)[0], 1e-9);
        // A given first step holds within it.
        Assert.Equal(0.01, StepEnds(With(Profile(Tolerance, [0.02, 0.02])) with { FirstStep = 0.01 }, 0, 1)[0], 1e-12);
        Assert.Equal(0.02, StepEnds(With(Profile(Tolerance, [0.02, 0.02])) with { FirstStep = 0.5 }, 0, 1)[0], 1e-9);
    }

    [Fact]
    public void It_holds_neither_in_reverse_nor_for_another_method()
    {
        var profile = Profile(Tolerance, [1e-3, 1e-3]);
        OdeProblem forward = Solve.Problem(FormulaField.Swirl(3), With(null), count: 20, slots: 7), reverse = forward with { Start = 1, End = 0 };
        AssertSame(OdeSolver.Solve(reverse), OdeSolver.Solve(reverse with { Solver = With(profile) }));
        foreach (EmbeddedPair other in new[] { ButcherTableau.Tsit5, ButcherTableau.HeunEuler })
        {
            AssertSame(OdeSolver.Solve(forward with { Solver = With(null) with { Method = other } }),
                OdeSolver.Solve(forward with { Solver = With(profile) with { Method = other } }));
        }

        static void AssertSame(SampleBatch expected, SampleBatch actual)
        {
            Assert.True(Solve.SameBits(expected.Values, actual.Values));
            Assert.Equal(expected.Evaluations, actual.Evaluations);
        }
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(1)]
    [InlineData(10)]
    public void A_profile_that_is_ten_times_wrong_costs_evaluations_and_no_accuracy(double wrong)
    {
        const double Tight = 1e-4;
        ReferenceFlow reference = ReferenceFlow.Named("mix8");
        double[] right = [0.1, 0.1, 0.08, 0.05, 0.02];
        var solver = new AdaptiveSteps { Method = ButcherTableau.Dopri5, RelativeTolerance = Tight, AbsoluteTolerance = Tight };
        SampleBatch plain = SolveFrom(reference, solver);
        SampleBatch batch = SolveFrom(reference, solver with { Profile = Profile(Tight, [.. right.Select(step => wrong * step)]) });
        Assert.InRange(Solve.RootMeanSquare(batch.EnsureSuccess().Values, reference.Ends, dimension: 2), 0, 10 * Tight);
        if (wrong < 1)
            Assert.True(batch.Statistics.Evaluations > 3 * plain.Statistics.Evaluations);
        else
            Assert.InRange(batch.Statistics.Evaluations, 0.5 * plain.Statistics.Evaluations, 2 * plain.Statistics.Evaluations);
    }

    /// <summary>A rejected step is tried again as its own error says, not as the table does.</summary>
    [Fact]
    public void A_profile_that_is_far_too_large_rejects_the_first_step_and_goes_on()
    {
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(FormulaField.Swirl(3), With(Profile(Tolerance, [1e6, 1e6])), count: 40, slots: 7));
        Assert.Equal(0, batch.Failed);
        Assert.All(batch.Rejected, rejected => Assert.True(rejected > 0));
    }

    public static TheoryData<string, double[], double[][]> BadTables => new()
    {
        { "0 tolerances", [], [] },
        { "1 tolerances and 2 rows", [1e-3], [[1, 1], [1, 1]] },
        { "number 1 is 0.001", [1e-3, 1e-3], [[1, 1], [1, 1]] },
        { "number 1 is 0.0001", [1e-3, 1e-4], [[1, 1], [1, 1]] },
        { "number 0 is 0", [0], [[1, 1]] },
        { "number 0 is NaN", [double.NaN], [[1, 1]] },
        { "Row 0", [1e-3], [[1]] },
        { "Row 1", [1e-4, 1e-3], [[1, 1], [1, 1, 1]] },
        { "Row 1", [1e-4, 1e-3], [[1, 1], [1, 0]] },
        { "Row 0", [1e-4], [[1, double.NaN]] },
        { "Row 0", [1e-4], [[double.PositiveInfinity, 1]] },
    };

    [Theory, MemberData(nameof(BadTables))]
    public void A_table_that_is_no_profile_is_refused_by_the_place(string named, double[] tolerances, double[][] steps) =>
        Assert.Contains(named, Assert.Throws<ArgumentException>(() => new StepProfile(ButcherTableau.Dopri5, tolerances, steps)).Message);

    private static StepProfile Profile(double tolerance, double[] steps) => new(ButcherTableau.Dopri5, [tolerance], [steps]);

    private static AdaptiveSteps With(StepProfile? profile) => new() { Method = ButcherTableau.Dopri5, Profile = profile, RelativeTolerance = Tolerance, AbsoluteTolerance = Tolerance };

    /// <summary>The ends of the steps of one sample of the straight field; each is looked at twice by dopri5, as node 1 and as its result.</summary>
    private static double[] StepEnds(AdaptiveSteps solver, double start, double end)
    {
        var field = new RecordingField(Straight);
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(field, solver, count: 1) with { Start = start, End = end });
        Assert.Equal(0, batch.Rejected[0]);
        return [.. field.Rows.Skip(1).Chunk(6).Select(step => step[^1].Time)];
    }

    private static SampleBatch SolveFrom(ReferenceFlow reference, SolverOptions solver) =>
        OdeSolver.Solve(Solve.Problem(reference.Flow.Field, solver, reference.Count) with
        {
            InitialState = (index, x) => (x[0], x[1]) = ((float)reference.Starts[2 * index], (float)reference.Starts[2 * index + 1]),
        });
}
