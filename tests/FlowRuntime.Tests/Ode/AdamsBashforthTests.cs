using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>Adams–Bashforth: the integral over a step of the polynomial through the last velocities, on any grid.</summary>
public class AdamsBashforthTests
{
    private const double End = 2.5;

    public static TheoryData<string, string> MethodsAndGrids => new()
    {
        { "ab2", "uniform" },
        { "ab2", "cosine" },
        { "ab2", "long and short" },
        { "ab3", "uniform" },
        { "ab3", "cosine" },
        { "ab3", "long and short" },
    };

    /// <summary>On dx/dt = x cos t, which depends on the time; x(t) = x(0) exp(sin t).</summary>
    [Theory, MemberData(nameof(MethodsAndGrids))]
    public void The_error_falls_by_the_order_of_the_method_on_equal_and_on_unequal_steps(string method, string grid)
    {
        double coarse = Error(64), fine = Error(128);
        Assert.True(fine > 1e-5, $"the error {fine} is round-off");
        Assert.Equal(SolverMethod.Named(method).Order, Math.Log2(coarse / fine), 0.3);

        double Error(int steps) =>
            Math.Abs(Solve.One(FormulaField.Cosine, Steps(method, grid, steps), 0, End, 8)[0] - 8 * Math.Exp(Math.Sin(End)));
    }

    /// <summary>A velocity that is a polynomial of t of a degree below the order, but for the first step, which looks back at nothing.</summary>
    [Theory]
    [InlineData("ab2", 1)]
    [InlineData("ab3", 2)]
    public void Steps_after_the_first_ones_integrate_polynomials_below_the_order_exactly(string method, int degree)
    {
        var field = new FormulaField(1, (_, t, _, v) => v[0] = (float)Math.Pow(t, degree));
        double[] times = [0, 1e-4, 2e-4, 0.3, 0.4, 1, 1.7, 2]; // what the first two lack is as small as they are short
        var solver = new FixedSteps(SolverMethod.Named(method), times.Length - 1) { Grid = TimeGrid.Given(times) };
        Assert.Equal(Math.Pow(2, degree + 1) / (degree + 1), Solve.One(field, solver, 0, 2, 0)[0], 2e-6);
    }

    [Theory]
    [InlineData("ab2", 1, 1)]
    [InlineData("ab2", 7, 7)]
    [InlineData("ab3", 1, 2)]
    [InlineData("ab3", 7, 8)]
    [InlineData("dpm++2m", 1, 1)]
    [InlineData("dpm++2m", 7, 7)]
    [InlineData("unipc2", 7, 7)]
    [InlineData("unipc3", 1, 1)]
    [InlineData("unipc3", 7, 7)]
    public void A_multistep_method_costs_one_evaluation_a_step_and_the_third_order_of_Adams_one_more(string method, int steps, int evaluations)
    {
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(FormulaField.Swirl(3), new FixedSteps(SolverMethod.Named(method), steps), count: 20, slots: 7));
        Assert.All(batch.Evaluations, count => Assert.Equal(evaluations, count));
        Assert.All(batch.Accepted, count => Assert.Equal(steps, count));
    }

    /// <summary>One step of v = x + t from x(0) = 2 over h = 0.5: Euler gives 3, Heun 2 + 0.25 (2 + 3.5).</summary>
    [Theory]
    [InlineData("ab2", 3)]
    [InlineData("ab3", 3.375)]
    public void The_first_step_is_Euler_s_for_order_2_and_Heun_s_for_order_3(string method, double expected)
    {
        var field = new FormulaField(1, (_, t, x, v) => v[0] = x[0] + (float)t);
        Assert.Equal((float)expected, Solve.One(field, new FixedSteps(SolverMethod.Named(method), 1), 0, 0.5, 2)[0]);
    }

    private static FixedSteps Steps(string method, string grid, int count) => new(SolverMethod.Named(method), count)
    {
        Grid = grid switch
        {
            "uniform" => TimeGrid.Uniform,
            "cosine" => TimeGrid.Cosine,
            _ => TimeGrid.Given([.. Enumerable.Range(0, count + 1).Select(i => End * (i + (i % 2 == 0 ? 0 : 0.5)) / count)]), // three to one
        },
    };
}
