using FlowRuntime.Training.Optimisation;

namespace FlowRuntime.Training;

/// <summary>How a network is trained.</summary>
public sealed record TrainingOptions
{
    /// <summary>Number of steps, at least 1; not looked at where <see cref="Minutes"/> are given. Default 10,000.</summary>
    public int Steps { get; init => field = AtLeast(1, value, nameof(Steps)); } = 10_000;

    /// <summary>
    /// Minutes of training after which it ends, above 0: the learning rate then falls with the share of the time that is used, and no two
    /// trainings are the same. Default (null): it ends after <see cref="Steps"/>.
    /// </summary>
    public double? Minutes
    {
        get;
        init => field = value is null or (> 0 and <= 1e6) ? value
            : throw new ArgumentOutOfRangeException(nameof(Minutes), value, "Give a positive number, such as 10.");
    }

    /// <summary>Rows of a batch, at least 1. Default 256.</summary>
    public int BatchSize { get; init => field = AtLeast(1, value, nameof(BatchSize)); } = 256;

    /// <summary>
    /// Batches a step, at least 1, whose gradients are averaged: k batches of n rows are the same draws as one of kn rows, in less memory
    /// (unless pairs are coupled or times stratified, which both go by batches). Default 1.
    /// </summary>
    public int Accumulation { get; init => field = AtLeast(1, value, nameof(Accumulation)); } = 1;

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

    /// <summary>Decay of the moving average of the weights that is exported, in [0, 1). Default 0.999.</summary>
    public double EmaDecay { get; init => field = CheckedDecay(value, nameof(EmaDecay)); } = 0.999;

    /// <summary>Decays of further moving averages, each in [0, 1), which are kept and saved beside the exported one. Default: none.</summary>
    public IReadOnlyList<double> MoreEmaDecays
    {
        get;
        init => field = [.. value.Select(decay => CheckedDecay(decay, nameof(MoreEmaDecays)))];
    } = [];

    /// <summary>Largest norm of the gradient; longer ones are shortened to it. Above 0. Default 1.</summary>
    public double ClipNorm
    {
        get;
        init => field = value > 0 ? value
            : throw new ArgumentOutOfRangeException(nameof(ClipNorm), value, "Give a positive number, such as 1.");
    } = 1;

    /// <summary>Steps between two losses on held-out rows, at least 1. Default 500.</summary>
    public int ValidateEvery { get; init => field = AtLeast(1, value, nameof(ValidateEvery)); } = 500;

    /// <summary>Steps between two checkpoints, at least 1. Default 1,000.</summary>
    public int CheckpointEvery { get; init => field = AtLeast(1, value, nameof(CheckpointEvery)); } = 1_000;

    /// <summary>Seed of the weights and of all draws. Default 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>
    /// Threads that compute, from 1 to 256; with two or more each batch goes through the network in two halves at once. The same seed gives the same losses
    /// to the last digit for the same number, with 1 or 2 threads on every run, with more as far as torch's own division of work does. Default 1.
    /// </summary>
    public int Threads
    {
        get;
        init => field = value is >= 1 and <= 256 ? value : throw new ArgumentOutOfRangeException(nameof(Threads), value, "Give 1 to 256 threads.");
    } = 1;

    /// <summary>The numbers that gradients are computed in; held-out losses and the exported model are float32. Default: float32.</summary>
    public TrainingPrecision Precision { get; init; }

    /// <summary>What computes. Default: the CPU.</summary>
    public TrainingDevice Device { get; init; }

    internal static double CheckedDecay(double decay, string name) => decay >= 0 && decay < 1 ? decay
        : throw new ArgumentOutOfRangeException(name, decay, "Give a number of at least 0 and below 1, such as 0.999.");

    private static int AtLeast(int least, int value, string name) => value >= least ? value
        : throw new ArgumentOutOfRangeException(name, value, $"Give a whole number of at least {least}.");
}
