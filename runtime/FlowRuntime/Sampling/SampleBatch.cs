namespace FlowRuntime.Sampling;

/// <summary>The samples of one solve, in index order, with what became of each and what it cost.</summary>
public sealed class SampleBatch
{
    internal SampleBatch(long first, long count, IReadOnlyList<int> shape, IReadOnlyList<double> trajectoryTimes, bool withDensity = false)
    {
        Dimension = shape.Aggregate(1, (product, size) => checked(product * size));
        if (count > Array.MaxLength / ((long)Dimension * Math.Max(1, trajectoryTimes.Count)))
            throw new ArgumentOutOfRangeException(nameof(count), count,
                $"{count} samples of {Dimension} values are more than one array can hold. Sample in parts, each with its own First, or stream them.");
        First = first;
        Count = (int)count;
        Shape = shape;
        TrajectoryTimes = trajectoryTimes;
        Values = new float[count * Dimension];
        Trajectories = trajectoryTimes.Count == 0 ? [] : new float[count * trajectoryTimes.Count * Dimension];
        Status = new SampleStatus[count];
        Times = new double[count];
        Evaluations = new int[count];
        Accepted = new int[count];
        Rejected = new int[count];
        LogDensities = withDensity ? new double[count] : null;
    }

    /// <summary>Index of the first sample.</summary>
    public long First { get; }

    /// <summary>Number of samples.</summary>
    public int Count { get; }

    /// <summary>Shape of one sample, such as [1, 8, 8] or [2].</summary>
    public IReadOnlyList<int> Shape { get; }

    /// <summary>Number of values of one sample: the product of <see cref="Shape"/>.</summary>
    public int Dimension { get; }

    /// <summary>
    /// All values, [count, shape…], row-major. A failed sample's row holds its last finite state, which is no sample:
    /// see <see cref="Status"/>.
    /// </summary>
    public float[] Values { get; }

    /// <summary>The times at which trajectories were recorded.</summary>
    public IReadOnlyList<double> TrajectoryTimes { get; }

    /// <summary>
    /// The states at those times, [count, times, shape…], row-major; NaN at those a failed sample did not reach. Empty where
    /// no trajectory was asked for.
    /// </summary>
    public float[] Trajectories { get; }

    /// <summary>How each sample ended, [count].</summary>
    public SampleStatus[] Status { get; }

    /// <summary>The time each sample reached, [count]; for a completed one the end of the solve.</summary>
    public double[] Times { get; }

    /// <summary>Velocity evaluations of each sample, [count], rejected steps and the first step's probe included.</summary>
    public int[] Evaluations { get; }

    /// <summary>Accepted steps of each sample, [count].</summary>
    public int[] Accepted { get; }

    /// <summary>Rejected steps of each sample, [count].</summary>
    public int[] Rejected { get; }

    /// <summary>The log-density of each sample, [count], in nats and the data's own units; NaN for a failed one. Null where <see cref="SamplingOptions.LogDensity"/> did not ask for it.</summary>
    public double[]? LogDensities { get; }

    /// <summary>What all samples cost together.</summary>
    public SamplingStatistics Statistics { get; internal set; } = new(0, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Number of samples that did not reach the end.</summary>
    public int Failed => Status.Count(status => status != SampleStatus.Completed);

    /// <summary>The values of one sample, [dimension].</summary>
    /// <param name="i">Position in this batch, from 0 to <see cref="Count"/> − 1.</param>
    public Span<float> this[int i] => Values.AsSpan(i * Dimension, Dimension);

    /// <summary>Takes a sample over.</summary>
    internal void Take(in FinishedSample sample)
    {
        int i = (int)(sample.Index - First);
        sample.State.CopyTo(this[i]);
        if (!sample.Trajectory.IsEmpty)
            sample.Trajectory.CopyTo(Trajectories.AsSpan(i * sample.Trajectory.Length));
        Status[i] = sample.Status;
        Times[i] = sample.Time;
        Evaluations[i] = sample.Evaluations;
        Accepted[i] = sample.Accepted;
        Rejected[i] = sample.Rejected;
        LogDensities?[i] = sample.LogDensity;
    }

    /// <summary>Throws if any sample failed; returns this batch otherwise.</summary>
    /// <exception cref="SamplingException">A sample failed; the message says which first, where and why.</exception>
    public SampleBatch EnsureSuccess()
    {
        int i = Array.FindIndex(Status, status => status != SampleStatus.Completed);
        return i < 0 ? this : throw SamplingException.Of($"{Failed} of {Count} samples failed; sample {First + i}", Times[i], Status[i]);
    }
}
