using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Networks;

/// <summary>Self-attention with several heads: each token takes in the values of all, weighted by softmax(q·k/√d).</summary>
/// <remarks>Source: Vaswani et al. 2017.</remarks>
internal sealed class SelfAttention : nn.Module
{
    private readonly long _width, _heads;
    private readonly Linear _query, _key, _value, _output;

    /// <param name="width">Width of a token, a multiple of the heads.</param>
    /// <param name="heads">Number of heads.</param>
    public SelfAttention(int width, int heads) : base("attention")
    {
        (_width, _heads) = (width, heads);
        _query = nn.Linear(width, width);
        _key = nn.Linear(width, width);
        _value = nn.Linear(width, width);
        _output = nn.Linear(width, width);
        RegisterComponents();
    }

    /// <summary>What the tokens [N, count, width] take in, of the same shape.</summary>
    public T Forward<T>(ITensorOps<T> ops, T tokens)
    {
        long count = ops.RowShape(tokens)[0], size = _width / _heads;
        T query = ops.Permute(ops.Reshape(ops.Linear(tokens, _query), count, _heads, size), 2, 1, 3);
        T key = ops.Permute(ops.Reshape(ops.Linear(tokens, _key), count, _heads, size), 2, 3, 1);
        T value = ops.Permute(ops.Reshape(ops.Linear(tokens, _value), count, _heads, size), 2, 1, 3);
        T weights = ops.Softmax(ops.MatMul(ops.Affine(query, 1 / Math.Sqrt(size), 0), key)); // [N, heads, count, count]
        T taken = ops.Permute(ops.MatMul(weights, value), 2, 1, 3);
        return ops.Linear(ops.Reshape(taken, count, _width), _output);
    }
}
