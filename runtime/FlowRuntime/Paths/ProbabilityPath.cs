using FlowRuntime.Cards;

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

    /// <summary>The path a card describes; null where this version knows none of its kind.</summary>
    /// <param name="card">The card's path section.</param>
    public static ProbabilityPath? Of(PathCard card) =>
        card is { Kind: PathKind.ConditionalOt, AlphaBar: null } ? new ConditionalOtPath(card.SigmaMin ?? 0) : null;

    /// <summary>The time at which the noise level σ/α has a value; it falls from noise to data.</summary>
    /// <param name="noiseLevel">The noise level, at least 0; what the path does not reach gives the nearer end.</param>
    /// <remarks>By bisection, to the last bit; a path with a closed form overrides it.</remarks>
    public virtual double TimeOf(double noiseLevel)
    {
        double low = 0, high = 1;
        while (true)
        {
            double middle = low + (high - low) / 2;
            if (middle <= low || middle >= high)
                return high;
            PathCoefficients at = At(middle);
            if (at.Sigma > noiseLevel * at.Alpha)
                low = middle;
            else
                high = middle;
        }
    }
}
