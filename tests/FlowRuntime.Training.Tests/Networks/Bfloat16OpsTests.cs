using FlowRuntime.Cards;
using FlowRuntime.Sampling;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Tests.Networks;

/// <summary>Networks computed with images and tokens in bfloat16, which has 8 bits of mantissa: a rounding changes a value by at most 2⁻⁹ of it.</summary>
public class Bfloat16OpsTests
{
    private const double Rounding = 1.0 / 512;
    private static readonly float[] Times = [0.1f, 0.4f, 0.6f, 0.9f];
    private static readonly long[] Labels = [0, 1, 2, 3];

    [Theory, InlineData("unet"), InlineData("unet of two blocks"), InlineData("dit")]
    public void Velocities_and_gradients_are_those_of_float32_up_to_some_roundings(string kind)
    {
        using VelocityNetwork network = NetworkSizes.Random(kind, classes: 3);
        (float[] full, float[] fullGradient) = Compute(network, TorchOps.Instance);
        (float[] rounded, float[] gradient) = Compute(network, Bfloat16Ops.Instance);
        Assert.InRange(RelativeDifference(full, rounded), Rounding / 10, 10 * Rounding);
        Assert.InRange(RelativeDifference(fullGradient, gradient), Rounding / 10, 20 * Rounding);
        Assert.All(network.parameters(), parameter => Assert.Equal(ScalarType.Float32, parameter.grad!.dtype));
    }

    [Fact]
    public void A_perceptron_has_no_images_or_tokens_and_is_the_same_to_the_last_bit()
    {
        using VelocityNetwork network = NetworkSizes.Random("mlp", classes: 3);
        (float[] full, float[] fullGradient) = Compute(network, TorchOps.Instance);
        (float[] rounded, float[] gradient) = Compute(network, Bfloat16Ops.Instance);
        Assert.Equal(full, rounded);
        Assert.Equal(fullGradient, gradient);
    }

    [Fact]
    public void A_training_in_bfloat16_takes_other_steps_to_nearly_the_same_weights_and_exports_float32()
    {
        using VelocityNetwork full = Trained(TrainingPrecision.Float32), rounded = Trained(TrainingPrecision.Bfloat16);
        float[] a = [.. full.parameters().SelectMany(Values)], b = [.. rounded.parameters().SelectMany(Values)];
        Assert.InRange(RelativeDifference(a, b), 1e-6, 0.05);
        Assert.All(rounded.parameters(), parameter => Assert.Equal(ScalarType.Float32, parameter.dtype));
    }

    private static VelocityNetwork Trained(TrainingPrecision precision)
    {
        float[] values = new float[64 * 64];
        for (int i = 0; i < 64; i++)
            Noise.Fill(seed: 5, i, values.AsSpan(i * 64, 64));
        var data = new Dataset("noise", [2, 8, 4], values, new DataCard());
        VelocityNetwork network = NetworkSizes.Fresh("unet");
        using var run = new TrainingRun(
            network, new ConditionalFlowMatching(data, new FlowMatchingOptions(), seed: 1),
            new TrainingOptions { Steps = 10, BatchSize = 16, WarmupSteps = 0, Precision = precision, Threads = 2 });
        run.Run();
        return network;
    }

    private static (float[] Velocities, float[] Gradient) Compute(VelocityNetwork network, ITensorOps<Tensor> ops)
    {
        using var scope = NewDisposeScope();
        using Tensor t = tensor(Times), label = tensor(Labels);
        float[] values = new float[4 * network.Dimension];
        Noise.Fill(seed: 6, 0, values);
        Tensor x = tensor(values).reshape([4, .. network.Shape.Select(size => (long)size)]);
        Tensor velocity = network.Forward(ops, t, x, new(label)).to(ScalarType.Float32);
        network.zero_grad();
        velocity.square().mean().backward();
        return (Values(velocity), [.. network.parameters().SelectMany(parameter => Values(parameter.grad!))]);
    }

    private static float[] Values(Tensor tensor) => tensor.detach().contiguous().data<float>().ToArray();

    private static double RelativeDifference(float[] expected, float[] actual) =>
        Math.Sqrt(expected.Zip(actual).Sum(pair => Math.Pow(pair.First - pair.Second, 2)) / expected.Sum(value => Math.Pow(value, 2)));
}
