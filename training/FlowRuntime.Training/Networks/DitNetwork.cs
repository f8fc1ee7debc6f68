using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Networks;

/// <summary>
/// A diffusion transformer for images: patches become tokens, with a fixed table of sines and cosines for their places; blocks of
/// self-attention and a perceptron, each normalised, scaled, shifted and gated by time and condition.
/// </summary>
/// <remarks>
/// A block is h + g₁ attention((1 + a₁) norm(h) + b₁), then h + g₂ mlp((1 + a₂) norm(h) + b₂), with a, b and g linear in the condition and zero at the
/// start (AdaLN-Zero), as is the last layer: training starts from the zero field. The perceptron has SiLU. Source: Peebles and Xie 2023 ("Scalable
/// Diffusion Models with Transformers").
/// </remarks>
public sealed class DitNetwork : VelocityNetwork
{
    private readonly int _channels, _rows, _columns, _patch, _width;
    private readonly ConditionEmbedding _condition;
    private readonly Tensor _positions; // a buffer: saved, not trained
    private readonly Linear _input, _scale, _shift, _output;
    private readonly LayerNorm _outputNorm;
    private readonly ModuleList<DitBlock> _blocks;

    /// <summary>Makes a network with random weights, drawn from torch's generator.</summary>
    /// <param name="shape">Shape of one image, [C, H, W]; the patch divides H and W.</param>
    /// <param name="classes">Number of classes; 0 for none.</param>
    /// <param name="options">The network's size.</param>
    /// <param name="vectorLength">Number of values of a condition vector; 0 (the default) for none.</param>
    /// <exception cref="ArgumentException">The images do not fit the options.</exception>
    public DitNetwork(IReadOnlyList<int> shape, int classes, DitOptions options, int vectorLength = 0) : base("dit", shape, classes, vectorLength)
    {
        using var scope = NewDisposeScope();
        options.CheckFor(shape);
        (_channels, _patch, _width) = (shape[0], options.Patch, options.Width);
        (_rows, _columns) = (shape[1] / _patch, shape[2] / _patch);
        int values = _channels * _patch * _patch;
        _condition = new ConditionEmbedding(_width, options.Frequencies, classes, vectorLength);
        _input = nn.Linear(values, _width);
        _positions = Positions(_rows, _columns, _width);
        _blocks = new ModuleList<DitBlock>([.. Enumerable.Range(0, options.Blocks).Select(_ => new DitBlock(options))]);
        _outputNorm = nn.LayerNorm(_width, elementwise_affine: false);
        _scale = DitBlock.Zero(_width, _width);
        _shift = DitBlock.Zero(_width, _width);
        _output = DitBlock.Zero(_width, values);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override T Forward<T>(ITensorOps<T> ops, T t, T x, ConditionInputs<T> given = default) where T : class
    {
        T condition = _condition.Forward(ops, t, given);
        long tokens = _rows * _columns, values = _channels * _patch * _patch;
        T patches = ops.Permute(ops.Reshape(x, _channels, _rows, _patch, _columns, _patch), 2, 4, 1, 3, 5); // [N, rows, columns, C, patch, patch]
        T h = ops.Add(ops.Linear(ops.Reshape(patches, tokens, values), _input), ops.Constant(_positions));
        foreach (DitBlock block in _blocks)
            h = block.Forward(ops, h, condition);
        h = DitBlock.Modulate(ops, ops.LayerNorm(h, _outputNorm), condition, _scale, _shift);
        T images = ops.Permute(ops.Reshape(ops.Linear(h, _output), _rows, _columns, _channels, _patch, _patch), 3, 1, 4, 2, 5);
        return ops.Reshape(images, _channels, _rows * _patch, _columns * _patch);
    }

    /// <summary>For each token half its width of sines and cosines of its row and half of its column, with frequencies from 1 down to nearly 1/10,000.</summary>
    private static Tensor Positions(int rows, int columns, int width)
    {
        int quarter = width / 4;
        float[] table = new float[rows * columns * width];
        for (int token = 0; token < rows * columns; token++)
        {
            Span<float> places = table.AsSpan(token * width, width);
            for (int k = 0; k < quarter; k++)
            {
                double frequency = Math.Pow(10_000, -(double)k / quarter);
                (double sine, double cosine) = Math.SinCos(token / columns * frequency);
                (places[k], places[quarter + k]) = ((float)sine, (float)cosine);
                (sine, cosine) = Math.SinCos(token % columns * frequency);
                (places[2 * quarter + k], places[3 * quarter + k]) = ((float)sine, (float)cosine);
            }
        }
        return tensor(table).reshape(rows * columns, width).DetachFromDisposeScope();
    }
}
