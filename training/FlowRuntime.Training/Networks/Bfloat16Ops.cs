using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Networks;

/// <summary>
/// Interprets a network on tensors as <see cref="TorchOps"/> does, with the values of images and tokens rounded to bfloat16: this trains large networks
/// in less time where the processor multiplies such numbers. Parameters, their gradients and rows of one axis (time, class, whatever a perceptron
/// works on) stay float32, and so do sums within normalisations and the softmax.
/// </summary>
/// <remarks>
/// Weights are rounded where they are used; their gradients come back as float32, so that small steps are not lost. bfloat16 has the range of float32,
/// so losses need no scale. Source: Kalamkar et al. 2019, "A Study of BFLOAT16 for Deep Learning Training".
/// </remarks>
internal sealed class Bfloat16Ops : ITensorOps<Tensor>
{
    private static readonly TorchOps Full = TorchOps.Instance;

    /// <summary>The one interpreter; it has no state.</summary>
    public static Bfloat16Ops Instance { get; } = new();

    private Bfloat16Ops()
    {
    }

    public IReadOnlyList<long> RowShape(Tensor x) => Full.RowShape(x);

    public Tensor Constant(Tensor value) => value;

    public Tensor Linear(Tensor x, Tensor weight, Tensor? bias) => x.dim() <= 2 ? Full.Linear(x, weight, bias)
        : Full.Linear(Rounded(x), Rounded(weight), bias is null ? null : Rounded(bias));

    public Tensor Convolution(Tensor x, Tensor kernel, Tensor? bias, long stride, long padding) =>
        Full.Convolution(Rounded(x), Rounded(kernel), bias is null ? null : Rounded(bias), stride, padding);

    public Tensor Upsample(Tensor x) => Full.Upsample(x);

    public Tensor Embedding(Tensor indices, Tensor table) => Full.Embedding(indices, table);

    public Tensor LayerNorm(Tensor x, LayerNorm layer) => Full.LayerNorm(x, layer);

    public Tensor GroupNorm(Tensor x, GroupNorm layer) => Full.GroupNorm(x, layer);

    public Tensor Silu(Tensor x) => Full.Silu(x);

    public Tensor Selu(Tensor x) => Full.Selu(x);

    public Tensor FourierFeatures(Tensor t, Tensor frequencies) => Full.FourierFeatures(t, frequencies);

    public Tensor Add(Tensor a, Tensor b) => Full.Add(Like(a, b), Like(b, a));

    public Tensor Multiply(Tensor a, Tensor b) => Full.Multiply(Like(a, b), Like(b, a));

    public Tensor Divide(Tensor a, Tensor b) => Full.Divide(Like(a, b), Like(b, a));

    public Tensor Affine(Tensor x, double factor, double shift) => Full.Affine(x, factor, shift);

    public Tensor Sigmoid(Tensor x) => Full.Sigmoid(x);

    public Tensor Tanh(Tensor x) => Full.Tanh(x);

    public Tensor Log(Tensor x) => Full.Log(x);

    public Tensor Sqrt(Tensor x) => Full.Sqrt(x);

    public Tensor Softmax(Tensor x) => Like(Full.Softmax(x.to(ScalarType.Float32)), x);

    public Tensor Mean(Tensor x) => Full.Mean(x);

    public Tensor MatMul(Tensor a, Tensor b) => Full.MatMul(Like(a, b), Like(b, a));

    public Tensor Concatenate(Tensor a, Tensor b, int axis = -1) => Full.Concatenate(Like(a, b), Like(b, a), axis);

    public Tensor Permute(Tensor x, params ReadOnlySpan<int> axes) => Full.Permute(x, axes);

    public Tensor Reshape(Tensor x, params ReadOnlySpan<long> rowShape) => Full.Reshape(x, rowShape);

    private static Tensor Rounded(Tensor x) => x.dtype == ScalarType.BFloat16 ? x : x.to(ScalarType.BFloat16);

    /// <summary>The values, rounded where the others are.</summary>
    private static Tensor Like(Tensor x, Tensor others) => others.dtype == ScalarType.BFloat16 ? Rounded(x) : x;
}
