namespace FlowRuntime.Training.Networks;

/// <summary>The size of an <see cref="MlpNetwork"/>.</summary>
public sealed record MlpOptions
{
    /// <summary>Width of the hidden layers, from 1 to 65,536. Default 128.</summary>
    public int Width { get; init => field = Checked(65_536, value, nameof(Width)); } = 128;

    /// <summary>Number of residual blocks, from 1 to 1,000. Default 3.</summary>
    public int Blocks { get; init => field = Checked(1_000, value, nameof(Blocks)); } = 3;

    /// <summary>Number of frequencies of the time features, from 1 to 1,000. Default 16.</summary>
    public int Frequencies { get; init => field = Checked(1_000, value, nameof(Frequencies)); } = 16;

    private static int Checked(int most, int value, string name) => value >= 1 && value <= most ? value
        : throw new ArgumentOutOfRangeException(name, value, $"Give a whole number from 1 to {most}.");
}
