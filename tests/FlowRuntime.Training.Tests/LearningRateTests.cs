using FlowRuntime.Training.Optimisation;

namespace FlowRuntime.Training.Tests;

public class LearningRateTests
{
    private static readonly LearningRate Rate = new(Peak: 2e-3, WarmupSteps: 100, Steps: 1100);

    [Fact]
    public void The_rate_rises_linearly_to_its_peak()
    {
        Assert.Equal(2e-5, Rate.At(0), 1e-12);
        Assert.Equal(1e-3, Rate.At(49), 1e-12);
        Assert.Equal(2e-3, Rate.At(99), 1e-12);
    }

    [Fact]
    public void The_rate_then_falls_along_half_a_cosine_to_zero()
    {
        Assert.Equal(2e-3, Rate.At(100), 1e-12);
        Assert.Equal(2e-3 * 0.75, Rate.At(100 + 1000 / 3), 1e-5); // cos 60° = ½
        Assert.Equal(1e-3, Rate.At(600), 1e-12);
        Assert.Equal(0, Rate.At(1100), 1e-12);
    }

    [Fact]
    public void Without_warm_up_the_first_step_has_the_peak() =>
        Assert.Equal(1.0, new LearningRate(1, 0, 10).At(0), 1e-12);

    [Fact]
    public void A_constant_rate_rises_like_the_other_and_stays_at_its_peak()
    {
        LearningRate constant = Rate with { Schedule = LearningRateSchedule.Constant };
        for (int step = 0; step < 100; step++)
            Assert.Equal(Rate.At(step), constant.At(step));
        Assert.All([100, 600, 1099, 1100, 5000], step => Assert.Equal(2e-3, constant.At(step)));
    }
}
