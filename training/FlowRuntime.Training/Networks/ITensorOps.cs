using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Networks;

/// <summary>
/// The operations a velocity network is written in. A network's one Forward is interpreted by <see cref="TorchOps"/> to
/// train and by <see cref="Onnx.OnnxOps"/> to export, so that the two cannot drift apart.
/// </summary>
/// <typeparam name="T">What stands for a tensor: a tensor itself, or a value of a graph. Axis 0 is the batch.</typeparam>
public interface ITensorOps<T>
{
    /// <summary>A parameter or a fixed tensor of the network.</summary>
    T Constant(Tensor value);

    /// <summary>x Wᵀ + b over the last axis of [N, in]: [N, out].</summary>
    T Linear(T x, Linear layer);

    /// <summary>The table's rows at the given indices, [N] to [N, width].</summary>
    T Embedding(T indices, Tensor table);

    /// <summary>Each row shifted and scaled to mean 0 and variance 1, then weighted and shifted, over the last axis.</summary>
    T LayerNorm(T x, LayerNorm layer);

    /// <summary>x · sigmoid(x).</summary>
    T Silu(T x);

    /// <summary>λ x for x above 0, λ α (eˣ − 1) below: the scaled exponential linear unit. ONNX Runtime's depends on a value's place in the tensor unless a row is a multiple of 16 values.</summary>
    T Selu(T x);

    /// <summary>cos(t f) for every frequency f, and then sin(t f): [N] to [N, 2 · frequencies].</summary>
    /// <remarks>
    /// Sine and cosine are not offered by themselves: ONNX Runtime computes them with vector instructions and what is
    /// left over at the end of the tensor without, which differ in the last bit, so that a row would depend on its place.
    /// </remarks>
    T FourierFeatures(T t, Tensor frequencies);

    /// <summary>a + b, with broadcasting.</summary>
    T Add(T a, T b);

    /// <summary>a · b, element by element, with broadcasting.</summary>
    T Multiply(T a, T b);

    /// <summary>a / b, element by element, with broadcasting.</summary>
    T Divide(T a, T b);

    /// <summary>factor · x + shift, element by element.</summary>
    T Affine(T x, double factor, double shift);

    /// <summary>1/(1 + e⁻ˣ).</summary>
    T Sigmoid(T x);

    /// <summary>The hyperbolic tangent.</summary>
    T Tanh(T x);

    /// <summary>The natural logarithm. ONNX Runtime's depends on a value's place in the tensor unless a row is a multiple of 16 values: pad rows to it.</summary>
    T Log(T x);

    /// <summary>eˣ over the sum of eˣ, over the last axis.</summary>
    T Softmax(T x);

    /// <summary>a and b side by side on the last axis.</summary>
    T Concatenate(T a, T b);

    /// <summary>The same values with each row of the given shape: [N, rowShape…].</summary>
    T Reshape(T x, params ReadOnlySpan<long> rowShape);
}
