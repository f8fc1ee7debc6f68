namespace FlowRuntime.Training.Networks;

/// <summary>The size of a <see cref="UNetNetwork"/>. The default has 0.9 million parameters.</summary>
public sealed record UNetOptions : NetworkOptions
{
    private const int MostLevels = 8;

    /// <summary>Channels at the full resolution, from 1 to 4,096, a multiple of <see cref="Groups"/>. Default 32. Multiples of 16 are fastest.</summary>
    public int Width { get; init => field = Checked(1, 4_096, value, nameof(Width)); } = 32;

    /// <summary>
    /// For each level its channels as a multiple of <see cref="Width"/>, each from 1 to 64; each level after the first has half the
    /// resolution of the one before. From 1 to 8 levels. Default 1, 2, 2.
    /// </summary>
    public IReadOnlyList<int> Multipliers
    {
        get;
        init => field = value.Count is >= 1 and <= MostLevels && value.All(multiplier => multiplier is >= 1 and <= 64) ? value
            : throw new ArgumentOutOfRangeException(nameof(Multipliers), $"[{string.Join(", ", value)}]", $"Give 1 to {MostLevels} whole numbers from 1 to 64, one a level.");
    } = [1, 2, 2];

    /// <summary>Residual blocks of a level on the way down, and as many on the way up, from 1 to 100. Default 1.</summary>
    public int Blocks { get; init => field = Checked(1, 100, value, nameof(Blocks)); } = 1;

    /// <summary>Groups of channels that are normalised together, from 1 to 1,024. Default 8.</summary>
    public int Groups { get; init => field = Checked(1, 1_024, value, nameof(Groups)); } = 8;

    /// <summary>Number of levels, counted from the lowest resolution, whose blocks are followed by self-attention, from 0 to 8. Default 1.</summary>
    public int AttentionLevels { get; init => field = Checked(0, MostLevels, value, nameof(AttentionLevels)); } = 1;

    /// <summary>Heads of the attention, from 1 to 256; they divide the channels of every level with attention. Default 4.</summary>
    public int Heads { get; init => field = Checked(1, 256, value, nameof(Heads)); } = 4;

    /// <summary>Number of frequencies of the time features, from 1 to 1,000. Default 16.</summary>
    public int Frequencies { get; init => field = Checked(1, 1_000, value, nameof(Frequencies)); } = 16;

    /// <summary>Channels of a level; level 0 has the full resolution.</summary>
    internal int Channels(int level) => Width * Multipliers[level];

    /// <summary>Whether a level has self-attention.</summary>
    internal bool HasAttention(int level) => level >= Multipliers.Count - AttentionLevels;

    /// <inheritdoc/>
    public override void CheckFor(IReadOnlyList<int> shape)
    {
        if (shape is not [_, int height, int width])
            throw new ArgumentException($"A U-Net takes images [C, H, W]; these states are [{string.Join(", ", shape)}]. Take an mlp.", nameof(shape));
        int halvings = Multipliers.Count - 1, multiple = 1 << halvings;
        if (height % multiple != 0 || width % multiple != 0)
            throw new ArgumentException($"A U-Net of {Multipliers.Count} levels halves its images {halvings} times, so both sides must be multiples of {multiple}; these are {height}×{width}. Give fewer multipliers.", nameof(shape));
        if (Width % Groups != 0)
            throw new ArgumentException($"The width {Width} cannot be parted into {Groups} groups. Make it a multiple of the groups.", nameof(shape));
        for (int level = 0; level < Multipliers.Count; level++)
        {
            if (HasAttention(level) && Channels(level) % Heads != 0)
                throw new ArgumentException($"{Channels(level)} channels cannot be parted into {Heads} heads of attention. Make them a multiple of the heads.", nameof(shape));
        }
    }

    /// <inheritdoc/>
    public override VelocityNetwork Make(IReadOnlyList<int> shape, int classes, int vectorLength = 0) => new UNetNetwork(shape, classes, this, vectorLength);
}
