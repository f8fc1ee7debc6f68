using FlowRuntime.Ode;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>
/// A solve in coordinates in which Gaussian data stand still (<see cref="AdaptiveSteps.Moments"/>) is the same solve,
/// seen otherwise: states, times and failures are those of the original coordinates.
/// </summary>
public class WhitenedCoordinatesTests
{
    /// <summary>The mixture's mean is 0; its variance a value is 4²/2 + 0.3².</summary>
    private static readonly DataMoments OfEight = new([0], [Math.Sqrt(8.09)]);

    private static readonly double[] ThreeTimes = [0, 0.5, 1];

    [Theory]
    [InlineData("bosh3")]
    [InlineData("dopri5")]
    [InlineData("vern6-robust")]
    [InlineData("dop853")]
    public void The_flow_of_Gaussian_data_is_solved_in_a_few_steps_to_float_accuracy(string method)
    {
        OdeProblem problem = Solve.Problem(GaussianFlow.One.Field, Adaptive(method, 1e-3) with { Moments = new DataMoments([3, -2], [0.3]) }, count: 50, slots: 7);
        SampleBatch batch = OdeSolver.Solve(problem).EnsureSuccess();

        Assert.All(batch.Accepted, accepted => Assert.InRange(accepted, 1, 8)); // each ten times the one before
        Assert.All(batch.Rejected, rejected => Assert.Equal(0, rejected));
        for (int i = 0; i < batch.Count; i++)
        {
            float[] start = Start(problem, i);
            (double x, double y) = GaussianFlow.One.Carried(0, 1, start[0], start[1]);
            Assert.Equal(x, batch[i][0], 1e-4);
            Assert.Equal(y, batch[i][1], 1e-4);
        }
        SampleBatch plain = OdeSolver.Solve(problem with { Solver = Adaptive(method, 1e-3) });
        Assert.True(batch.Statistics.Evaluations < plain.Statistics.Evaluations);
    }

    /// <summary>One Gaussian whose values have means and scales of their own: x(1) = m + S x(0), value by value.</summary>
    [Fact]
    public void Mean_and_scale_may_be_given_value_by_value()
    {
        double[] mean = [3, -2, 0.5], scale = [0.3, 1.5, 4];
        var field = new FormulaField(3, (_, t, x, v) =>
        {
            for (int i = 0; i < 3; i++)
            {
                double variance = (1 - t) * (1 - t) + t * t * scale[i] * scale[i];
                v[i] = (float)(mean[i] + (t * scale[i] * scale[i] - (1 - t)) / variance * (x[i] - t * mean[i]));
            }
        });
        OdeProblem problem = Solve.Problem(field, Adaptive("dopri5", 1e-3) with { Moments = new DataMoments(mean, scale) }, count: 20);
        SampleBatch batch = OdeSolver.Solve(problem).EnsureSuccess();

        Assert.All(batch.Accepted, accepted => Assert.InRange(accepted, 1, 8));
        for (int i = 0; i < batch.Count; i++)
        {
            float[] start = Start(problem, i);
            for (int e = 0; e < 3; e++)
                Assert.Equal(mean[e] + scale[e] * start[e], batch[i][e], 2e-4);
        }
    }

    /// <summary>A value that is the same in all data, such as a corner of an image: x(1) = m whatever the noise was.</summary>
    [Fact]
    public void A_value_without_scale_ends_at_its_mean()
    {
        // v = (m − x)/(1 − t) for the first value, that of N(0, 1) for the second.
        var field = new FormulaField(2, (_, t, x, v) =>
        {
            v[0] = t < 1 ? (float)((0.75 - x[0]) / (1 - t)) : 0;
            v[1] = (float)((2 * t - 1) / ((1 - t) * (1 - t) + t * t) * x[1]);
        });
        OdeProblem problem = Solve.Problem(field, Adaptive("vern6-robust", 1e-3) with { Moments = new DataMoments([0.75, 0], [0, 1]) }, count: 10) with { TrajectoryTimes = ThreeTimes };
        SampleBatch batch = OdeSolver.Solve(problem);

        Assert.All(batch.Status, status => Assert.Equal(SampleStatus.Completed, status));
        for (int i = 0; i < batch.Count; i++)
        {
            Assert.Equal(0.75, batch[i][0], 1e-3);
            Assert.Equal(Start(problem, i)[1], batch[i][1], 1e-3);
        }
    }

