namespace FlowRuntime.Paths;

/// <summary>The trigonometric path: α = sin(πt/2), σ = cos(πt/2), of constant variance for data of variance 1.</summary>
/// <remarks>Source: Albergo and Vanden-Eijnden 2023, "Building Normalizing Flows with Stochastic Interpolants" (the trigonometric interpolant).</remarks>
public sealed class CosinePath : ProbabilityPath
{
    /// <inheritdoc/>
    public override PathCoefficients At(double t)
    {
        (double sine, double cosine) = double.SinCosPi(t / 2); // exact at the ends
        return new(Alpha: sine, Sigma: cosine, AlphaRate: Math.PI / 2 * cosine, SigmaRate: -Math.PI / 2 * sine);
    }

    /// <inheritdoc/>
    public override double TimeOf(double noiseLevel) => 2 / Math.PI * Math.Atan2(1, noiseLevel);
}
