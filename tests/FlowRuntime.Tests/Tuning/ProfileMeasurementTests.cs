using FlowRuntime.Ode;
using FlowRuntime.Sampling;
using FlowRuntime.Tuning;

namespace FlowRuntime.Tests;

/// <summary>A measured profile's step is the largest whose error stays within 0.8 of the tolerance for nine samples in ten.</summary>
public class ProfileMeasurementTests
{
    private const int Samples = 40;

    private static readonly double[] FromLooseToTight = [1e-2, 5e-3, 3e-3, 2e-3, 1e-3, 5e-4, 3e-4, 2e-4, 1e-4, 1e-5];

    public static TheoryData<string, double> PairsAndTolerances => new()
    {
        { "bosh3", 1e-3 }, { "bosh3", 1e-4 }, { "heun-euler", 1e-2 }, { "dopri5", 1e-4 }, { "tsit5", 1e-3 },
    };

    /// <summary>
    /// On dx/dt = x cos t, sample i's speed aside, a step of h from x(t) is done here once more, in double precision and
    /// by the tableau's numbers alone: its error over tolerance · (1 + |x|) is 0.8 for the sample a tenth from the worst.
    /// </summary>
    [Theory, MemberData(nameof(PairsAndTolerances))]
    public void A_step_of_the_profile_has_an_error_of_four_fifths_of_the_tolerance(string method, double tolerance)
    {
        var pair = (EmbeddedPair)ButcherTableau.Named(method);
        StepProfile profile = SolverTuner.MeasureProfile(Problem(), pair, cancellationToken: TestContext.Current.CancellationToken);

        double[] times = StepProfile.TimesOf(profile.Steps[0].Count);
        int row = profile.Tolerances.ToList().FindIndex(value => Math.Abs(value / tolerance - 1) < 1e-9);
        int checkedNodes = 0;
        foreach (int node in new[] { 0, 3, 7, 11, 16 })
        {
            double h = profile.Steps[row][node];
            if (1.3 * h > 1 - times[node])
                continue; // the whole rest is within the tolerance
            Assert.InRange(ErrorATenthFromTheWorst(pair, tolerance, times[node], h), 0.7, 0.9);
            Assert.True(ErrorATenthFromTheWorst(pair, tolerance, times[node], 1.3 * h) > 1);
            checkedNodes++;
        }
        Assert.InRange(checkedNodes, 2, 5);
    }

    [Theory]
    [InlineData("mix8")]
    [InlineData("mix8_stiff")]
    public void A_profile_reaches_the_same_error_with_fewer_evaluations_and_hardly_any_rejected_step(string name)
    {
        ReferenceFlow reference = ReferenceFlow.Named(name);
        EmbeddedPair pair = ButcherTableau.Bosh3;
        // Measured on other samples than those it is used on.
        OdeProblem calibration = Solve.Problem(reference.Flow.Field, new AdaptiveSteps(), count: 128, first: 1000);
        StepProfile profile = SolverTuner.MeasureProfile(calibration, pair, cancellationToken: TestContext.Current.CancellationToken);
        SampleBatch Solved(double tolerance, StepProfile? with) => OdeSolver.Solve(Solve.Problem(reference.Flow.Field, new AdaptiveSteps
        {
            Method = pair,
            RelativeTolerance = tolerance,
            AbsoluteTolerance = tolerance,
            Profile = with,
        }, reference.Count) with
        {
            InitialState = (index, x) => (x[0], x[1]) = ((float)reference.Starts[2 * index], (float)reference.Starts[2 * index + 1]),
        }).EnsureSuccess();
        // The worst hundredth lies on a border between two modes, and ends where any change sends it.
        double ErrorOf(SampleBatch batch) => Math.Sqrt(Enumerable.Range(0, batch.Count)
            .Select(i => Math.Pow(batch[i][0] - reference.Ends[2 * i], 2) + Math.Pow(batch[i][1] - reference.Ends[2 * i + 1], 2))
            .Order().Take(batch.Count * 99 / 100).Average());

        SampleBatch profiled = Solved(1e-3, profile);
        double error = ErrorOf(profiled);
        SampleBatch plain = FromLooseToTight.Select(tolerance => Solved(tolerance, null)).First(batch => ErrorOf(batch) <= error);

        Assert.True(profiled.Statistics.Evaluations < plain.Statistics.Evaluations, $"{profiled.Statistics.Evaluations} with, {plain.Statistics.Evaluations} without, error {error}.");
        Assert.InRange((double)profiled.Statistics.Rejected / profiled.Statistics.Accepted, 0, 0.1);
        Assert.InRange(error, 0, 0.05);
    }

