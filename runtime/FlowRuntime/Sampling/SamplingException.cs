namespace FlowRuntime.Sampling;

/// <summary>Samples failed; thrown by <see cref="SampleBatch.EnsureSuccess"/> alone.</summary>
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
}
