using FlowRuntime.Training.Optimisation;

namespace FlowRuntime.Training;

/// <summary>How a network is trained.</summary>
public sealed record TrainingOptions
{
    /// <summary>Number of steps, at least 1. Default 10,000.</summary>
    public int Steps { get; init => field = AtLeast(1, value, nameof(Steps)); } = 10_000;

    /// <summary>Rows a step, at least 1. Default 256.</summary>
    public int BatchSize { get; init => field = AtLeast(1, value, nameof(BatchSize)); } = 256;

    /// <summary>Peak learning rate, above 0. Default 2e-3.</summary>
    public double LearningRate
    {
        get;
        init => field = value > 0 && double.IsFinite(value) ? value
            : throw new ArgumentOutOfRangeException(nameof(LearningRate), value, "Give a positive number, such as 1e-3.");
    } = 2e-3;

    /// <summary>Steps until the peak learning rate, at least 0. Default 200.</summary>
    public int WarmupSteps { get; init => field = AtLeast(0, value, nameof(WarmupSteps)); } = 200;

    /// <summary>How the learning rate goes on after the warm-up. Default: it falls along a cosine.</summary>
    public LearningRateSchedule Schedule { get; init; }

    /// <summary>Weight decay of AdamW, at least 0. Default 0.01.</summary>
    public double WeightDecay
    {
        get;
        init => field = value >= 0 && double.IsFinite(value) ? value
            : throw new ArgumentOutOfRangeException(nameof(WeightDecay), value, "Give a number of at least 0, such as 0.01.");
    } = 0.01;

    /// <summary>Decay of the moving average of the weights, in [0, 1). Default 0.999.</summary>
    public double EmaDecay
    {
        get;
        init => field = value >= 0 && value < 1 ? value
            : throw new ArgumentOutOfRangeException(nameof(EmaDecay), value, "Give a number of at least 0 and below 1, such as 0.999.");
    } = 0.999;

    /// <summary>Largest norm of the gradient; longer ones are shortened to it. Above 0. Default 1.</summary>
    public double ClipNorm
    {
        get;
        init => field = value > 0 ? value
            : throw new ArgumentOutOfRangeException(nameof(ClipNorm), value, "Give a positive number, such as 1.");
    } = 1;

    /// <summary>Seed of the weights and of all draws. Default 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>Threads of torch, from 1 to 256. Default 1: the same seed then gives the same losses to the last digit.</summary>
    public int Threads
    {
        get;
        init => field = value is >= 1 and <= 256 ? value : throw new ArgumentOutOfRangeException(nameof(Threads), value, "Give 1 to 256 threads.");
    } = 1;

    private static int AtLeast(int least, int value, string name) => value >= least ? value
        : throw new ArgumentOutOfRangeException(name, value, $"Give a whole number of at least {least}.");
}