    [Fact]
    public void A_profile_is_of_its_pair_and_coordinates()
    {
        OdeProblem problem = Solve.Problem(GaussianFlow.Eight.Field, new AdaptiveSteps(), count: 32);
        StepProfile plain = SolverTuner.MeasureProfile(problem, ButcherTableau.Tsit5, cancellationToken: TestContext.Current.CancellationToken);
        StepProfile whitened = SolverTuner.MeasureProfile(problem, ButcherTableau.Tsit5, new DataMoments([0], [2.8]), TestContext.Current.CancellationToken);

        Assert.Equal((ButcherTableau.Tsit5, false), (plain.Method, plain.IsWhitened));
        Assert.Equal((ButcherTableau.Tsit5, true), (whitened.Method, whitened.IsWhitened));
        // A larger tolerance never allows a shorter step.
        foreach (StepProfile profile in new[] { plain, whitened })
            Assert.All(profile.Steps.Zip(profile.Steps.Skip(1)), rows => Assert.All(rows.First.Zip(rows.Second), pair => Assert.True(pair.First <= pair.Second)));
    }

    [Theory]
    [InlineData(0.25, 0.75)]
    [InlineData(0, 0.9)]
    [InlineData(0.001, 1)]
    public void A_profile_of_a_part_of_the_path_looks_at_that_part_alone(double start, double end)
    {
        foreach (DataMoments? moments in new[] { null, new DataMoments([0], [2.8]) })
        {
            var field = new RecordingField(GaussianFlow.Eight.Field);
            StepProfile profile = SolverTuner.MeasureProfile(Solve.Problem(field, new AdaptiveSteps(), count: 16) with { Start = start, End = end },
                ButcherTableau.Bosh3, moments, TestContext.Current.CancellationToken);

            Assert.All(field.Rows, row => Assert.InRange(row.Time, start, end));
            Assert.All(profile.Steps, row => Assert.All(row, step => Assert.InRange(step, 1e-9, 10)));
        }
    }

    [Fact]
    public void A_pair_with_a_second_estimate_is_refused()
    {
        var error = Assert.Throws<ArgumentException>(() => SolverTuner.MeasureProfile(Problem(), ButcherTableau.Dop853));
        Assert.Equal("pair", error.ParamName);
        Assert.Contains("dop853", error.Message);
        Assert.Contains("dopri5", error.Message);
    }

    [Fact]
    public void A_solve_in_reverse_is_refused()
    {
        var error = Assert.Throws<ArgumentException>(() => SolverTuner.MeasureProfile(Problem() with { Start = 1, End = 0 }, ButcherTableau.Bosh3));
        Assert.Equal("problem", error.ParamName);
        Assert.Contains("start before its end", error.Message);
    }

    [Fact]
    public void Whitened_coordinates_without_a_path_are_refused()
    {
        var error = Assert.Throws<ArgumentException>(() => SolverTuner.MeasureProfile(Problem() with { Path = null }, ButcherTableau.Bosh3, new DataMoments([0], [1])));
        Assert.Equal("problem", error.ParamName);
        Assert.Contains("OdeProblem.Path", error.Message);
    }

    [Fact]
    public void A_field_without_a_tight_solution_is_refused()
    {
        var broken = new FormulaField(1, (_, t, _, v) => v[0] = t > 0.5 ? float.NaN : 1);
        Assert.Throws<SamplingException>(() => SolverTuner.MeasureProfile(Solve.Problem(broken, new AdaptiveSteps(), count: 8), ButcherTableau.Bosh3));
    }

    [Fact]
    public void A_cancelled_measurement_ends()
    {
        using var cancellation = new CancellationTokenSource();
        var field = new RecordingField(GaussianFlow.Eight.Field) { OnCall = call => { if (call == 500) cancellation.Cancel(); } };
        Assert.Throws<OperationCanceledException>(() => SolverTuner.MeasureProfile(
            Solve.Problem(field, new AdaptiveSteps(), count: 8), ButcherTableau.Bosh3, cancellationToken: cancellation.Token));
        Assert.InRange(field.Calls, 500, 501);
    }

    /// <summary>dx/dt = s x cos 3t with the speed s = 1 + i/10 of sample i: x(t) = x(0) exp(s sin(3t)/3).</summary>
    private static double Speed(long index) => 1 + index / 10.0;

    private static OdeProblem Problem() => Solve.Problem(
        new FormulaField(1, (index, t, x, v) => v[0] = (float)(Speed(index) * x[0] * Math.Cos(3 * t))), new AdaptiveSteps(), Samples) with
    {
        InitialState = (index, x) => x[0] = 1 + index % 5,
    };

    /// <summary>The scaled error of the sample that a tenth of the others exceed, one step of h after its true state at t.</summary>
    private static double ErrorATenthFromTheWorst(EmbeddedPair pair, double tolerance, double t, double h)
    {
        double[] errors = [.. Enumerable.Range(0, Samples).Select(index =>
        {
            double speed = Speed(index), x = (1 + index % 5) * Math.Exp(speed * Math.Sin(3 * t) / 3), next = x, error = 0;
            double[] k = new double[pair.Stages];
            for (int i = 0; i < pair.Stages; i++)
            {
                double stage = x;
                for (int j = 0; j < i; j++)
                    stage += h * pair.A(i)[j] * k[j];
                k[i] = speed * stage * Math.Cos(3 * (t + pair.C[i] * h));
                next += h * pair.B[i] * k[i];
                error += h * pair.ErrorWeights[i] * k[i];
            }
            return Math.Abs(error) / (tolerance * (1 + Math.Max(Math.Abs(x), Math.Abs(next))));
        }).OrderDescending()];
        return errors[Samples / 10];
    }
}
