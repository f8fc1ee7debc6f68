namespace FlowRuntime.Sampling;

/// <summary>
/// Samples failed; thrown by <see cref="SampleBatch.EnsureSuccess"/> and <see cref="Likelihood.LikelihoodBatch.EnsureSuccess"/> alone.
/// </summary>
public sealed class SamplingException : Exception
{
    /// <summary>Makes the exception.</summary>
    public SamplingException()
    {
    }

    /// <summary>Makes the exception with a message.</summary>
    public SamplingException(string message) : base(message)
    {
    }

    /// <summary>Makes the exception with a message and a cause.</summary>
    public SamplingException(string message, Exception innerException) : base(message, innerException)
    {
    }

    /// <summary>Who failed, when, and why, with the cure.</summary>
    internal static SamplingException Of(string who, double time, SampleStatus status) => new($"{who} at t = {time:G4}: " + status switch
    {
        SampleStatus.NonFinite => "the velocity is not finite there. No tolerance mends this: check that the inputs are scaled as in training and that the model was exported from a finite network.",
        SampleStatus.OutOfSteps => "the limit on steps, or on rejections in a row, was reached. Raise the tolerances, or MaxSteps and MaxRejections.",
        _ => "the step became too small for the tolerances, or they are smaller than what float32 rounds the state by. Raise the tolerances.",
    });
}
