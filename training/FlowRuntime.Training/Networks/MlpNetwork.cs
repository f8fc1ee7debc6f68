using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Networks;

/// <summary>
/// A multilayer perceptron of residual blocks for points, tables and small images. Time enters as Fourier features
/// cos(πkt), sin(πkt), k = 1 … K; class and condition vector are embedded beside it. Their sum shifts the
/// hidden layer of every block.
/// </summary>
/// <remarks>
/// A block is h + W₂ silu(W₁ norm(h) + U c), with c the condition; the last layer starts at zero, so that training starts
/// from the zero field. Sources: He et al. 2016 (residual blocks); Ba et al. 2016 (layer normalisation).
/// </remarks>
public sealed class MlpNetwork : VelocityNetwork
{
    private readonly Linear _input, _output;
    private readonly ConditionEmbedding _condition;
    private readonly LayerNorm _outputNorm;
    private readonly ModuleList<Block> _blocks;

    /// <summary>Makes a network with random weights, drawn from torch's generator.</summary>
    /// <param name="shape">Shape of one state.</param>
    /// <param name="classes">Number of classes; 0 for none.</param>
    /// <param name="options">The network's size.</param>
    /// <param name="vectorLength">Number of values of a condition vector; 0 (the default) for none.</param>
    public MlpNetwork(IReadOnlyList<int> shape, int classes, MlpOptions options, int vectorLength = 0) : base("mlp", shape, classes, vectorLength)
    {
        using var scope = NewDisposeScope();
        int width = options.Width;
        _input = nn.Linear(Dimension, width);
        _condition = new ConditionEmbedding(width, options.Frequencies, classes, vectorLength);
        _blocks = new ModuleList<Block>([.. Enumerable.Range(0, options.Blocks).Select(_ => new Block(width))]);
        _outputNorm = nn.LayerNorm(width);
        _output = nn.Linear(width, Dimension);
        nn.init.zeros_(_output.weight!);
        nn.init.zeros_(_output.bias!);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override T Forward<T>(ITensorOps<T> ops, T t, T x, ConditionInputs<T> given = default) where T : class
    {
        T condition = _condition.Forward(ops, t, given);
        T h = ops.Linear(ops.Reshape(x, Dimension), _input);
        foreach (Block block in _blocks)
            h = block.Forward(ops, h, condition);
        h = ops.Linear(ops.Silu(ops.LayerNorm(h, _outputNorm)), _output);
        return ops.Reshape(h, [.. Shape.Select(size => (long)size)]);
    }

    private sealed class Block : nn.Module
    {
        private readonly LayerNorm _norm;
        private readonly Linear _first, _condition, _second;

        public Block(int width) : base("block")
        {
            _norm = nn.LayerNorm(width);
            _first = nn.Linear(width, width);
            _condition = nn.Linear(width, width, hasBias: false);
            _second = nn.Linear(width, width);
            RegisterComponents();
        }

        public T Forward<T>(ITensorOps<T> ops, T h, T condition)
        {
            T hidden = ops.Add(ops.Linear(ops.LayerNorm(h, _norm), _first), ops.Linear(condition, _condition));
            return ops.Add(h, ops.Linear(ops.Silu(hidden), _second));
        }
    }
}
