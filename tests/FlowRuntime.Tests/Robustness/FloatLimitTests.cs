using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests.Robustness;

/// <summary>What happens where float32 ends: tolerances below its rounding, errors and velocities beyond its squares, denormals.</summary>
public class FloatLimitTests
{
    public static TheoryData<string> Pairs => [.. ButcherTableau.All.OfType<EmbeddedPair>().Select(pair => pair.Name)];

    /// <summary>A step's estimate falls with the step and soon is within any tolerance; the rounding of the state does not fall.</summary>
    [Theory, MemberData(nameof(Pairs))]
    public void A_tolerance_below_the_rounding_of_the_state_is_not_claimed(string pair)
    {
        foreach (double tolerance in (double[])[2e-8, 1e-8, 1e-10, 1e-12])
        {
            SampleBatch batch = Solved(FormulaField.QuarterTurn, new AdaptiveSteps { Method = Named(pair), RelativeTolerance = tolerance, AbsoluteTolerance = tolerance }, 3, -2);
            Assert.Equal((SampleStatus.StepTooSmall, 0), (batch.Status[0], batch.Times[0]));
            Assert.Equal([3, -2], batch[0].ToArray());
            Assert.InRange(batch.Evaluations[0], 1, 2 + 60 * 13);
            Assert.Contains("what float32 rounds", Assert.Throws<SamplingException>(batch.EnsureSuccess).Message);
        }
    }

    /// <summary>A state of about 1 is 3e38 scales of a column, which no float32 holds.</summary>
    [Fact]
    public void A_finite_state_whose_data_are_beyond_float32_is_not_claimed()
    {
        using var folder = new TemporaryFolder();
        Cards.FlowCard card = TinyModel.Card with { Data = new Cards.DataCard(Columns: new Cards.ColumnsCard(["a", "b"], [0, 0], [3e38, 1])), Prior = new Cards.PriorCard(2, 0.1) };
        using FlowModel model = FlowModel.Open(TinyModel.Write(folder, "tiny.onnx", TinyModel.TimesTime(), card));
        SampleBatch batch = model.Sample(3);
        Assert.All(batch.Status, status => Assert.Equal(SampleStatus.NonFinite, status));
    }

    [Theory, MemberData(nameof(Pairs))]
    public void A_small_relative_tolerance_is_kept_where_the_absolute_one_allows_the_rounding(string pair)
    {
        SampleBatch batch = Solved(FormulaField.QuarterTurn, new AdaptiveSteps { Method = Named(pair), RelativeTolerance = 1e-12, AbsoluteTolerance = 1e-4 }, 3, -2).EnsureSuccess();
        Assert.Equal(2, batch[0][0], 1e-3);
        Assert.Equal(3, batch[0][1], 1e-3);
    }

    /// <summary>Nothing is rounded that does not move.</summary>
    [Theory, MemberData(nameof(Pairs))]
    public void A_field_at_rest_is_solved_for_any_tolerance_also_from_0(string pair)
    {
        foreach (double tolerance in (double[])[1e-1, 1e-12, 1e-46, double.Epsilon, 1e300])
        {
            SampleBatch batch = Solved(new FormulaField(3, (_, _, _, v) => v.Clear()), new AdaptiveSteps { Method = Named(pair), RelativeTolerance = tolerance, AbsoluteTolerance = tolerance }, 0, 7, -0.0f);
            Assert.Equal(SampleStatus.Completed, batch.EnsureSuccess().Status[0]);
            Assert.Equal([0, 7, 0], batch[0].ToArray());
        }
    }

    /// <summary>(1e10/1e-12)² is more than a float32 holds: the first step was taken for 0, and the sample given up.</summary>
    [Theory, MemberData(nameof(Pairs))]
    public void A_velocity_of_very_many_tolerances_is_solved_from_0(string pair)
    {
        var field = new FormulaField(1, (_, _, _, v) => v[0] = 1e10f);
        var solver = new AdaptiveSteps { Method = Named(pair), RelativeTolerance = 1e-3, AbsoluteTolerance = 1e-12 };
        foreach (double start in (double[])[0, 1e6])
        {
            SampleBatch batch = OdeSolver.Solve(Solve.Problem(field, solver, count: 1) with { InitialState = (_, x) => x[0] = 0, Start = start, End = start + 1 }).EnsureSuccess();
            Assert.Equal(1e10, batch[0][0], 1e6);
        }
    }

    /// <summary>Each attempt errs by 1e50 tolerances, whose square is infinite; the velocity is finite throughout.</summary>
    [Fact]
    public void An_error_of_too_many_tolerances_for_float32_is_a_large_one_and_no_fault_of_the_field()
    {
        var field = new FormulaField(1, (_, t, _, v) => v[0] = t > 0 ? 1e30f : 0);
        var solver = new AdaptiveSteps { Method = ButcherTableau.Dopri5, RelativeTolerance = 1e-20, AbsoluteTolerance = 1e-20, FirstStep = 1, MaxRejections = 5 };
        SampleBatch batch = Solved(field, solver, 0);
        Assert.Equal((SampleStatus.OutOfSteps, 5), (batch.Status[0], batch.Rejected[0]));
    }

