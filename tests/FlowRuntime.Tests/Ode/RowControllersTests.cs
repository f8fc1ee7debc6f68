using FlowRuntime.Ode;

namespace FlowRuntime.Tests;

/// <summary>The step controllers of many rows against the published formula, one row at a time.</summary>
public class RowControllersTests
{
    private const int ErrorOrder = 5;
    private const int Rows = 37;

    public static TheoryData<string, StepController> Published => new()
    {
        { "I", StepController.I },
        { "PI", StepController.PI },
        { "PID", StepController.PID },
    };

    [Theory, MemberData(nameof(Published))]
    public void The_factor_is_nine_tenths_of_the_last_errors_to_their_exponents(string name, StepController controller)
    {
        Assert.NotEmpty(name);
        // Errors within the bounds, so that no limit is met; each row has its own.
        double[][] errors = [.. Enumerable.Range(0, 3).Select(step => Enumerable.Range(0, Rows).Select(row => 0.2 + 0.01 * row + 0.1 * step).ToArray())];
        RowControllers controllers = New(controller);
        foreach (double[] step in errors)
            controllers.Judge(Squares(step), Rows);
        for (int row = 0; row < Rows; row++)
        {
            double expected = 0.9 * Math.Pow(errors[2][row], -controller.Beta1 / ErrorOrder)
                * Math.Pow(errors[1][row], -controller.Beta2 / ErrorOrder) * Math.Pow(errors[0][row], -controller.Beta3 / ErrorOrder);
            Assert.Equal(expected, controllers.Factors[row], 1e-12);
        }
    }

    [Fact]
    public void The_exponents_are_those_of_the_papers()
    {
        Assert.Equal(new StepController(1, 0, 0), StepController.I);
        Assert.Equal(new StepController(0.7, -0.4, 0), StepController.PI);
        Assert.Equal(new StepController(0.58, -0.21, 0.1), StepController.PID);
    }

    [Fact]
    public void An_accepted_step_grows_at_most_tenfold_and_shrinks_at_most_to_a_fifth()
    {
        RowControllers controllers = New(StepController.I);
        controllers.Judge(Squares([0, 1e-30, 1]), 3);
        Assert.Equal(10, controllers.Factors[0]);
        Assert.Equal(10, controllers.Factors[1]);
        Assert.Equal(0.9, controllers.Factors[2], 1e-12);

        RowControllers steep = New(new StepController(-100, 0, 0));
        steep.Judge(Squares([0.01]), 1);
        Assert.Equal(0.2, steep.Factors[0]);
    }

    [Fact]
    public void A_rejected_step_shrinks_by_error_to_the_minus_1_over_k_between_a_fifth_and_nine_tenths()
    {
        RowControllers controllers = New(StepController.PI);
        Assert.Equal(0.9 / 2, controllers.Reject(0, 32.0 * 32), 1e-12);
        Assert.Equal(0.9, controllers.Reject(0, 1), 1e-12);
        Assert.Equal(0.2, controllers.Reject(0, 1e60));
        Assert.Equal(0.2, controllers.Reject(0, double.NaN));
        Assert.Equal(0.2, controllers.Reject(0, double.PositiveInfinity));
    }

    [Fact]
    public void The_step_after_a_second_try_does_not_grow_and_the_one_after_may()
    {
        RowControllers controllers = New(StepController.I);
        controllers.Judge(Squares([4, 1e-5]), 2);
        controllers.Reject(0, 16);
        Assert.True(controllers.WasRejected(0));
        Assert.False(controllers.WasRejected(1));
        controllers.Judge(Squares([1e-5, 1e-5]), 2);
        Assert.Equal(1, controllers.Factors[0]);
        Assert.True(controllers.Factors[1] > 5);
        controllers.Judge(Squares([1e-5, 1e-5]), 2);
        Assert.Equal(controllers.Factors[1], controllers.Factors[0]);
    }

    [Fact]
    public void A_rejected_error_is_not_remembered()
    {
        RowControllers controllers = New(StepController.PI);
        controllers.Judge(Squares([0.5, 0.5]), 2);
        controllers.Judge(Squares([7, double.NaN]), 2);
        controllers.Judge(Squares([0.3, 0.3]), 2);
        double expected = 0.9 * Math.Pow(0.3, -0.7 / ErrorOrder) * Math.Pow(0.5, 0.4 / ErrorOrder);
        Assert.Equal(expected, controllers.Factors[0], 1e-12);
        Assert.Equal(expected, controllers.Factors[1], 1e-12);
    }

    [Fact]
    public void A_row_has_the_same_bits_wherever_it_lies_and_after_a_move()
    {
        RowControllers controllers = New(StepController.PID);
        for (int step = 0; step < 3; step++)
            controllers.Judge(Squares([.. Enumerable.Repeat(0.123 + step, Rows).Select(error => error / 4)]), Rows);
        Assert.Single(controllers.Factors.Take(Rows).Distinct());
        controllers.Begin(5, 1);
        controllers.Move(36, 5);
        controllers.Judge(Squares([.. Enumerable.Repeat(0.4, Rows)]), Rows);
        Assert.Single(controllers.Factors.Take(Rows).Distinct());
    }

    private static RowControllers New(StepController controller)
    {
        var controllers = new RowControllers(controller, ErrorOrder, Rows);
        controllers.Begin(0, Rows);
        return controllers;
    }

    /// <summary>The squares, padded as the engine's are.</summary>
    private static double[] Squares(double[] errors)
    {
        double[] squares = new double[RowControllers.Padded(Rows)];
        for (int row = 0; row < errors.Length; row++)
            squares[row] = errors[row] * errors[row];
        return squares;
    }
}
