namespace FlowRuntime.Training.Networks;

/// <summary>The size of an <see cref="MlpNetwork"/>.</summary>
/// <param name="Width">Width of the hidden layers, at least 1. Default 128.</param>
/// <param name="Blocks">Number of residual blocks, at least 1. Default 3.</param>
/// <param name="Frequencies">Number of frequencies of the time features, at least 1. Default 16.</param>
public sealed record MlpOptions(int Width = 128, int Blocks = 3, int Frequencies = 16);
