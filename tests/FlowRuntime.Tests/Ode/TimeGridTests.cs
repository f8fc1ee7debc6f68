using System.Globalization;
using FlowRuntime.Ode;
using FlowRuntime.Paths;

namespace FlowRuntime.Tests;

/// <summary>The times of a grid: from the start to the end exactly, without a step of no length.</summary>
public class TimeGridTests
{
    private static readonly Dictionary<string, TimeGrid> Grids = new()
    {
        ["uniform"] = TimeGrid.Uniform,
        ["cosine"] = TimeGrid.Cosine,
        ["shift:3"] = TimeGrid.Shift(3),
        ["shift:0.5"] = TimeGrid.Shift(0.5),
        ["karras:7"] = TimeGrid.Karras(),
        ["karras:1"] = TimeGrid.Karras(1),
    };

    public static TheoryData<string> Names => [.. Grids.Keys];

    [Theory, MemberData(nameof(Names))]
    public void The_times_run_strictly_from_the_start_to_the_end_in_both_directions(string name)
    {
        foreach ((double start, double end) in new[] { (0, 1), (0.1, 0.9), (1e-5, 1 - 1e-5), (1.0 / 3, 0.7), (0.5, 0.5 + 1e-6) })
        {
            foreach (int steps in new[] { 1, 2, 3, 17, 1000 })
            {
                foreach (double sigmaMin in new[] { 0, 0.01 })
                {
                    var path = new ConditionalOtPath(sigmaMin);
                    double[] times = Grids[name].Times(steps, start, end, path);
                    Assert.Equal((steps + 1, start, end), (times.Length, times[0], times[^1]));
                    for (int i = 1; i <= steps; i++)
                        Assert.True(times[i] > times[i - 1], $"{steps} steps from {start} to {end}: {times[i - 1]}, {times[i]} at {i}");
                    Assert.Equal(times.Reverse(), Grids[name].Times(steps, end, start, path));
                }
            }
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void A_grid_is_named_as_command_lines_write_it(string name) => Assert.Equal(name, Grids[name].ToString());

    [Fact]
    public void Equal_steps_and_the_cosine_s_stand_where_their_formulas_say()
    {
        Assert.Equal([-1, -0.5, 0, 0.5, 1], TimeGrid.Uniform.Times(4, -1, 1, null));
        double half = Math.Sqrt(0.5);
        AssertNear([0, 1 - half, 1, 1 + half, 2], TimeGrid.Cosine.Times(4, 0, 2, null));
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(3)]
    public void The_shift_turns_the_noise_level_s_into_s_times_it_over_1_plus_s_minus_1_times_it(double shift)
    {
        double[] times = TimeGrid.Shift(shift).Times(10, 0, 1, null);
        AssertNear([.. Enumerable.Range(0, 11).Select(i => 1 - i / 10.0).Select(sigma => 1 - shift * sigma / (1 + (shift - 1) * sigma))], times);
        Assert.True(shift > 1 == times[1] < 0.1);
    }

    [Fact]
    public void A_shift_of_1_is_the_uniform_grid() =>
        AssertNear(TimeGrid.Uniform.Times(10, 0.1, 0.9, null), TimeGrid.Shift(1).Times(10, 0.1, 0.9, null));

    [Theory]
    [InlineData(7, 0)]
    [InlineData(7, 0.01)]
    [InlineData(1, 0)]
    [InlineData(3, 0.01)]
    public void The_levels_of_Karras_are_equally_far_apart_in_their_root(double rho, double sigmaMin)
    {
        var path = new ConditionalOtPath(sigmaMin);
        foreach ((double start, double end) in new[] { (0.0, 1.0), (0.0, 0.8), (0.2, 1.0), (0.2, 0.8) })
        {
            const int Steps = 12;
            double[] times = TimeGrid.Karras(rho).Times(Steps, start, end, path);
            double first = Math.Min(80, path.At(start).NoiseLevel), level = path.At(end).NoiseLevel;
            // Below the level 0.002 there is one step to the end; where the end is noisier, the levels reach it.
            (double last, int intervals) = level < 0.002 ? (0.002, Steps - 1) : (level, Steps);
            for (int i = 1; i < Steps; i++)
            {
                double expected = double.Lerp(Math.Pow(first, 1 / rho), Math.Pow(last, 1 / rho), (double)i / intervals);
                Assert.Equal(expected, Math.Pow(path.At(times[i]).NoiseLevel, 1 / rho), 1e-9);
            }
        }
    }

    /// <summary>Eighteen steps of EDM's table: its second level is 57.6 and the one before the last step 0.002.</summary>
    [Fact]
    public void Eighteen_steps_of_Karras_have_the_levels_of_EDM()
    {
        double[] times = TimeGrid.Karras().Times(18, 0, 1, new ConditionalOtPath());
        Assert.Equal(57.586, 1 / times[1] - 1, 1e-3);
        Assert.Equal(0.002, 1 / times[17] - 1, 1e-9);
    }

    [Fact]
    public void Karras_needs_a_path_that_has_noise_levels_in_the_interval()
    {
        Assert.Contains("OdeProblem.Path", Assert.Throws<ArgumentException>(() => TimeGrid.Karras().Times(5, 0, 1, null)).Message);
        foreach ((double start, double end) in new[] { (0, 0.005), (0.999, 1), (-2, 1), (0.0, 3.0) })
        {
            var error = Assert.Throws<ArgumentException>(() => TimeGrid.Karras().Times(5, start, end, new ConditionalOtPath()));
            Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"{start} to {end}"), error.Message);
        }
    }

