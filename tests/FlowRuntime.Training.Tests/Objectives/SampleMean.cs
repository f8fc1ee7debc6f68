namespace FlowRuntime.Training.Tests.Objectives;

/// <summary>The mean of independent draws and its standard error: what a Monte-Carlo statement may say.</summary>
internal readonly record struct SampleMean(double Mean, double Error)
{
    public static SampleMean Of(IReadOnlyList<double> draws)
    {
        double mean = draws.Average();
        return new SampleMean(mean, Math.Sqrt(draws.Sum(draw => (draw - mean) * (draw - mean)) / (draws.Count - 1.0) / draws.Count));
    }

    /// <summary>The mean is the expected one, within 4.5 standard errors and what else is allowed: wrong once in 150,000 seeds.</summary>
    public void IsAt(double expected, double allowed = 0) =>
        Assert.InRange(Mean, expected - 4.5 * Error - allowed, expected + 4.5 * Error + allowed);
}
