namespace FlowRuntime.Sampling;

/// <summary>How exactly samples are solved.</summary>
public enum SamplingQuality
{
    /// <summary>For a quick look: an error of about 5% of the data's standard deviation.</summary>
    Draft,

    /// <summary>The default: an error of about 1% of the data's standard deviation, which no eye and hardly a statistic sees.</summary>
    Normal,

    /// <summary>An error of about 0.1% of the data's standard deviation.</summary>
    Fine,
}
