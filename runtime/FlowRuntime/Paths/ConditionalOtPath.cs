namespace FlowRuntime.Paths;

/// <summary>
/// The conditional optimal-transport (linear) path: α = t, σ = 1 − (1 − σ_min) t. It ends at the data blurred by
/// N(0, σ_min² I); σ_min = 0 is the path of rectified flow.
/// </summary>
/// <remarks>Source: Lipman et al. 2023, example II, eq. (20).</remarks>
public sealed class ConditionalOtPath : ProbabilityPath
{
    /// <summary>Makes the path.</summary>
    /// <param name="sigmaMin">Blur σ_min of the data at t = 1, in the data's scaled units, in [0, 1).</param>
    /// <exception cref="ArgumentOutOfRangeException">σ_min is not in [0, 1).</exception>
    public ConditionalOtPath(double sigmaMin = 0)
    {
        if (!(sigmaMin >= 0 && sigmaMin < 1))
            throw new ArgumentOutOfRangeException(nameof(sigmaMin), sigmaMin, "Give a blur of at least 0 and below 1, such as 0 or 0.01.");
        SigmaMin = sigmaMin;
    }

    /// <summary>σ_min.</summary>
    internal double SigmaMin { get; }

    /// <inheritdoc/>
    public override PathCoefficients At(double t) =>
        new(Alpha: t, Sigma: 1 - (1 - SigmaMin) * t, AlphaRate: 1, SigmaRate: -(1 - SigmaMin));

    /// <inheritdoc/>
    public override double TimeOf(double noiseLevel) => Math.Min(1, 1 / (noiseLevel + 1 - SigmaMin));
}
