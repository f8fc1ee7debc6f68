using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using FlowRuntime.Training.Tests.Metrics;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Tests.Objectives;

public sealed class TrainedPredictionTests
{
    [Fact]
    public void A_network_trained_on_noise_approaches_the_exact_noise_of_Gaussian_data()
    {
        (double mean, double scale) = (1.0, 0.5);
        var data = new Dataset("Gaussian", [2], Points.Normal(5000, 2, seed: 21, mean, scale), new());
        var path = new CosinePath();
        using MlpNetwork network = Trainer.Seeded(0, () => new MlpNetwork([2], classes: 0, new MlpOptions { Width = 32, Blocks = 2, Frequencies = 4 }));
        var options = new FlowMatchingOptions { Path = path, Prediction = PredictionKind.Noise, Weight = FlowMatchingOptions.Plain };
        Trainer.Train(network, new ConditionalFlowMatching(data, options, seed: 0), new TrainingOptions { Steps = 400, BatchSize = 256, WarmupSteps = 50 });

        // E[ε | x] = −ρ ∇ log p_t(x).
        var law = new GaussianMixture(2, [mean, mean], [scale]);
        const int N = 500;
        float[] times = new float[N], states = new float[2 * N], exact = new float[2 * N], z = new float[4];
        double[] score = new double[2];
        for (int i = 0; i < N; i++)
        {
            PathCoefficients at = path.At((i + 0.5) / N);
            Noise.Fill(22, i, z);
            for (int e = 0; e < 2; e++)
                states[2 * i + e] = (float)(at.Alpha * (mean + scale * z[e]) + at.Sigma * z[2 + e]);
            law.Score(at, states.AsSpan(2 * i, 2), score);
            times[i] = (float)((i + 0.5) / N);
            for (int e = 0; e < 2; e++)
                exact[2 * i + e] = (float)(-at.Deviation * score[e]);
        }
        using var noGradient = no_grad();
        float[] learnt = network.Forward(TorchOps.Instance, tensor(times), tensor(states).reshape(N, 2)).data<float>().ToArray();
        double error = Math.Sqrt(learnt.Zip(exact, (a, b) => Math.Pow(a - b, 2)).Average()), size = Math.Sqrt(exact.Average(v => (double)v * v));
        Assert.True(error < 0.15 * size, $"the root mean square error is {error:G3} of {size:G3}");
    }
}
