namespace FlowRuntime.Paths;

/// <summary>The variance-exploding diffusion in flow time: α = 1, σ = σ_min (σ_max/σ_min)^(1 − t).</summary>
/// <remarks>
/// It starts at the data blurred by N(0, σ_max² I), not at noise alone: a solve starts from N(mean, data's variance + σ_max²).
/// Source: Song et al. 2021, "Score-Based Generative Modeling through Stochastic Differential Equations", the VE SDE.
/// </remarks>
public sealed class VarianceExplodingPath : ProbabilityPath
{
    /// <summary>σ_min where none is given.</summary>
    public const double DefaultSigmaMin = 0.01;

    /// <summary>σ_max where none is given.</summary>
    public const double DefaultSigmaMax = 50;

    /// <summary>Makes the path.</summary>
    /// <param name="sigmaMin">Blur σ_min of the data at t = 1, in the data's scaled units, above 0. Default 0.01.</param>
    /// <param name="sigmaMax">Noise σ_max at t = 0, above σ_min. Default 50.</param>
    /// <exception cref="ArgumentOutOfRangeException">The two are not so, or not finite.</exception>
    public VarianceExplodingPath(double sigmaMin = DefaultSigmaMin, double sigmaMax = DefaultSigmaMax)
    {
        if (!(sigmaMin > 0 && double.IsFinite(sigmaMin)))
            throw new ArgumentOutOfRangeException(nameof(sigmaMin), sigmaMin, "Give a positive number, such as 0.01.");
        if (!(sigmaMax > sigmaMin && double.IsFinite(sigmaMax)))
            throw new ArgumentOutOfRangeException(nameof(sigmaMax), sigmaMax, FormattableString.Invariant($"Give a number above σ_min = {sigmaMin}, such as 50."));
        (SigmaMin, LogRatio) = (sigmaMin, Math.Log(sigmaMax / sigmaMin));
    }

    /// <summary>σ_min.</summary>
    internal double SigmaMin { get; }

    /// <summary>log(σ_max/σ_min).</summary>
    internal double LogRatio { get; }

    /// <inheritdoc/>
    public override PathCoefficients At(double t)
    {
        double sigma = SigmaMin * Math.Exp(LogRatio * (1 - t));
        return new(Alpha: 1, sigma, AlphaRate: 0, SigmaRate: -LogRatio * sigma);
    }

    /// <inheritdoc/>
    public override double TimeOf(double noiseLevel) => Math.Clamp(1 - Math.Log(noiseLevel / SigmaMin) / LogRatio, 0, 1);
}