    [Theory]
    [InlineData("bosh3", 1e-4)]
    [InlineData("dopri5", 1e-5)]
    public void The_end_points_of_mix8_are_those_of_the_reference(string method, double tolerance)
    {
        ReferenceFlow reference = ReferenceFlow.Named("mix8");
        OdeProblem problem = Solve.Problem(reference.Flow.Field, Adaptive(method, tolerance) with { Moments = OfEight }, reference.Count) with
        {
            InitialState = (index, x) => (x[0], x[1]) = ((float)reference.Starts[2 * index], (float)reference.Starts[2 * index + 1]),
        };

        Assert.InRange(Solve.RootMeanSquare(OdeSolver.Solve(problem).EnsureSuccess().Values, reference.Ends, dimension: 2), 0, 50 * tolerance);
    }

    [Fact]
    public void Trajectories_times_and_indices_are_those_of_the_original_coordinates()
    {
        double[] times = [0, 0.2, 0.5, 0.5, 0.9, 1];
        OdeProblem problem = Solve.Problem(GaussianFlow.Eight.Field, Adaptive("dopri5", 1e-6) with { Moments = OfEight }, count: 30, slots: 7, first: 5) with { TrajectoryTimes = times };
        SampleBatch batch = OdeSolver.Solve(problem).EnsureSuccess();
        SampleBatch plain = OdeSolver.Solve(problem with { Solver = Adaptive("dopri5", 1e-6) }).EnsureSuccess();

        Assert.Equal(times, batch.TrajectoryTimes);
        Assert.All(batch.Times, time => Assert.Equal(1, time));
        Assert.All(batch.Trajectories.Zip(plain.Trajectories), pair => Assert.Equal(pair.Second, pair.First, 2e-3));
        for (int i = 0; i < batch.Count; i++)
        {
            float[] start = Start(problem, 5 + i);
            Assert.Equal(start[0], batch.Trajectories[i * 12], 1e-6);
            Assert.Equal(start[1], batch.Trajectories[i * 12 + 1], 1e-6);
            Assert.True(Solve.SameBits(batch[i], batch.Trajectories.AsSpan(i * 12 + 10, 2)));
        }
    }

    /// <summary>Samples of odd index have no velocity after t = 0.5.</summary>
    [Fact]
    public void A_failed_sample_tells_its_time_and_state_in_the_original_coordinates()
    {
        var field = new FormulaField(2, (index, t, x, v) =>
        {
            (double first, double second) = GaussianFlow.Eight.Velocity(t, x[0], x[1]);
            (v[0], v[1]) = index % 2 == 1 && t > 0.5 ? (float.NaN, 0) : ((float)first, (float)second);
        });
        OdeProblem problem = Solve.Problem(field, Adaptive("bosh3", 1e-5) with { Moments = OfEight }, count: 20, slots: 7) with { TrajectoryTimes = ThreeTimes };
        SampleBatch batch = OdeSolver.Solve(problem);
        SampleBatch whole = OdeSolver.Solve(problem with { Field = GaussianFlow.Eight.Field, Solver = Adaptive("dopri5", 1e-6), TrajectoryTimes = [0.499999] });

        for (int i = 0; i < batch.Count; i++)
        {
            Assert.Equal(i % 2 == 1 ? SampleStatus.NonFinite : SampleStatus.Completed, batch.Status[i]);
            float[] end = batch.Trajectories[(i * 6 + 4)..(i * 6 + 6)];
            if (i % 2 == 0)
            {
                Assert.Equal(1, batch.Times[i]);
                Assert.True(Solve.SameBits(batch[i], end));
                continue;
            }
            Assert.Equal(0.5, batch.Times[i], 1e-3);
            Assert.All(end, value => Assert.True(float.IsNaN(value)));
            for (int e = 0; e < 2; e++) // where it stopped
                Assert.Equal(whole.Trajectories[2 * i + e], batch[i][e], 0.01);
        }
    }

