namespace FlowRuntime.Training;

/// <summary>
/// The streams of counter-based randomness in training, kept apart from one another under one seed. Every draw is a
/// function of (seed, stream, step, row), so that neither threads nor resuming change it.
/// </summary>
internal static class RandomStream
{
    public const uint Noise = 1;
    public const uint Row = 2;
    public const uint Shuffle = 3;
    public const uint Points = 4;
    public const uint PointNoise = 5;
    public const uint Check = 6;
    public const uint Coupling = 7;
    public const uint PathNoise = 8;
    public const uint Direction = 9;
    public const uint Augmentation = 10;
    public const uint Classifier = 11;
    public const uint SourcePoints = 16;
    public const uint SourceNoise = 17;
}
