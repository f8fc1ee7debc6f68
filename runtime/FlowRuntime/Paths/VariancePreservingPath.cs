namespace FlowRuntime.Paths;

/// <summary>
/// The variance-preserving diffusion with linear β, in flow time: with s = 1 − t and B(s) = β_min s + ½(β_max − β_min)s²,
/// α = exp(−½B(s)) and σ = √(1 − α²).
/// </summary>
/// <remarks>
/// At t = 0 there is a little of the data left (α = 0.0066 by default). At t = 1, σ' is −∞, so the path is trained and
/// solved up to 1 − <see cref="ProbabilityPath.EndMargin"/>. Source: Song et al. 2021, "Score-Based Generative Modeling
/// through Stochastic Differential Equations", the VP SDE.
/// </remarks>
public sealed class VariancePreservingPath : ProbabilityPath
{
    /// <summary>β_min where none is given.</summary>
    public const double DefaultBetaMin = 0.1;

    /// <summary>β_max where none is given.</summary>
    public const double DefaultBetaMax = 20;

    /// <summary>Makes the path.</summary>
    /// <param name="betaMin">β at the data, at least 0. Default 0.1.</param>
    /// <param name="betaMax">β at the noise, at least β_min and above 0. Default 20.</param>
    /// <exception cref="ArgumentOutOfRangeException">The two are not so, or not finite.</exception>
    public VariancePreservingPath(double betaMin = DefaultBetaMin, double betaMax = DefaultBetaMax)
    {
        if (!(betaMin >= 0 && double.IsFinite(betaMin)))
            throw new ArgumentOutOfRangeException(nameof(betaMin), betaMin, "Give a number of at least 0, such as 0.1.");
        if (!(betaMax >= betaMin && betaMax > 0 && double.IsFinite(betaMax)))
            throw new ArgumentOutOfRangeException(nameof(betaMax), betaMax, FormattableString.Invariant($"Give a positive number of at least β_min = {betaMin}, such as 20."));
        (BetaMin, BetaGrowth) = (betaMin, betaMax - betaMin);
    }

    /// <summary>β_min.</summary>
    internal double BetaMin { get; }

    /// <summary>β_max − β_min.</summary>
    internal double BetaGrowth { get; }

    /// <inheritdoc/>
    public override PathCoefficients At(double t)
    {
        double s = 1 - t, half = (BetaMin * s + BetaGrowth * s * s / 2) / 2;
        double alpha = Math.Exp(-half), sigma = Math.Sqrt(2 * alpha * Math.Sinh(half)); // 1 − α² without cancellation
        double alphaRate = (BetaMin + BetaGrowth * s) / 2 * alpha;
        return new(alpha, sigma, alphaRate, -alpha * alphaRate / sigma) { HalfVarianceRate = -alpha * alphaRate };
    }

    /// <inheritdoc/>
    public override double TimeOf(double noiseLevel)
    {
        double integral = double.LogP1(noiseLevel * noiseLevel); // B, from ρ²/α² = e^B − 1
        double root = BetaMin + Math.Sqrt(BetaMin * BetaMin + 2 * BetaGrowth * integral);
        return integral == 0 ? 1 : integral >= BetaMin + BetaGrowth / 2 ? 0 : 1 - 2 * integral / root;
    }
}
