using FlowRuntime.Training.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Optimisation;

/// <summary>AdamW: gradients over the root of their mean square, both averaged, and a decay of the weights apart from them.</summary>
/// <remarks>
/// TorchSharp's own makes a <see cref="Scalar"/> for every number it hands to a call, and nothing holds it: a garbage collection in the
/// middle of the call frees it while it is read, and the training ends with "Unknown scalar type" or worse. Here each is held until its call
/// has returned; the arithmetic is the same. Source: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization", algorithm 2.
/// </remarks>
internal sealed class AdamW : IDisposable
{
    private const double Beta1 = 0.9, Beta2 = 0.999, Epsilon = 1e-8;

    private readonly Tensor _weights, _gradients;
    private readonly double _weightDecay;

    /// <param name="weights">What is trained, all in one tensor.</param>
    /// <param name="gradients">Its gradient, of the same shape.</param>
    /// <param name="weightDecay">Share of a weight that a step takes away, over the learning rate.</param>
    public AdamW(Tensor weights, Tensor gradients, double weightDecay)
    {
        (_weights, _gradients, _weightDecay) = (weights, gradients, weightDecay);
        using var scope = NewDisposeScope();
        Means = zeros_like(weights, requires_grad: false).DetachFromDisposeScope();
        Squares = zeros_like(weights, requires_grad: false).DetachFromDisposeScope();
    }

    /// <summary>Average of the gradients.</summary>
    public Tensor Means { get; }

    /// <summary>Average of their squares.</summary>
    public Tensor Squares { get; }

    /// <summary>Takes a step along the gradients.</summary>
    /// <param name="learningRate">The learning rate of the step.</param>
    /// <param name="step">The step, from 1.</param>
    public void Step(double learningRate, long step)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        double correction = 1 - Math.Pow(Beta1, step), squareCorrection = 1 - Math.Pow(Beta2, step);
        using Scalar kept = (1 - learningRate * _weightDecay).ToScalar(), size = (-learningRate / correction).ToScalar();
        using Scalar beta1 = Beta1.ToScalar(), rest1 = (1 - Beta1).ToScalar(), beta2 = Beta2.ToScalar(), rest2 = (1 - Beta2).ToScalar();
        using Scalar root = Math.Sqrt(squareCorrection).ToScalar(), epsilon = Epsilon.ToScalar();
        _weights.mul_(kept);
        Means.mul_(beta1).add_(_gradients, rest1);
        Squares.mul_(beta2).addcmul_(_gradients, _gradients, rest2);
        Tensor denominator = Squares.sqrt().div_(root).add_(epsilon, TorchOps.One);
        _weights.addcdiv_(Means, denominator, size);
    }

    /// <summary>Frees the averages.</summary>
    public void Dispose()
    {
        Means.Dispose();
        Squares.Dispose();
    }
}
