namespace FlowRuntime.Training.Networks;

/// <summary>The size of an <see cref="MlpNetwork"/>.</summary>
public sealed record MlpOptions : NetworkOptions
{
    /// <summary>Width of the hidden layers, from 1 to 65,536. Default 128.</summary>
    public int Width { get; init => field = Checked(1, 65_536, value, nameof(Width)); } = 128;

    /// <summary>Number of residual blocks, from 1 to 1,000. Default 3.</summary>
    public int Blocks { get; init => field = Checked(1, 1_000, value, nameof(Blocks)); } = 3;

    /// <summary>Number of frequencies of the time features, from 1 to 1,000. Default 16.</summary>
    public int Frequencies { get; init => field = Checked(1, 1_000, value, nameof(Frequencies)); } = 16;

    /// <inheritdoc/>
    public override VelocityNetwork Make(IReadOnlyList<int> shape, int classes, int vectorLength = 0) => new MlpNetwork(shape, classes, this, vectorLength);
}
