namespace FlowRuntime.Sampling;

/// <summary>What a solve cost, counted exactly.</summary>
/// <param name="Evaluations">Velocity evaluations of all samples together: one for each sample and time at which its
/// velocity was asked for, rejected steps and the first step's probe included.</param>
/// <param name="Accepted">Accepted steps of all samples together.</param>
/// <param name="Rejected">Rejected steps of all samples together.</param>
/// <param name="FieldCalls">Calls of the field; one call evaluates many samples.</param>
/// <param name="Elapsed">Wall time of the solve.</param>
public sealed record SamplingStatistics(long Evaluations, long Accepted, long Rejected, long FieldCalls, TimeSpan Elapsed)
{
    /// <summary>Bytes that crossed between the host's memory and a device's where the states stay there (<see cref="FlowModelOptions.StateOnDevice"/>); 0 otherwise.</summary>
    public long BusBytes { get; init; }
}
