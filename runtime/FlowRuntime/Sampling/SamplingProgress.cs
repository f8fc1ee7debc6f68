namespace FlowRuntime.Sampling;

/// <summary>How far a solve has come. Reports come from the worker threads, one at a time in each.</summary>
/// <param name="Finished">Samples that have ended, failed ones included.</param>
/// <param name="Total">Samples asked for.</param>
public readonly record struct SamplingProgress(long Finished, long Total);
