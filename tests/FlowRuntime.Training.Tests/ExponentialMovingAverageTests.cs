using FlowRuntime.Training.Optimisation;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Tests;

public class ExponentialMovingAverageTests
{
    [Fact]
    public void The_average_follows_its_recurrence_with_the_decay_held_down_at_first()
    {
        using var layer = Trainer.Seeded(0, () => nn.Linear(1, 1, hasBias: false)); // in its turn: other tests draw their weights, too
        Fill(layer, 0);
        using var average = new ExponentialMovingAverage(layer, decay: 0.5);
        double expected = 0;
        for (int n = 0; n < 20; n++)
        {
            Fill(layer, n + 1);
            average.Update();
            double decay = Math.Min(0.5, (1.0 + n) / (10.0 + n));
            expected = decay * expected + (1 - decay) * (n + 1);
        }
        average.CopyToNetwork();
        Assert.Equal(expected, layer.weight!.item<float>(), 1e-4);
    }

    [Theory, InlineData(-0.1), InlineData(1.0), InlineData(double.NaN)]
    public void A_decay_outside_its_range_is_refused(double decay)
    {
        using var layer = Trainer.Seeded(0, () => nn.Linear(1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ExponentialMovingAverage(layer, decay));
    }

    private static void Fill(TorchSharp.Modules.Linear layer, double value)
    {
        using var noGradient = no_grad();
        layer.weight!.fill_(value);
    }
}
