using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Networks;

/// <summary>
/// A residual block of a U-Net: s + W₂ silu((1 + a) norm(W₁ silu(norm h)) + b), with W convolutions of 3×3, a and b linear in the condition and s the
/// input, through a convolution of 1×1 where channels change; then self-attention where asked for.
/// </summary>
internal sealed class UNetBlock : nn.Module
{
    private readonly int _channels;
    private readonly GroupNorm _firstNorm, _secondNorm;
    private readonly Conv2d _first, _second;
    private readonly Linear _scale, _shift;
    private readonly Conv2d? _skip;
    private readonly GroupNorm? _attentionNorm;
    private readonly SelfAttention? _attention;

    public UNetBlock(int from, int to, int condition, UNetOptions options, bool attention) : base("block")
    {
        _channels = to;
        _firstNorm = ChannelNorm.Make(options.Groups, from);
        _first = nn.Conv2d(from, to, 3, padding: 1);
        _secondNorm = ChannelNorm.Make(options.Groups, to);
        _scale = nn.Linear(condition, to);
        _shift = nn.Linear(condition, to);
        _second = nn.Conv2d(to, to, 3, padding: 1);
        _skip = from == to ? null : nn.Conv2d(from, to, 1);
        _attentionNorm = attention ? ChannelNorm.Make(options.Groups, to) : null;
        _attention = attention ? new SelfAttention(to, options.Heads) : null;
        RegisterComponents();
    }

    public T Forward<T>(ITensorOps<T> ops, T h, T condition)
    {
        T hidden = ops.Convolution(ops.Silu(ops.GroupNorm(h, _firstNorm)), _first);
        T scale = ops.Reshape(ops.Affine(ops.Linear(condition, _scale), 1, 1), _channels, 1, 1);
        T shift = ops.Reshape(ops.Linear(condition, _shift), _channels, 1, 1);
        hidden = ops.Add(ops.Multiply(ops.GroupNorm(hidden, _secondNorm), scale), shift);
        hidden = ops.Convolution(ops.Silu(hidden), _second);
        h = ops.Add(_skip is null ? h : ops.Convolution(h, _skip), hidden);
        return _attention is null ? h : ops.Add(h, Attend(ops, h, _attention, _attentionNorm!));
    }

    /// <summary>Attention among the pixels.</summary>
    private T Attend<T>(ITensorOps<T> ops, T h, SelfAttention attention, GroupNorm norm)
    {
        IReadOnlyList<long> shape = ops.RowShape(h);
        T pixels = ops.Permute(ops.Reshape(ops.GroupNorm(h, norm), _channels, shape[1] * shape[2]), 2, 1);
        return ops.Reshape(ops.Permute(attention.Forward(ops, pixels), 2, 1), [.. shape]);
    }
}
