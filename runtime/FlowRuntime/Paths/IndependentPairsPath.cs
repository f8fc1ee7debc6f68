namespace FlowRuntime.Paths;

/// <summary>
/// The straight path between pairs of any source and data, with constant noise: α = t, σ = 1 − t, γ constant. It starts at the
/// source blurred by N(0, γ² I) and ends at the data blurred so.
/// </summary>
/// <remarks>Source: Tong et al. 2024, "Improving and Generalizing Flow-Based Generative Models with Minibatch Optimal Transport", I-CFM.</remarks>
public sealed class IndependentPairsPath : ProbabilityPath
{
    private readonly double _noise;

    /// <summary>Makes the path.</summary>
    /// <param name="noise">γ, in the data's scaled units, at least 0. Default 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">γ is negative or not finite.</exception>
    public IndependentPairsPath(double noise = 0)
    {
        if (!(noise >= 0 && double.IsFinite(noise)))
            throw new ArgumentOutOfRangeException(nameof(noise), noise, "Give a noise of at least 0, such as 0 or 0.1.");
        _noise = noise;
    }

    /// <inheritdoc/>
    public override PathCoefficients At(double t) => new(Alpha: t, Sigma: 1 - t, AlphaRate: 1, SigmaRate: -1) { Gamma = _noise };
}
