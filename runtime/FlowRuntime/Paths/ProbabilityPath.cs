namespace FlowRuntime.Paths;

/// <summary>
/// A probability path from noise (t = 0) to data (t = 1): the affine interpolant x_t = α(t) x1 + σ(t) x0, whose time
/// derivative u_t = α'(t) x1 + σ'(t) x0 is what a velocity network learns.
/// </summary>
/// <remarks>Source: Lipman et al. 2023, "Flow Matching for Generative Modeling", theorem 3, in the form of an interpolant.</remarks>
public abstract class ProbabilityPath
{
    /// <summary>α, σ, α' and σ' at a time.</summary>
    /// <param name="t">Flow time, in [0, 1].</param>
    public abstract PathCoefficients At(double t);
}
