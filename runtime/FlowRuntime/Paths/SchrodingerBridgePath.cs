namespace FlowRuntime.Paths;

/// <summary>
/// The Brownian bridge between pairs, α = t, σ = 1 − t, γ = c√(t(1 − t)): with pairs coupled by entropic optimal transport of
/// regularisation 2c² it is the Schrödinger bridge of the reference process c dW.
/// </summary>
/// <remarks>
/// γ' is infinite at both ends, so the path is trained and solved <see cref="ProbabilityPath.EndMargin"/> inside them.
/// Source: Tong et al. 2024, "Improving and Generalizing Flow-Based Generative Models with Minibatch Optimal Transport", SB-CFM.
/// </remarks>
public sealed class SchrodingerBridgePath : ProbabilityPath
{
    /// <summary>c where none is given.</summary>
    public const double DefaultNoise = 1;

    private readonly double _noise;

    /// <summary>Makes the path.</summary>
    /// <param name="noise">c, the diffusion of the reference process in the data's scaled units per √time, above 0. Default 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">c is not a positive finite number.</exception>
    public SchrodingerBridgePath(double noise = DefaultNoise)
    {
        if (!(noise > 0 && double.IsFinite(noise)))
            throw new ArgumentOutOfRangeException(nameof(noise), noise, "Give a positive number, such as 1.");
        _noise = noise;
    }

    /// <inheritdoc/>
    public override PathCoefficients At(double t)
    {
        double root = Math.Sqrt(t * (1 - t));
        return new(Alpha: t, Sigma: 1 - t, AlphaRate: 1, SigmaRate: -1)
        {
            Gamma = _noise * root,
            GammaRate = _noise * (1 - 2 * t) / (2 * root),
            HalfVarianceRate = t - 1 + _noise * _noise * (1 - 2 * t) / 2,
        };
    }
}
