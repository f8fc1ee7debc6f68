using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Networks;

/// <summary>
/// A U-Net for images: residual blocks at ever lower resolutions and back, where what each block on the way down gave stands beside what its counterpart on
/// the way up takes. Time and condition scale and shift every block; the lowest resolutions have self-attention.
/// </summary>
/// <remarks>
/// The last layer starts at zero, so that training starts from the zero field. Sources: Ronneberger et al. 2015; for the blocks and the attention
/// Ho et al. 2020 (DDPM) and Dhariwal and Nichol 2021.
/// </remarks>
public sealed class UNetNetwork : VelocityNetwork
{
    private readonly int _levels, _blocks;
    private readonly ConditionEmbedding _condition;
    private readonly Conv2d _input, _output;
    private readonly GroupNorm _outputNorm;
    private readonly ModuleList<UNetBlock> _down, _middle, _up;
    private readonly ModuleList<Conv2d> _halve, _double;

    /// <summary>Makes a network with random weights, drawn from torch's generator.</summary>
    /// <param name="shape">Shape of one image, [C, H, W]; with L levels H and W are multiples of 2^(L − 1).</param>
    /// <param name="classes">Number of classes; 0 for none.</param>
    /// <param name="options">The network's size.</param>
    /// <param name="vectorLength">Number of values of a condition vector; 0 (the default) for none.</param>
    /// <exception cref="ArgumentException">The images do not fit the options.</exception>
    public UNetNetwork(IReadOnlyList<int> shape, int classes, UNetOptions options, int vectorLength = 0) : base("unet", shape, classes, vectorLength)
    {
        using var scope = NewDisposeScope();
        options.CheckFor(shape);
        (_levels, _blocks) = (options.Multipliers.Count, options.Blocks);
        int width = 4 * options.Width;
        UNetBlock Block(int from, int to, bool attention) => new(from, to, width, options, attention);

        _condition = new ConditionEmbedding(width, options.Frequencies, classes, vectorLength);
        _input = nn.Conv2d(shape[0], options.Width, 3, padding: 1);
        List<UNetBlock> down = [], up = [];
        List<Conv2d> halve = [], twice = [];
        int channels = options.Width;
        for (int level = 0; level < _levels; level++)
        {
            for (int block = 0; block < _blocks; block++, channels = options.Channels(level))
                down.Add(Block(channels, options.Channels(level), options.HasAttention(level)));
            if (level < _levels - 1)
                halve.Add(nn.Conv2d(channels, channels, 3, stride: 2, padding: 1));
        }
        _middle = new ModuleList<UNetBlock>(Block(channels, channels, options.AttentionLevels > 0), Block(channels, channels, attention: false));
        for (int level = _levels - 1; level >= 0; level--)
        {
            for (int block = 0; block < _blocks; block++, channels = options.Channels(level))
                up.Add(Block(channels + options.Channels(level), options.Channels(level), options.HasAttention(level)));
            if (level > 0)
            {
                twice.Add(nn.Conv2d(channels, options.Channels(level - 1), 3, padding: 1));
                channels = options.Channels(level - 1);
            }
        }
        (_down, _up, _halve, _double) = (new(down.ToArray()), new(up.ToArray()), new(halve.ToArray()), new(twice.ToArray()));
        _outputNorm = ChannelNorm.Make(options.Groups, channels);
        _output = nn.Conv2d(channels, shape[0], 3, padding: 1);
        nn.init.zeros_(_output.weight!);
        nn.init.zeros_(_output.bias!);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override T Forward<T>(ITensorOps<T> ops, T t, T x, ConditionInputs<T> given = default) where T : class
    {
        T condition = _condition.Forward(ops, t, given);
        T h = ops.Convolution(x, _input);
        var passed = new Stack<T>();
        for (int block = 0; block < _down.Count; block++)
        {
            if (block > 0 && block % _blocks == 0)
                h = ops.Convolution(h, _halve[block / _blocks - 1]);
            h = _down[block].Forward(ops, h, condition);
            passed.Push(h);
        }
        foreach (UNetBlock block in _middle)
            h = block.Forward(ops, h, condition);
        for (int block = 0; block < _up.Count; block++)
        {
            if (block > 0 && block % _blocks == 0)
                h = ops.Convolution(ops.Upsample(h), _double[block / _blocks - 1]);
            h = _up[block].Forward(ops, ops.Concatenate(h, passed.Pop(), axis: 1), condition);
        }
        return ops.Convolution(ops.Silu(ops.GroupNorm(h, _outputNorm)), _output);
    }
}
