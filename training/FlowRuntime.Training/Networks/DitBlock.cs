using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Networks;

/// <summary>A block of a <see cref="DitNetwork"/>.</summary>
internal sealed class DitBlock : nn.Module
{
    private readonly LayerNorm _attentionNorm, _hiddenNorm;
    private readonly SelfAttention _attention;
    private readonly Linear _hidden, _output;
    private readonly Linear _attentionScale, _attentionShift, _attentionGate, _hiddenScale, _hiddenShift, _hiddenGate;

    public DitBlock(DitOptions options) : base("block")
    {
        int width = options.Width;
        _attentionNorm = nn.LayerNorm(width, elementwise_affine: false);
        _attention = new SelfAttention(width, options.Heads);
        _hiddenNorm = nn.LayerNorm(width, elementwise_affine: false);
        _hidden = nn.Linear(width, width * options.Expansion);
        _output = nn.Linear(width * options.Expansion, width);
        _attentionScale = Zero(width, width);
        _attentionShift = Zero(width, width);
        _attentionGate = Zero(width, width);
        _hiddenScale = Zero(width, width);
        _hiddenShift = Zero(width, width);
        _hiddenGate = Zero(width, width);
        RegisterComponents();
    }

    public T Forward<T>(ITensorOps<T> ops, T h, T condition)
    {
        T taken = _attention.Forward(ops, Modulate(ops, ops.LayerNorm(h, _attentionNorm), condition, _attentionScale, _attentionShift));
        h = ops.Add(h, ops.Multiply(ForTokens(ops, ops.Linear(condition, _attentionGate)), taken));
        T hidden = Modulate(ops, ops.LayerNorm(h, _hiddenNorm), condition, _hiddenScale, _hiddenShift);
        hidden = ops.Linear(ops.Silu(ops.Linear(hidden, _hidden)), _output);
        return ops.Add(h, ops.Multiply(ForTokens(ops, ops.Linear(condition, _hiddenGate)), hidden));
    }

    /// <summary>(1 + a) h + b, with a and b linear in the condition and the same for every token.</summary>
    public static T Modulate<T>(ITensorOps<T> ops, T h, T condition, Linear scale, Linear shift) => ops.Add(
        ops.Multiply(h, ForTokens(ops, ops.Affine(ops.Linear(condition, scale), 1, 1))),
        ForTokens(ops, ops.Linear(condition, shift)));

    /// <summary>A layer whose weights start at zero.</summary>
    public static Linear Zero(int from, int to)
    {
        Linear layer = nn.Linear(from, to);
        nn.init.zeros_(layer.weight!);
        nn.init.zeros_(layer.bias!);
        return layer;
    }

    private static T ForTokens<T>(ITensorOps<T> ops, T vector) => ops.Reshape(vector, 1, ops.RowShape(vector)[0]);
}
