using FlowRuntime.Ode;

namespace FlowRuntime.Tests;

/// <summary>Where a step looks at the field, and how its error falls, on fields that depend on the time.</summary>
public class StepTests
{
    [Fact]
    public void One_Euler_step_is_exact_on_a_straight_flow()
    {
        var straight = new FormulaField(2, (_, _, _, v) => (v[0], v[1]) = (3, -2));
        Assert.Equal([3.5f, -1.5f], Solve.One(straight, new FixedSteps(ButcherTableau.Euler, 1), 0, 1, 0.5f, 0.5f));
    }

    public static TheoryData<string, double[], double[]> Looks => new()
    {
        // v = x + t from x(0) = 2 over one step of h = 0.5; times and states written down by hand.
        { "euler", [0], [2] },
        { "heun", [0, 0.5], [2, 3] },
        { "rk4", [0, 0.25, 0.25, 0.5], [2, 2.5, 2.6875, 3.46875] },
    };

    [Theory, MemberData(nameof(Looks))]
    public void A_step_looks_at_the_field_at_the_nodes_of_its_method(string name, double[] times, double[] states)
    {
        var field = new RecordingField(new FormulaField(1, (_, t, x, v) => v[0] = x[0] + (float)t));
        Solve.One(field, new FixedSteps(ButcherTableau.Named(name), 1), 0, 0.5, 2);
        Assert.Equal(times, field.Rows.Select(row => row.Time));
        Assert.Equal(states, field.Rows.Select(row => (double)row.State[0]));
    }

    [Fact]
    public void A_step_of_Dopri5_looks_at_the_field_at_its_nodes_and_last_at_its_own_result()
    {
        var field = new RecordingField(FormulaField.Cosine);
        float[] result = Solve.One(field, new FixedSteps(ButcherTableau.Dopri5, 2), 0, 1, 1);
        double[] nodes = [1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1];
        double[] expected = [0, .. nodes.Select(c => c / 2), .. nodes.Select(c => 0.5 + c / 2)];
        Assert.Equal(expected.Length, field.Rows.Count);
        Assert.All(field.Rows.Zip(expected), pair => Assert.Equal(pair.Second, pair.First.Time, 1e-15));
        Assert.Equal(result, field.Rows.Last().State);
    }

    /// <summary>
    /// From one solve to another with twice as many steps, while the error is above float32's round-off. Dopri5 falls
    /// below it too soon: its order is proved on the table.
    /// </summary>
    [Theory]
    [InlineData("euler", 64, 1, 0.05)]
    [InlineData("heun", 32, 1, 0.1)]
    [InlineData("rk4", 4, 2, 0.2)]
    public void The_observed_order_on_a_field_that_depends_on_t_is_the_order_of_the_method(string name, int steps, double end, double tolerance)
    {
        ButcherTableau method = ButcherTableau.Named(name);
        double exact = Math.Exp(Math.Sin(end)); // dx/dt = x cos t, x(0) = 1
        double Error(int count) => Math.Abs(Solve.One(FormulaField.Cosine, new FixedSteps(method, count), 0, end, 1)[0] - exact);

        double coarse = Error(steps), fine = Error(2 * steps);

        Assert.True(fine > 2e-6, $"the error {fine} is round-off");
        Assert.Equal(method.Order, Math.Log2(coarse / fine), tolerance);
    }

    [Fact]
    public void A_quarter_turn_carries_x_y_to_minus_y_x()
    {
        float[] turned = Solve.One(FormulaField.QuarterTurn, new AdaptiveSteps { RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-6 }, 0, 1, 0.6f, 0.8f);
        Assert.Equal(-0.8, turned[0], 2e-6);
        Assert.Equal(0.6, turned[1], 2e-6);
    }
}
