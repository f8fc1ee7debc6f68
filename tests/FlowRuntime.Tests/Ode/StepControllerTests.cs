using FlowRuntime.Ode;

namespace FlowRuntime.Tests;

public class StepControllerTests
{
    private static readonly StepController Controller = new(ButcherTableau.Dopri5); // k = 5

    [Fact]
    public void The_factor_is_nine_tenths_of_error_to_the_minus_0_7_over_k_times_memory_to_the_0_4_over_k()
    {
        double memory = 1;
        Assert.Equal(0.9, Controller.Accepted(1, ref memory, afterRejection: false), 1e-12);
        Assert.Equal(1, memory);
        // 2⁻⁵ to the power −0.7/5 is 2^0.7, and 2⁻¹⁰ to the power 0.4/5 is 2^−0.8.
        memory = Math.Pow(2, -10);
        Assert.Equal(0.9 * Math.Pow(2, -0.1), Controller.Accepted(1.0 / 32, ref memory, afterRejection: false), 1e-12);
        Assert.Equal(1.0 / 32, memory);
    }

    [Fact]
    public void An_accepted_step_grows_at_most_tenfold_and_not_at_all_after_a_rejection()
    {
        double memory = 1;
        Assert.Equal(10, Controller.Accepted(0, ref memory, afterRejection: false));
        Assert.Equal(StepController.InitialMemory, memory); // bounded from below: an error of 0 says little
        memory = 1;
        Assert.Equal(1, Controller.Accepted(0, ref memory, afterRejection: true));
    }

    [Fact]
    public void A_rejected_step_shrinks_by_error_to_the_minus_1_over_k_between_a_fifth_and_nine_tenths()
    {
        Assert.Equal(0.9 / 2, Controller.Rejected(32), 1e-12);
        Assert.Equal(0.9, Controller.Rejected(1), 1e-12);
        Assert.Equal(0.2, Controller.Rejected(1e30));
        Assert.Equal(0.2, Controller.Rejected(double.NaN));
        Assert.Equal(0.2, Controller.Rejected(double.PositiveInfinity));
    }
}
