using FlowRuntime.Training.Networks;
using TorchSharp;
using TorchSharp.Modules;
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

    private readonly Parameter[] _parameters;
    private readonly Tensor[] _means, _squares;
    private readonly double _weightDecay;
    private int _steps;

    /// <param name="parameters">What is trained.</param>
    /// <param name="weightDecay">Share of a weight that a step takes away, over the learning rate.</param>
    public AdamW(Parameter[] parameters, double weightDecay)
    {
        (_parameters, _weightDecay) = (parameters, weightDecay);
        _means = [.. parameters.Select(parameter => zeros_like(parameter).DetachFromDisposeScope())];
        _squares = [.. parameters.Select(parameter => zeros_like(parameter).DetachFromDisposeScope())];
    }

    /// <summary>Forgets the gradients.</summary>
    public void ZeroGradients()
    {
        foreach (Parameter parameter in _parameters)
            parameter.grad = null;
    }

    /// <summary>Takes a step along the gradients.</summary>
    /// <param name="learningRate">The learning rate of the step.</param>
    public void Step(double learningRate)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        _steps++;
        double correction = 1 - Math.Pow(Beta1, _steps), squareCorrection = 1 - Math.Pow(Beta2, _steps);
        using Scalar kept = (1 - learningRate * _weightDecay).ToScalar(), size = (-learningRate / correction).ToScalar();
        using Scalar beta1 = Beta1.ToScalar(), rest1 = (1 - Beta1).ToScalar(), beta2 = Beta2.ToScalar(), rest2 = (1 - Beta2).ToScalar();
        using Scalar root = Math.Sqrt(squareCorrection).ToScalar(), epsilon = Epsilon.ToScalar();
        for (int i = 0; i < _parameters.Length; i++)
        {
            if (_parameters[i].grad is not { } gradient)
                continue;
            _parameters[i].mul_(kept);
            _means[i].mul_(beta1).add_(gradient, rest1);
            _squares[i].mul_(beta2).addcmul_(gradient, gradient, rest2);
            Tensor denominator = _squares[i].sqrt().div(root).add_(epsilon, TorchOps.One);
            _parameters[i].addcdiv_(_means[i], denominator, size);
        }
    }

    public void Dispose()
    {
        foreach (Tensor tensor in _means.Concat(_squares))
            tensor.Dispose();
    }
}
