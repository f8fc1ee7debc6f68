using TorchSharp;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Optimisation;

/// <summary>Shortens gradients that are too long.</summary>
internal static class GradientNorm
{
    private const double Least = 1e-6; // as torch's clip_grad_norm_

    /// <summary>Shortens the gradient to the given norm where it is longer: by most/(‖g‖ + 1e-6), as torch does.</summary>
    /// <param name="gradients">The gradient of all parameters.</param>
    /// <param name="most">The largest norm.</param>
    public static void Clip(Tensor gradients, double most)
    {
        using Tensor norm = gradients.norm();
        double factor = most / (norm.item<float>() + Least);
        if (factor >= 1)
            return;
        using Scalar held = factor.ToScalar();
        gradients.mul_(held);
    }
}
