using FlowRuntime.Training.Networks;
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
        using Tensor gradients = zeros(2);
        weights.grad = gradients;
        using var optimiser = new AdamW(weights, gradients, weightDecay: 0.1);
        double[] x = [1, -2], mean = [0, 0], square = [0, 0];
        for (int step = 1; step <= 50; step++)
        {
            double rate = 0.1 / step;
            using (var scope = NewDisposeScope())
            {
                gradients.zero_();
                (nn.functional.mse_loss(weights, tensor(Goal), nn.Reduction.None) * tensor(Steepness)).sum().backward();
                optimiser.Step(rate, step);
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

    /// <summary>TorchSharp's own, one parameter at a time, against the flat buffers; the arithmetic is the same to the last digit.</summary>
    [Fact]
    public void Flat_buffers_train_a_network_as_optim_AdamW_does()
    {
        using MlpNetwork flat = Network(), plain = Network();
        using var parameters = new FlatParameters(flat);
        using var optimiser = new AdamW(parameters.Values, parameters.Gradients, weightDecay: 0.1);
        using var reference = optim.AdamW(plain.parameters(), weight_decay: 0.1);
        for (int step = 1; step <= 20; step++)
        {
            using var scope = NewDisposeScope();
            double rate = 0.01 / step;
            foreach (var group in reference.ParamGroups)
                group.LearningRate = rate;
            float[] times = new float[8], states = new float[16];
            FlowRuntime.Sampling.Noise.Fill(1, step, states);
            (Tensor t, Tensor x) = (tensor(times), tensor(states).reshape(8, 2));
            parameters.Gradients.zero_();
            reference.zero_grad();
            nn.functional.mse_loss(flat.Forward(TorchOps.Instance, t, x), x).backward();
            nn.functional.mse_loss(plain.Forward(TorchOps.Instance, t, x), x).backward();
            optimiser.Step(rate, step);
            reference.step();
        }
        Assert.Equal(Weights(plain), Weights(flat), (a, b) => Math.Abs(a - b) <= 1e-6);
    }

    private static MlpNetwork Network() => Trainer.Seeded(3, () => new MlpNetwork([2], 0, new MlpOptions { Width = 8, Blocks = 1, Frequencies = 2 }));

    private static float[] Weights(MlpNetwork network) => [.. network.parameters().SelectMany(parameter => parameter.data<float>().ToArray())];
}
