namespace FlowRuntime.Training.Networks;

/// <summary>The size of a <see cref="DitNetwork"/>. The default is meant for a processor: 1.2 million parameters.</summary>
public sealed record DitOptions : NetworkOptions
{
    /// <summary>Width of a token, from 4 to 8,192, a multiple of 4 and of <see cref="Heads"/>. Default 128.</summary>
    public int Width { get; init => field = Checked(4, 8_192, value, nameof(Width)); } = 128;

    /// <summary>Number of blocks, from 1 to 1,000. Default 4.</summary>
    public int Blocks { get; init => field = Checked(1, 1_000, value, nameof(Blocks)); } = 4;

    /// <summary>Heads of the attention, from 1 to 256. Default 4.</summary>
    public int Heads { get; init => field = Checked(1, 256, value, nameof(Heads)); } = 4;

    /// <summary>Side of a patch in pixels, from 1 to 256; it divides both sides of the images. Default 4.</summary>
    public int Patch { get; init => field = Checked(1, 256, value, nameof(Patch)); } = 4;

    /// <summary>Width of a block's hidden layer as a multiple of <see cref="Width"/>, from 1 to 64. Default 4.</summary>
    public int Expansion { get; init => field = Checked(1, 64, value, nameof(Expansion)); } = 4;

    /// <summary>Number of frequencies of the time features, from 1 to 1,000. Default 16.</summary>
    public int Frequencies { get; init => field = Checked(1, 1_000, value, nameof(Frequencies)); } = 16;

    /// <inheritdoc/>
    public override void CheckFor(IReadOnlyList<int> shape)
    {
        if (shape is not [_, int height, int width])
            throw new ArgumentException($"A transformer takes images [C, H, W]; these states are [{string.Join(", ", shape)}]. Take an mlp.", nameof(shape));
        if (height % Patch != 0 || width % Patch != 0)
            throw new ArgumentException($"Images of {height}×{width} cannot be cut into patches of {Patch}×{Patch}. Give a patch that divides both sides.", nameof(shape));
        if (Width % 4 != 0 || Width % Heads != 0)
            throw new ArgumentException($"The width {Width} is not a multiple of 4 and of the {Heads} heads. Make it one.", nameof(shape));
    }

    /// <inheritdoc/>
    public override VelocityNetwork Make(IReadOnlyList<int> shape, int classes, int vectorLength = 0) => new DitNetwork(shape, classes, this, vectorLength);
}
