namespace FlowRuntime.Paths;

/// <summary>The scalars of a probability path at one time, and their derivatives with respect to time.</summary>
/// <param name="Alpha">α: the share of the data x1.</param>
/// <param name="Sigma">σ: the share of the noise x0.</param>
/// <param name="AlphaRate">α' = dα/dt.</param>
/// <param name="SigmaRate">σ' = dσ/dt.</param>
public readonly record struct PathCoefficients(double Alpha, double Sigma, double AlphaRate, double SigmaRate)
{
    /// <summary>The noise level σ/α, from ∞ (noise) to 0 (data).</summary>
    public double NoiseLevel => Sigma / Alpha;

    /// <summary>The half log-SNR λ = log(α/σ), from −∞ (noise) to ∞ (data).</summary>
    public double HalfLogSnr => Math.Log(Alpha / Sigma);

    /// <summary>
    /// The data x1 that a state x and its velocity v speak of, D = OfState · x + OfVelocity · v: the solution of
    /// x = αD + σε, v = α'D + σ'ε.
    /// </summary>
    public (double OfState, double OfVelocity) Data => (SigmaRate / Determinant, -Sigma / Determinant);

    /// <summary>The noise x0 that a state and its velocity speak of, ε = OfState · x + OfVelocity · v; see <see cref="Data"/>.</summary>
    public (double OfState, double OfVelocity) Noise => (-AlphaRate / Determinant, Alpha / Determinant);

    private double Determinant => Alpha * SigmaRate - Sigma * AlphaRate;
}