    [Fact]
    public void Denormal_states_and_tolerances_are_solved()
    {
        var field = new FormulaField(1, (_, _, x, v) => v[0] = -x[0]);
        SampleBatch batch = Solved(field, new AdaptiveSteps { RelativeTolerance = 1e-3, AbsoluteTolerance = 1e-42 }, 1e-38f).EnsureSuccess();
        Assert.Equal(1e-38 * Math.Exp(-1), batch[0][0], 1e-40);
    }

    [Theory]
    [InlineData(0, 1e-300)]
    [InlineData(0, double.Epsilon)]
    [InlineData(1, 1.0000000000000002)]
    [InlineData(1, 0.9999999999999999)]
    [InlineData(-1e30, -1.0000000001e30)]
    public void The_shortest_intervals_are_solved(double start, double end)
    {
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(FormulaField.QuarterTurn, new AdaptiveSteps { Method = ButcherTableau.Dopri5 }, count: 1) with { Start = start, End = end, Slots = 1 });
        Assert.True(batch.Status[0] != SampleStatus.Completed || batch.Times[0] == end);
        if (Math.Abs(end - start) < 1)
            Assert.Equal(SampleStatus.Completed, batch.Status[0]);
    }

    /// <summary>A logarithm takes another way where one number of its vector is infinite or none, and the last bits of all depend on it.</summary>
    [Fact]
    public void A_rows_next_step_does_not_depend_on_whether_its_neighbours_have_one()
    {
        double[] alone = new double[16], among = new double[16];
        var random = new Random(1);
        for (int trial = 0; trial < 2000; trial++)
        {
            double square = Math.Pow(10, -12 * random.NextDouble());
            foreach (double other in (double[])[double.NaN, double.PositiveInfinity, 0, double.MaxValue, double.Epsilon])
            {
                (RowControllers first, RowControllers second) = (New(), New());
                Array.Fill(alone, square);
                Array.Fill(among, other);
                among[1] = square;
                first.Judge(alone, 4);
                second.Judge(among, 4);
                Assert.Equal(BitConverter.DoubleToInt64Bits(first.Factors[1]), BitConverter.DoubleToInt64Bits(second.Factors[1]));
            }
        }

        static RowControllers New()
        {
            var controllers = new RowControllers(StepController.PI, errorOrder: 3, rows: 16);
            controllers.Begin(0, 16);
            return controllers;
        }
    }

    /// <summary>The first step, too: some of the others are at rest, or leave float32.</summary>
    [Fact]
    public void A_sample_among_others_at_rest_or_beyond_numbers_is_the_same_bit_for_bit()
    {
        var field = new FormulaField(2, (index, t, x, v) =>
        {
            float factor = (index % 4) switch { 1 => 0, 2 => float.NaN, 3 => 1e25f, _ => 1 };
            (v[0], v[1]) = (factor * MathF.Sin(3 * x[1]), -factor * x[0]);
        });
        OdeProblem problem = Solve.Problem(field, new AdaptiveSteps { Method = ButcherTableau.Dopri5, RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-6, MaxSteps = 200 }, count: 160, slots: 64);
        SampleBatch all = OdeSolver.Solve(problem);
        for (int i = 0; i < 160; i += 4)
        {
            SampleBatch alone = OdeSolver.Solve(problem with { First = i, Count = 1 });
            Assert.True(Solve.SameBits(alone[0], all[i]) && alone.Evaluations[0] == all.Evaluations[i], $"sample {i}");
        }
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.NegativeInfinity)]
    public void Exponents_of_a_controller_are_finite(double exponent)
    {
        Assert.Contains("finite exponent", Assert.Throws<ArgumentOutOfRangeException>(() => new StepController(exponent, 0, 0)).Message);
        Assert.Contains("finite exponent", Assert.Throws<ArgumentOutOfRangeException>(() => StepController.PI with { Beta3 = exponent }).Message);
    }

    [Fact]
    public void Numbers_that_float32_does_not_hold_are_refused_where_they_are_given()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new Guidance(1e39));
        OdeProblem problem = Solve.Problem(FormulaField.QuarterTurn, new AdaptiveSteps { Moments = new DataMoments([1e39], [1]) }, count: 1);
        Assert.Contains("finite", Assert.Throws<ArgumentException>(() => OdeSolver.Solve(problem)).Message);
    }

    /// <summary>In z = x/10 it is 6e37; in x it is 6e38 and none.</summary>
    [Fact]
    public void A_state_that_is_finite_in_its_coordinates_alone_is_no_success()
    {
        var field = new FormulaField(1, (_, _, _, v) => v[0] = 3e38f);
        OdeProblem problem = Solve.Problem(field, new AdaptiveSteps { Moments = new DataMoments([0], [10]) }, count: 1) with { InitialState = (_, x) => x[0] = 3e38f };
        Assert.Equal(SampleStatus.NonFinite, OdeSolver.Solve(problem).Status[0]);
    }

    private static EmbeddedPair Named(string pair) => (EmbeddedPair)ButcherTableau.Named(pair);

    private static SampleBatch Solved(IVelocityField field, AdaptiveSteps solver, params float[] start) =>
        OdeSolver.Solve(Solve.Problem(field, solver, count: 1) with { InitialState = (_, x) => start.CopyTo(x) });
}
