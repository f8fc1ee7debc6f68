using FlowRuntime.Training.Optimisation;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Tests;

public class ExponentialMovingAverageTests
{
    [Fact]
    public void The_average_follows_its_recurrence_with_the_decay_held_down_at_first()
    {
        using Tensor weights = zeros(1);
        using var average = new ExponentialMovingAverage(weights, decay: 0.5);
        double expected = 0;
        for (int n = 0; n < 20; n++)
        {
            BitConverter.TryWriteBytes(weights.bytes, (float)(n + 1));
            average.Update(step: n + 1);
            double decay = Math.Min(0.5, (1.0 + n) / (10.0 + n));
            expected = decay * expected + (1 - decay) * (n + 1);
        }
        Assert.Equal(expected, average.Average.item<float>(), 1e-4);
    }

    [Theory, InlineData(-0.1), InlineData(1.0), InlineData(double.NaN)]
    public void A_decay_outside_its_range_is_refused(double decay)
    {
        using Tensor weights = zeros(1);
        Assert.Throws<ArgumentOutOfRangeException>(() => new ExponentialMovingAverage(weights, decay));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TrainingOptions { MoreEmaDecays = [0.9, decay] });
    }
}
