using TorchSharp;
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
    /// <summary>The shape of one row of x, without the batch.</summary>
    IReadOnlyList<long> RowShape(T x);

    /// <summary>A parameter or a fixed tensor of the network.</summary>
    T Constant(Tensor value);

    /// <summary>x Wᵀ + b over the last axis of [N, …, in]: [N, …, out].</summary>
    /// <param name="x">The values.</param>
    /// <param name="weight">W, [out, in].</param>
    /// <param name="bias">b, [out]; null for none.</param>
    T Linear(T x, Tensor weight, Tensor? bias);

    /// <summary>x Wᵀ + b over the last axis of [N, …, in]: [N, …, out].</summary>
    T Linear(T x, Linear layer) => Linear(x, layer.weight!, layer.bias);

    /// <summary>The cross-correlation of the images of [N, in, H, W] with a kernel, zeros around them: [N, out, H', W'], H' = ⌊(H + 2 padding − k)/stride⌋ + 1.</summary>
    /// <param name="x">The images.</param>
    /// <param name="kernel">The kernel, [out, in, k, k].</param>
    /// <param name="bias">What is added to each channel, [out]; null for nothing.</param>
    /// <param name="stride">How far apart the kernel is laid.</param>
    /// <param name="padding">Width of the zeros on each side.</param>
    T Convolution(T x, Tensor kernel, Tensor? bias, long stride, long padding);

    /// <summary>A layer's convolution; its stride and padding are the same on both axes.</summary>
    /// <exception cref="NotSupportedException">The layer has groups, a dilation, another padding than zeros, or differs between the axes.</exception>
    T Convolution(T x, Conv2d layer)
    {
        if (layer.groups != 1 || layer.padding is not { } padding || layer.padding_type is not null || layer.padding_mode != PaddingModes.Zeros
            || layer.dilation.Any(step => step != 1) || layer.stride.Distinct().Count() != 1 || padding.Distinct().Count() != 1)
            throw new NotSupportedException("A convolution has one stride and one padding with zeros, given as numbers, and neither groups nor dilation.");
        return Convolution(x, layer.weight!, layer.bias, layer.stride[0], padding[0]);
    }

    /// <summary>Each pixel of [N, C, H, W] four times: [N, C, 2H, 2W].</summary>
    T Upsample(T x);

    /// <summary>The table's rows at the given indices, [N] to [N, width].</summary>
    T Embedding(T indices, Tensor table);

    /// <summary>Each row shifted and scaled to mean 0 and variance 1, then weighted and shifted, over the last axis.</summary>
    T LayerNorm(T x, LayerNorm layer);

    /// <summary>
    /// The channels of [N, C, …] in groups, each row's group shifted and scaled to mean 0 and variance 1, then each channel weighted and shifted.
    /// </summary>
    /// <remarks>TorchSharp makes the layer with whatever was in memory as its weights: set ones and zeros.</remarks>
    T GroupNorm(T x, GroupNorm layer);

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

    /// <summary>The square root.</summary>
    T Sqrt(T x);

    /// <summary>eˣ over the sum of eˣ, over the last axis.</summary>
    T Softmax(T x);

    /// <summary>The mean over the last axis, which stays with size 1.</summary>
    T Mean(T x);

    /// <summary>The matrix product of the last two axes, for each index of those before: [N, …, i, j] · [N, …, j, k] is [N, …, i, k].</summary>
    T MatMul(T a, T b);

    /// <summary>a and b side by side.</summary>
    /// <param name="a">The first.</param>
    /// <param name="b">The second, of the same shape but on the axis.</param>
    /// <param name="axis">The axis: 1 is the first of a row, −1 (the default) the last.</param>
    T Concatenate(T a, T b, int axis = -1);

    /// <summary>The axes of the rows in another order.</summary>
    /// <param name="x">The values.</param>
    /// <param name="axes">For each axis of the result from 1 on, x's axis: (2, 1) swaps the axes of [N, a, b].</param>
    T Permute(T x, params ReadOnlySpan<int> axes);

    /// <summary>The same values with each row of the given shape: [N, rowShape…].</summary>
    T Reshape(T x, params ReadOnlySpan<long> rowShape);
}
