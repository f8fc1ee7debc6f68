using FlowRuntime.Training.Optimisation;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace FlowRuntime.Training.Tests;

public class AdamWTests
{
    private static readonly float[] Goal = [3, 0], Steepness = [0.5f, 5];

    /// <summary>The recurrence of the paper in double precision, one weight at a time; the loss is ½ (x − 3)² for the first and ½ · 10 x² for the second.</summary>
    [Fact]
    public void A_weight_follows_the_recurrence()
    {
        using var weights = new Parameter(tensor(new float[] { 1, -2 }));
        using var optimiser = new AdamW([weights], weightDecay: 0.1);
        double[] x = [1, -2], mean = [0, 0], square = [0, 0];
        for (int step = 1; step <= 50; step++)
        {
            double rate = 0.1 / step;
            using (var scope = NewDisposeScope())
            {
                optimiser.ZeroGradients();
                (nn.functional.mse_loss(weights, tensor(Goal), nn.Reduction.None) * tensor(Steepness)).sum().backward();
                optimiser.Step(rate);
            }
            double[] gradient = [x[0] - 3, 10 * x[1]];
            for (int i = 0; i < 2; i++)
            {
                mean[i] = 0.9 * mean[i] + 0.1 * gradient[i];
                square[i] = 0.999 * square[i] + 0.001 * gradient[i] * gradient[i];
                x[i] -= rate * (0.1 * x[i] + mean[i] / (1 - Math.Pow(0.9, step)) / (Math.Sqrt(square[i] / (1 - Math.Pow(0.999, step))) + 1e-8));
            }
            float[] now = weights.data<float>().ToArray();
            Assert.Equal(x[0], now[0], 1e-5);
            Assert.Equal(x[1], now[1], 1e-5);
        }
    }

    [Fact]
    public void A_weight_without_a_gradient_stays()
    {
        using var weights = new Parameter(tensor(new float[] { 1, -2 }));
        using var optimiser = new AdamW([weights], weightDecay: 0.5);
        optimiser.Step(0.1);
        Assert.Equal([1, -2], weights.data<float>().ToArray());
    }
}