    [Fact]
    public void A_solve_in_reverse_returns_to_the_start()
    {
        OdeProblem forward = Solve.Problem(GaussianFlow.Eight.Field, Adaptive("dopri5", 1e-6) with { Moments = OfEight }, count: 16, slots: 7);
        SampleBatch ends = OdeSolver.Solve(forward).EnsureSuccess();
        var field = new RecordingField(GaussianFlow.Eight.Field);
        SampleBatch starts = OdeSolver.Solve(forward with { Field = field, Start = 1, End = 0, InitialState = (index, x) => ends[(int)index].CopyTo(x) }).EnsureSuccess();

        for (int i = 0; i < starts.Count; i++)
        {
            float[] start = Start(forward, i);
            Assert.Equal(start[0], starts[i][0], 2e-3);
            Assert.Equal(start[1], starts[i][1], 2e-3);
        }
        Assert.All(starts.Times, time => Assert.Equal(0, time));
        Assert.All(field.Rows, row => Assert.InRange(row.Time, 0, 1));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0.25, 0.75)]
    [InlineData(0.001, 0.999)]
    [InlineData(1.0 / 3, 0.7)]
    [InlineData(0.1, 0.9)]
    [InlineData(0.7, 0.3)]
    [InlineData(0.999, 0.001)]
    public void The_field_is_not_evaluated_outside_the_solve(double start, double end)
    {
        foreach (double scale in new[] { 0.01, 0.3, 1, 2.8, 50 })
        {
            foreach (ProbabilityPath path in new ProbabilityPath[] { new ConditionalOtPath(), new ConditionalOtPath(0.01) })
            {
                var field = new RecordingField(GaussianFlow.Eight.Field);
                OdeProblem problem = Solve.Problem(field, Adaptive("dopri5", 1e-3) with { Moments = new DataMoments([0.1], [scale]) }, count: 5) with { Path = path, Start = start, End = end };
                SampleBatch batch = OdeSolver.Solve(problem).EnsureSuccess();

                Assert.All(field.Rows, row => Assert.InRange(row.Time, Math.Min(start, end), Math.Max(start, end)));
                Assert.All(batch.Times, time => Assert.Equal(end, time));
            }
        }
    }

    [Fact]
    public void The_result_of_a_sample_is_its_own_however_the_work_is_laid_out()
    {
        OdeProblem problem = Solve.Problem(GaussianFlow.Eight.Field, Adaptive("bosh3", 1e-3) with { Moments = OfEight }, count: 40, slots: 64);
        float[] expected = OdeSolver.Solve(problem).Values;
        Assert.True(Solve.SameBits(expected, OdeSolver.Solve(problem with { Slots = 3, Workers = 3 }).Values));
        Assert.True(Solve.SameBits(expected.AsSpan(20), OdeSolver.Solve(problem with { First = 10, Count = 30 }).Values));
    }

    [Fact]
    public void Without_a_path_it_is_refused() => Refused("OdeProblem.Path", problem => problem with { Path = null });

    [Theory]
    [InlineData(-0.1, 1)]
    [InlineData(0, 1.1)]
    [InlineData(1.1, 0)]
    [InlineData(1, -0.1)]
    public void A_solve_that_leaves_the_path_is_refused(double start, double end) => Refused("leaves it", problem => problem with { Start = start, End = end });

    public static TheoryData<double[], double[], string> BadMoments => new()
    {
        { [], [1], "mean has 0 numbers" },
        { [1, 2, 3], [1], "mean has 3 numbers" },
        { [double.NaN], [1], "mean" },
        { [0], [], "scale has 0 numbers" },
        { [0], [1, 1, 1], "scale has 3 numbers" },
        { [0], [double.PositiveInfinity], "scale" },
        { [0], [0], "one of them above" },
        { [0], [0, 0], "one of them above" },
        { [0], [1, -1], "at least 0" },
    };

    [Theory, MemberData(nameof(BadMoments))]
    public void Numbers_that_are_no_moments_are_refused(double[] mean, double[] scale, string named) =>
        Refused(named, problem => problem with { Solver = Adaptive("dopri5", 1e-3) with { Moments = new DataMoments(mean, scale) } });

    private static void Refused(string named, Func<OdeProblem, OdeProblem> change)
    {
        var field = new RecordingField(GaussianFlow.Eight.Field);
        OdeProblem problem = change(Solve.Problem(field, Adaptive("dopri5", 1e-3) with { Moments = OfEight }, count: 3));
        Assert.Contains(named, Assert.Throws<ArgumentException>(() => OdeSolver.Solve(problem)).Message);
        Assert.Equal(0, field.Calls);
    }

    private static AdaptiveSteps Adaptive(string method, double tolerance) =>
        new() { Method = (EmbeddedPair)ButcherTableau.Named(method), RelativeTolerance = tolerance, AbsoluteTolerance = tolerance };

    private static float[] Start(OdeProblem problem, long index)
    {
        float[] state = new float[problem.Field.Dimension];
        problem.InitialState(index, state);
        return state;
    }
}
