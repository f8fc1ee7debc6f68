using FlowRuntime.Cards;

namespace FlowRuntime.Paths;

/// <summary>
/// A probability path from noise (t = 0) to data (t = 1): the affine interpolant x_t = α(t) x1 + σ(t) x0 + γ(t) z, whose
/// time derivative u_t = α'(t) x1 + σ'(t) x0 + γ'(t) z is what a velocity network learns.
/// </summary>
/// <remarks>
/// A path of your own is a class with one method, <see cref="At"/>. Source: Lipman et al. 2023, "Flow Matching for Generative
/// Modeling", theorem 3, in the form of an interpolant; with γ Albergo et al. 2023, "Stochastic Interpolants".
/// </remarks>
public abstract class ProbabilityPath
{
    /// <summary>How far inside an end a path is trained and solved whose target or conversion is infinite there.</summary>
    public const double EndMargin = 1e-5;

    /// <summary>
    /// How far inside the noise a network of noise or score is trained and solved where α is 0 there: an error of what it says is divided by α on
    /// the way to the velocity.
    /// </summary>
    /// <remarks>Measured: noise on the cosine path, moons, 4,000 steps; the energy distance to held-out points (floor 0.0020) was 0.184
    /// from 1e-5, 0.0024 from 0.001, 0.0007 from 0.01 and 0.0006 from 0.03. A solve that starts at 0.01 of the data knows their mean and scale.</remarks>
    public const double NoiseMargin = 0.01;

    /// <summary>α, σ, γ and their derivatives at a time.</summary>
    /// <param name="t">Flow time, in [0, 1].</param>
    public abstract PathCoefficients At(double t);

    /// <summary>The path a card describes.</summary>
    /// <param name="card">The card's path section.</param>
    /// <exception cref="ArgumentException">A number of the card is not one of its path, or it lacks its table or has one too many.</exception>
    public static ProbabilityPath Of(PathCard card) => card switch
    {
        { AlphaBar: { } alphaBar, Kind: PathKind.Tabulated } => new TabulatedPath(alphaBar),
        { AlphaBar: not null } => throw new ArgumentException($"A table of ᾱ, path.alpha_bar, belongs to the kind tabulated, and this is {card.Kind}. Leave it out, or name that kind.", nameof(card)),
        { Kind: PathKind.Tabulated } => throw new ArgumentException("The kind tabulated needs a table of ᾱ. Give path.alpha_bar.", nameof(card)),
        { Kind: PathKind.ConditionalOt } => new ConditionalOtPath(card.SigmaMin ?? 0),
        { Kind: PathKind.VariancePreserving } => new VariancePreservingPath(card.BetaMin ?? VariancePreservingPath.DefaultBetaMin, card.BetaMax ?? VariancePreservingPath.DefaultBetaMax),
        { Kind: PathKind.VarianceExploding } => new VarianceExplodingPath(card.SigmaMin ?? VarianceExplodingPath.DefaultSigmaMin, card.SigmaMax ?? VarianceExplodingPath.DefaultSigmaMax),
        { Kind: PathKind.Cosine } => new CosinePath(),
        { Kind: PathKind.IndependentPairs } => new IndependentPairsPath(card.Noise ?? 0),
        { Kind: PathKind.SchrodingerBridge } => new SchrodingerBridgePath(card.Noise ?? SchrodingerBridgePath.DefaultNoise),
        _ => throw new ArgumentException($"There is no path of the kind {card.Kind}.", nameof(card)),
    };

    /// <summary>log-SNR, log(α²/ρ²) with ρ² = σ² + γ², from −∞ (noise) to ∞ (data).</summary>
    /// <param name="t">Flow time, in [0, 1].</param>
    public double LogSnr(double t) => 2 * At(t).HalfLogSnr;

    /// <summary>The time at which the log-SNR has a value: the inverse of <see cref="LogSnr"/>.</summary>
    /// <param name="logSnr">The log-SNR; what the path does not reach gives the nearer end.</param>
    public double TimeOfLogSnr(double logSnr) => TimeOf(Math.Exp(-logSnr / 2));

    /// <summary>The time at which the noise level ρ/α has a value; it falls from noise to data.</summary>
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
            if (at.Deviation > noiseLevel * at.Alpha)
                low = middle;
            else
                high = middle;
        }
    }

    /// <summary>
    /// The least α at which a network of noise or score is trained and solved, where the path has one above 0 at its start: an error of what it says is divided by
    /// α on the way to the data.
    /// </summary>
    /// <remarks>Common schedules begin above it (0.0064 and 0.0066 for the linear β of DDPM and of the variance-preserving path); cosine tables end in a step far
    /// below, at 0.0008 in one of 60 steps, whose network's error then comes out 32 times as large one step on.</remarks>
    public const double LeastSignal = 0.005;

    /// <summary>
    /// The times at which a network of this path can be trained and solved: [0, 1], or <see cref="EndMargin"/> inside an end
    /// where the target is infinite or the prediction does not tell the velocity. For the noise and the score the start is <see cref="NoiseMargin"/> where α is 0
    /// there, and otherwise the first time with at least <see cref="LeastSignal"/>, of a table the first such step.
    /// </summary>
    /// <param name="prediction">What the network predicts.</param>
    public (double Start, double End) TimeRange(PredictionKind prediction = PredictionKind.Velocity)
    {
        PathCoefficients start = At(0);
        double first = prediction is PredictionKind.Noise or PredictionKind.Score
            ? start.Alpha >= LeastSignal ? 0 : start.Alpha == 0 ? NoiseMargin : FirstTimeOf(LeastSignal)
            : IsRegular(start, prediction) ? 0 : EndMargin;
        return (first, IsRegular(At(1), prediction) ? 1 : 1 - EndMargin);
    }

    /// <summary>The first time at which α has at least a value above that at 0.</summary>
    private protected virtual double FirstTimeOf(double alpha)
    {
        double low = 0, high = 1;
        for (double middle = 0.5; middle > low && middle < high; middle = low + (high - low) / 2)
            (low, high) = At(middle).Alpha < alpha ? (middle, high) : (low, middle);
        return high;
    }

    private static bool IsRegular(PathCoefficients at, PredictionKind prediction)
    {
        if (prediction == PredictionKind.Velocity)
            return double.IsFinite(at.AlphaRate) && double.IsFinite(at.SigmaRate) && double.IsFinite(at.GammaRate);
        if (prediction == PredictionKind.Score && at.Deviation == 0)
            return false; // the score −ε/ρ
        (double ofState, double ofPrediction) = at.VelocityOf(prediction);
        return double.IsFinite(ofState) && double.IsFinite(ofPrediction);
    }
}
