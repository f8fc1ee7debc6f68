using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Networks;

/// <summary>Interprets a network on tensors: this trains.</summary>
public sealed class TorchOps : ITensorOps<Tensor>
{
    /// <summary>
    /// The factor of what is added. TorchSharp makes a number of its own for it where none is given, which a garbage collection may free while the
    /// call reads it; this one is held.
    /// </summary>
    internal static Scalar One { get; } = 1.ToScalar();

    /// <summary>The one interpreter; it has no state.</summary>
    public static TorchOps Instance { get; } = new();

    private TorchOps()
    {
    }

    /// <inheritdoc/>
    public IReadOnlyList<long> RowShape(Tensor x) => x.shape[1..];

    /// <inheritdoc/>
    public Tensor Constant(Tensor value) => value;

    /// <inheritdoc/>
    public Tensor Linear(Tensor x, Tensor weight, Tensor? bias) => nn.functional.linear(x, weight, bias);

    /// <inheritdoc/>
    public Tensor Convolution(Tensor x, Tensor kernel, Tensor? bias, long stride, long padding) =>
        nn.functional.conv2d(x, kernel, bias, [stride, stride], [padding, padding]);

    /// <inheritdoc/>
    public Tensor Upsample(Tensor x) => nn.functional.upsample_nearest2d(x, [2 * x.shape[2], 2 * x.shape[3]]);

    /// <inheritdoc/>
    public Tensor Embedding(Tensor indices, Tensor table) => table.index_select(0, indices);

    /// <inheritdoc/>
    public Tensor LayerNorm(Tensor x, LayerNorm layer) => layer.forward(x);

    /// <inheritdoc/>
    public Tensor GroupNorm(Tensor x, GroupNorm layer) => layer.forward(x);

    /// <inheritdoc/>
    public Tensor Silu(Tensor x) => nn.functional.silu(x);

    /// <inheritdoc/>
    public Tensor Selu(Tensor x) => nn.functional.selu(x);

    /// <inheritdoc/>
    public Tensor FourierFeatures(Tensor t, Tensor frequencies)
    {
        Tensor angles = t.unsqueeze(-1) * frequencies;
        return cat([cos(angles), sin(angles)], -1);
    }

    /// <inheritdoc/>
    public Tensor Add(Tensor a, Tensor b) => a.add(b, One);

    /// <inheritdoc/>
    public Tensor Multiply(Tensor a, Tensor b) => a * b;

    /// <inheritdoc/>
    public Tensor Divide(Tensor a, Tensor b) => a / b;

    /// <inheritdoc/>
    public Tensor Affine(Tensor x, double factor, double shift)
    {
        using Scalar times = factor.ToScalar(), plus = shift.ToScalar(); // held, as is One
        return x.mul(times).add(plus, One);
    }

    /// <inheritdoc/>
    public Tensor Sigmoid(Tensor x) => sigmoid(x);

    /// <inheritdoc/>
    public Tensor Tanh(Tensor x) => tanh(x);

    /// <inheritdoc/>
    public Tensor Log(Tensor x) => log(x);

    /// <inheritdoc/>
    public Tensor Sqrt(Tensor x) => sqrt(x);

    /// <inheritdoc/>
    public Tensor Softmax(Tensor x) => softmax(x, -1);

    /// <inheritdoc/>
    public Tensor Mean(Tensor x) => x.mean([-1], keepdim: true);

    /// <inheritdoc/>
    public Tensor MatMul(Tensor a, Tensor b) => a.matmul(b);

    /// <inheritdoc/>
    public Tensor Concatenate(Tensor a, Tensor b, int axis = -1) => cat([a, b], axis);

    /// <inheritdoc/>
    public Tensor Permute(Tensor x, params ReadOnlySpan<int> axes)
    {
        long[] order = new long[axes.Length + 1]; // the batch stays first
        for (int i = 0; i < axes.Length; i++)
            order[i + 1] = axes[i];
        return x.permute(order);
    }

    /// <inheritdoc/>
    public Tensor Reshape(Tensor x, params ReadOnlySpan<long> rowShape) => x.reshape([x.shape[0], .. rowShape]);
}
