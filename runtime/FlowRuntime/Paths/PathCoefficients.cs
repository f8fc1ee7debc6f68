namespace FlowRuntime.Paths;

/// <summary>The scalars of a probability path at one time, and their derivatives with respect to time.</summary>
/// <param name="Alpha">α: the share of the data x1.</param>
/// <param name="Sigma">σ: the share of the noise x0.</param>
/// <param name="AlphaRate">α' = dα/dt.</param>
/// <param name="SigmaRate">σ' = dσ/dt.</param>
public readonly record struct PathCoefficients(double Alpha, double Sigma, double AlphaRate, double SigmaRate);
