using FlowRuntime.Sampling;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Tests;

public class TrainerTests
{
    private static readonly MlpOptions Small = new() { Width = 32, Blocks = 2, Frequencies = 4 };

    [Fact]
    public void A_trained_network_approaches_the_exact_field_of_Gaussian_data()
    {
        (double meanX, double meanY, double scale) = (1.0, -0.5, 0.5);
        using MlpNetwork network = Network(seed: 0);
        Trainer.Train(network, Objective(Gaussian(meanX, meanY, scale)), new TrainingOptions { Steps = 800, BatchSize = 256 });

        // For data N(m, s² I) on the linear path: v = m + ((t s² − (1 − t)) / V) (x − t m), V = (1 − t)² + t² s².
        const int n = 500;
        float[] times = new float[n], states = new float[2 * n], exact = new float[2 * n];
        Span<float> z = stackalloc float[2];
        for (int i = 0; i < n; i++)
        {
            double t = (i + 0.5) / n, variance = (1 - t) * (1 - t) + t * t * scale * scale;
            double slope = (t * scale * scale - (1 - t)) / variance;
            Noise.Fill(9, i, z);
            times[i] = (float)t;
            (double offsetX, double offsetY) = (Math.Sqrt(variance) * z[0], Math.Sqrt(variance) * z[1]);
            (states[2 * i], states[2 * i + 1]) = ((float)(t * meanX + offsetX), (float)(t * meanY + offsetY));
            (exact[2 * i], exact[2 * i + 1]) = ((float)(meanX + slope * offsetX), (float)(meanY + slope * offsetY));
        }
        using var noGradient = no_grad();
        float[] learnt = network.Forward(TorchOps.Instance, tensor(times), tensor(states).reshape(n, 2)).data<float>().ToArray();
        double error = Math.Sqrt(learnt.Zip(exact, (a, b) => Math.Pow(a - b, 2)).Average());
        double size = Math.Sqrt(exact.Average(v => (double)v * v));
        Assert.True(error < 0.1 * size, $"the root mean square error is {error:G3} of {size:G3}");
    }

    [Fact]
    public void The_same_seed_gives_the_same_losses_to_the_last_digit_and_another_seed_others()
    {
        List<double> first = Losses(seed: 5), again = Losses(seed: 5), other = Losses(seed: 6);
        Assert.Equal(first, again);
        Assert.NotEqual(first, other);
    }

    [Fact]
    public void The_trained_weights_are_the_moving_average_which_changes_no_loss()
    {
        var (plain, plainLoss) = Train(emaDecay: 0);
        var (averaged, averagedLoss) = Train(emaDecay: 0.99);
        Assert.Equal(plainLoss, averagedLoss);
        Assert.NotEqual(plain, averaged);

        static (float[] Weights, double Loss) Train(double emaDecay)
        {
            double loss = 0;
            using MlpNetwork network = Network(seed: 0);
            Trainer.Train(network, Objective(Gaussian(1, 2, 0.3)),
                new TrainingOptions { Steps = 50, BatchSize = 32, EmaDecay = emaDecay }, report => loss = report.Loss);
            return ([.. network.parameters().SelectMany(parameter => parameter.data<float>().ToArray())], loss);
        }
    }

    [Fact]
    public void Training_stops_after_the_step_in_which_it_is_cancelled()
    {
        using var stop = new CancellationTokenSource();
        using MlpNetwork network = Network(seed: 0);
        int reports = 0;
        Assert.Throws<OperationCanceledException>(() => Trainer.Train(
            network, Objective(Gaussian(0, 0, 1)), new TrainingOptions { Steps = 100_000, BatchSize = 8 },
            _ =>
            {
                reports++;
                stop.Cancel();
            }, stop.Token));
        Assert.Equal(1, reports);
    }

    [Fact]
    public void A_loss_that_is_not_finite_ends_the_training_with_the_cure()
    {
        using MlpNetwork network = Network(seed: 0);
        var e = Assert.Throws<InvalidOperationException>(() => Trainer.Train(
            network, Objective(Gaussian(0, 0, 1)), new TrainingOptions { Steps = 200, BatchSize = 8, LearningRate = 1e30, WarmupSteps = 0 }));
        Assert.Contains("Lower the learning rate", e.Message);
    }

    [Fact]
    public void Data_of_another_shape_than_the_networks_are_refused()
    {
        using MlpNetwork network = Trainer.Seeded(0, () => new MlpNetwork([3], classes: 0, Small));
        var e = Assert.Throws<ArgumentException>(() => Trainer.Train(network, Objective(Gaussian(0, 0, 1)), new TrainingOptions()));
        Assert.Contains("[3]", e.Message);
        Assert.Contains("[2]", e.Message);
    }

    [Fact]
    public void Options_outside_their_range_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new TrainingOptions { Steps = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new TrainingOptions { BatchSize = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new TrainingOptions { LearningRate = double.NaN });
        Assert.Throws<ArgumentOutOfRangeException>(() => new TrainingOptions { LearningRate = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new TrainingOptions { EmaDecay = 1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new TrainingOptions { ClipNorm = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new FlowMatchingOptions { ClassDropout = 2 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new TrainingOptions { WeightDecay = -1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new TrainingOptions { Threads = 0 });
    }

    private static List<double> Losses(ulong seed)
    {
        var losses = new List<double>();
        using MlpNetwork network = Network(seed);
        Trainer.Train(network, Objective(Gaussian(1, 2, 0.3), seed),
            new TrainingOptions { Steps = 150, BatchSize = 64, Seed = seed }, report => losses.Add(report.Loss));
        Assert.Equal(3, losses.Count);
        return losses;
    }

    private static ConditionalFlowMatching Objective(Dataset data, ulong seed = 0) => new(data, new FlowMatchingOptions(), seed);

    private static MlpNetwork Network(ulong seed) => Trainer.Seeded(seed, () => new MlpNetwork([2], classes: 0, Small));

    private static Dataset Gaussian(double meanX, double meanY, double scale)
    {
        float[] values = new float[2 * 5000];
        Noise.Fill(1, 0, values);
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)((i % 2 == 0 ? meanX : meanY) + scale * values[i]);
        return new Dataset("gaussian", [2], values, new());
    }
}
