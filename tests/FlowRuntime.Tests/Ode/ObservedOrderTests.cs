using FlowRuntime.Ode;

namespace FlowRuntime.Tests;

/// <summary>
/// How errors fall in double precision on fields that depend on the time, from a coarse step to one of an eighth: by the
/// power of the step that theory has.
/// </summary>
public class ObservedOrderTests
{
    private const int Halvings = 3;

    [Theory]
    [InlineData("euler", 64, 1)]
    [InlineData("midpoint", 32, 2)]
    [InlineData("heun", 32, 2)]
    [InlineData("ralston", 32, 2)]
    [InlineData("heun-euler", 32, 2)]
    [InlineData("bosh3", 16, 3)]
    [InlineData("rk4", 16, 4)]
    [InlineData("rk38", 16, 4)]
    [InlineData("dopri5", 16, 5)]
    [InlineData("tsit5", 32, 5)]
    [InlineData("vern6", 2, 7)] // its error terms of order 6 are so small that doubles see those of order 7 alone
    [InlineData("vern6-robust", 8, 6)]
    [InlineData("dop853", 2, 8)]
    public void The_error_at_the_end_falls_by_the_order_of_the_method(string name, int steps, int slope)
    {
        ButcherTableau method = ButcherTableau.Named(name);
        Assert.Equal(slope, Slope(halving => PlainStepper.Turn.ErrorAfter(method, steps << halving, 0, 1)), 0.25);
    }

    [Theory]
    [InlineData("euler", 5)]
    [InlineData("midpoint", 4)]
    [InlineData("heun", 4)]
    [InlineData("ralston", 4)]
    [InlineData("heun-euler", 4)]
    [InlineData("bosh3", 4)]
    [InlineData("rk4", 4)]
    [InlineData("rk38", 4)]
    [InlineData("dopri5", 5)]
    [InlineData("tsit5", 5)]
    [InlineData("dop853", 1)]
    public void The_error_inside_a_step_falls_by_the_order_of_the_interpolant_and_one(string name, int start)
    {
        ButcherTableau method = ButcherTableau.Named(name);
        foreach (double theta in new[] { 0.3, 0.7 })
            Assert.Equal(method.Interpolant.Order + 1, Slope(halving => PlainStepper.Turn.ErrorInside(method, 0.2, Math.ScaleB(1, -start - halving), theta)), 0.25);
    }

    /// <summary>Before the rounding of its large coefficients shows, there are two halvings.</summary>
    [Theory]
    [InlineData(0.3)]
    [InlineData(0.7)]
    public void The_error_inside_a_step_of_Verner_falls_by_the_power_7(double theta)
    {
        double Error(double h) => PlainStepper.Spiral.ErrorInside(ButcherTableau.Verner6, 0.2, h, theta);
        Assert.Equal(7, Math.Log2(Error(1.0 / 4) / Error(1.0 / 16)) / 2, 0.25);
    }

    [Theory]
    [InlineData("heun-euler", 4)]
    [InlineData("bosh3", 4)]
    [InlineData("dopri5", 4)]
    [InlineData("tsit5", 4)]
    [InlineData("vern6", 1)]
    [InlineData("vern6-robust", 3)]
    [InlineData("dop853", 1)]
    public void The_error_estimate_falls_by_the_embedded_order_and_one(string name, int start)
    {
        var pair = (EmbeddedPair)ButcherTableau.Named(name);
        Assert.Equal(pair.EmbeddedOrder + 1, Slope(halving => PlainStepper.Turn.EstimateOf(pair, 0.2, Math.ScaleB(1, -start - halving))), 0.25);
    }

    private static double Slope(Func<int, double> error) => Math.Log2(error(0) / error(Halvings)) / Halvings;
}