    [Fact]
    public void Given_times_are_the_grid_in_the_order_of_the_solve()
    {
        Assert.Equal([0, 0.2, 1], TimeGrid.Given([0, 0.2, 1]).Times(2, 0, 1, null));
        Assert.Equal([1, 0.2, 0], TimeGrid.Given([1, 0.2, 0]).Times(2, 1, 0, null));
    }

    [Theory]
    [InlineData(new double[0], "0 times")]
    [InlineData(new[] { 0.5 }, "1 times")]
    [InlineData(new[] { 0, 0.5, 0.4, 1 }, "places 1 and 2")]
    [InlineData(new[] { 0, 0.5, 0.5, 1 }, "places 1 and 2")]
    [InlineData(new[] { 0, 0.5, 2, 1 }, "places 2 and 3")]
    [InlineData(new[] { 1, 0.5, 0.6, 0 }, "places 1 and 2")]
    [InlineData(new[] { 0, double.NaN, 1 }, "places 0 and 1")]
    [InlineData(new[] { 0, 0.5, double.NaN }, "places 0 and 1")]
    [InlineData(new[] { 1.0, 1.0 }, "places 0 and 1")]
    public void Times_that_do_not_run_one_way_are_refused_by_their_places(double[] times, string named) =>
        Assert.Contains(named, Assert.Throws<ArgumentException>(() => TimeGrid.Given(times)).Message);

    [Theory]
    [InlineData(3, 0, 1, "3 times for 3 steps; 4 are needed")]
    [InlineData(1, 0, 1, "3 times for 1 steps; 2 are needed")]
    [InlineData(2, 0.1, 1, "between 0.1 and 1")]
    [InlineData(2, 0, 0.9, "between 0 and 0.9")]
    public void Given_times_of_another_solve_are_refused(int steps, double start, double end, string named) =>
        Assert.Contains(named, Assert.Throws<ArgumentException>(() => TimeGrid.Given([0, 0.5, 1]).Times(steps, start, end, null)).Message);

    public static TheoryData<string> Methods => [.. SolverMethod.Methods.Select(method => method.Name)];

    /// <summary>From t = 0.1 the methods have no special first step, at t = 1 the exponential ones have a special last one.</summary>
    [Theory, MemberData(nameof(Methods))]
    public void One_step_of_any_method_is_the_same_on_every_grid_and_eight_are_finite(string name)
    {
        foreach ((double start, double end) in new[] { (0, 1), (0.1, 0.9) })
        {
            float[] Values(int steps, TimeGrid grid) => OdeSolver.Solve(Solve.Problem(FormulaField.Swirl(3),
                new FixedSteps(SolverMethod.Named(name), steps) { Grid = grid }, count: 10, slots: 7) with
            { Start = start, End = end }).EnsureSuccess().Values;
            Assert.All(Grids.Values, grid =>
            {
                Assert.True(Solve.SameBits(Values(1, TimeGrid.Uniform), Values(1, grid)));
                Assert.All(Values(8, grid), value => Assert.True(float.IsFinite(value)));
            });
            Assert.True(Solve.SameBits(Values(1, TimeGrid.Uniform), Values(1, TimeGrid.Given([start, end]))));
        }
    }

    [Fact]
    public void A_refused_grid_is_the_caller_s_exception_from_any_worker()
    {
        var solver = new FixedSteps(ButcherTableau.Heun, 5) { Grid = TimeGrid.Given([0, 1]) };
        foreach (int workers in new[] { 1, 3 })
            Assert.Throws<ArgumentException>(() => OdeSolver.Solve(Solve.Problem(FormulaField.Swirl(3), solver, count: 60, slots: 7, workers)));
    }

    [Theory, InlineData(0.0), InlineData(-1.0), InlineData(double.NaN), InlineData(double.PositiveInfinity)]
    public void A_shift_that_is_not_above_0_or_an_exponent_below_1_is_refused(double value)
    {
        Assert.Contains("such as 3", Assert.Throws<ArgumentOutOfRangeException>(() => TimeGrid.Shift(value)).Message);
        Assert.Contains("such as 7", Assert.Throws<ArgumentOutOfRangeException>(() => TimeGrid.Karras(value)).Message);
    }

    [Fact]
    public void No_steps_are_refused() => Assert.Throws<ArgumentOutOfRangeException>(() => TimeGrid.Uniform.Times(0, 0, 1, null));

    private static void AssertNear(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-14));
    }
}
