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
    public Tensor Constant(Tensor value) => value;

    /// <inheritdoc/>
    public Tensor Linear(Tensor x, Linear layer) => nn.functional.linear(x, layer.weight!, layer.bias);

    /// <inheritdoc/>
    public Tensor Embedding(Tensor indices, Tensor table) => table.index_select(0, indices);

    /// <inheritdoc/>
    public Tensor LayerNorm(Tensor x, LayerNorm layer) => layer.forward(x);

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
    public Tensor Softmax(Tensor x) => softmax(x, -1);

    /// <inheritdoc/>
    public Tensor Concatenate(Tensor a, Tensor b) => cat([a, b], -1);

    /// <inheritdoc/>
    public Tensor Reshape(Tensor x, params ReadOnlySpan<long> rowShape) => x.reshape([x.shape[0], .. rowShape]);
}
