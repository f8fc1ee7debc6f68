namespace FlowRuntime.Sampling;

/// <summary>One sample as a solve hands it out. What it shows is the solver's own memory: copy what is to be kept.</summary>
public readonly ref struct FinishedSample
{
    /// <summary>Index of the sample.</summary>
    public long Index { get; init; }

    /// <summary>How it ended.</summary>
    public SampleStatus Status { get; init; }

    /// <summary>The time it reached; for a completed one the end of the solve.</summary>
    public double Time { get; init; }

    /// <summary>Velocity evaluations, rejected steps and the first step's probe included.</summary>
    public int Evaluations { get; init; }

    /// <summary>Accepted steps.</summary>
    public int Accepted { get; init; }

    /// <summary>Rejected steps.</summary>
    public int Rejected { get; init; }

    /// <summary>The log-density of the sample in nats where it was asked for (<see cref="SamplingOptions.LogDensity"/>); NaN otherwise, and for one that failed.</summary>
    public double LogDensity { get; init; }

    /// <summary>The state at <see cref="Time"/>, [dimension]: the sample if it completed, its last finite state otherwise. The consumer may change it.</summary>
    public Span<float> State { get; init; }

    /// <summary>
    /// The states at the times asked for, [times, dimension]; NaN at those a failed sample did not reach; empty where no
    /// trajectory was asked for. The consumer may change them.
    /// </summary>
    public Span<float> Trajectory { get; init; }
}

/// <summary>Takes a finished sample. Called from the threads that solve, one sample at a time.</summary>
/// <param name="sample">The sample; valid during the call.</param>
public delegate void SampleConsumer(in FinishedSample sample);

/// <summary>The order in which samples are handed out.</summary>
public enum SampleOrder
{
    /// <summary>As they finish.</summary>
    Completion,

    /// <summary>By index. Samples that finish early wait in a window of fixed size; when it is full, no new ones are begun.</summary>
    Index,
}
