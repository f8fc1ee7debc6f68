namespace FlowRuntime.Sampling;

/// <summary>One sample of an asynchronous stream; its memory is the caller's.</summary>
public sealed record DrawnSample
{
    /// <summary>Takes a copy of a finished sample.</summary>
    internal DrawnSample(in FinishedSample sample)
    {
        (Index, Status, Time, Evaluations, LogDensity) = (sample.Index, sample.Status, sample.Time, sample.Evaluations, sample.LogDensity);
        (Values, Trajectory) = (sample.State.ToArray(), sample.Trajectory.ToArray());
    }

    /// <summary>Index of the sample.</summary>
    public long Index { get; }

    /// <summary>How it ended.</summary>
    public SampleStatus Status { get; }

    /// <summary>The time it reached; for a completed one the end of the solve.</summary>
    public double Time { get; }

    /// <summary>Velocity evaluations, rejected steps and the first step's probe included.</summary>
    public int Evaluations { get; }

    /// <summary>The log-density in nats where <see cref="SamplingOptions.LogDensity"/> asked for it; NaN otherwise, and for one that failed.</summary>
    public double LogDensity { get; }

    /// <summary>Its values in the data's own units, of the model's <see cref="FlowModel.Shape"/>; of a failed one the last finite state.</summary>
    public float[] Values { get; }

    /// <summary>The states at the times asked for, [times, shape…]; empty where none were.</summary>
    public float[] Trajectory { get; }
}
