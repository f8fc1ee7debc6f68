using FlowRuntime.Cards;

namespace FlowRuntime.Paths;

/// <summary>
/// The scalars of the interpolant x_t = α x1 + σ x0 + γ z at one time, and their derivatives with respect to time.
/// </summary>
/// <remarks>
/// What speaks of noise, score and data holds where x0 ~ N(0, I) is independent of x1. The noise x0 and z then act as one
/// noise ε of deviation ρ = √(σ² + γ²), and x_t = α x1 + ρ ε.
/// </remarks>
/// <param name="Alpha">α: the share of the data x1.</param>
/// <param name="Sigma">σ: the share of the source x0.</param>
/// <param name="AlphaRate">α' = dα/dt.</param>
/// <param name="SigmaRate">σ' = dσ/dt; infinite where a path of constant variance reaches the data.</param>
public readonly record struct PathCoefficients(double Alpha, double Sigma, double AlphaRate, double SigmaRate)
{
    private readonly double? _halfVarianceRate;

    /// <summary>γ: the share of a noise z ~ N(0, I) of its own. Default 0.</summary>
    public double Gamma { get; init; }

    /// <summary>γ' = dγ/dt; infinite at the ends of a bridge. Default 0.</summary>
    public double GammaRate { get; init; }

    /// <summary>ρρ' = σσ' + γγ', half the rate of the noise's variance: finite also where σ' or γ' is not. Default: from those.</summary>
    public double HalfVarianceRate
    {
        get => _halfVarianceRate ?? Sigma * SigmaRate + Gamma * GammaRate;
        init => _halfVarianceRate = value;
    }

    /// <summary>ρ = √(σ² + γ²), the deviation of all the noise; σ where γ is 0.</summary>
    public double Deviation => Gamma == 0 ? Sigma : Math.Sqrt(Sigma * Sigma + Gamma * Gamma);

    /// <summary>ρ' = dρ/dt.</summary>
    public double DeviationRate => Gamma == 0 && double.IsFinite(GammaRate) ? SigmaRate : HalfVarianceRate / Deviation;

    /// <summary>The noise level ρ/α, from ∞ (noise) to 0 (data).</summary>
    public double NoiseLevel => Deviation / Alpha;

    /// <summary>The half log-SNR λ = log(α/ρ), from −∞ (noise) to ∞ (data).</summary>
    public double HalfLogSnr => Math.Log(Alpha / Deviation);

    /// <summary>
    /// The data x1 that a state x and its velocity v speak of, D = OfState · x + OfVelocity · v: the solution of
    /// x = αD + ρε, v = α'D + ρ'ε.
    /// </summary>
    public (double OfState, double OfVelocity) Data
    {
        get
        {
            double rho = Deviation, determinant = Alpha * DeviationRate - rho * AlphaRate;
            return rho == 0 ? (1 / Alpha, 0) : (DeviationRate / determinant, -rho / determinant); // without noise ρ' may be infinite
        }
    }

    /// <summary>The noise ε that a state and its velocity speak of, ε = OfState · x + OfVelocity · v; see <see cref="Data"/>.</summary>
    public (double OfState, double OfVelocity) Noise
    {
        get
        {
            double determinant = Alpha * DeviationRate - Deviation * AlphaRate;
            return (-AlphaRate / determinant, Alpha / determinant);
        }
    }

    /// <summary>The velocity that a state x and a prediction P speak of, v = OfState · x + OfPrediction · P.</summary>
    /// <remarks>
    /// At the ends a prediction may not tell the velocity, and the numbers are not finite: the noise and the score where
    /// α = 0, the data where ρ = 0. Source: solving x = αD + ρε, v = α'D + ρ'ε with ε = −ρ score and
    /// v-prediction = αε − ρD.
    /// </remarks>
    /// <param name="prediction">What P is.</param>
    public (double OfState, double OfPrediction) VelocityOf(PredictionKind prediction)
    {
        double rho = Deviation, halfVarianceRate = HalfVarianceRate;
        switch (prediction)
        {
            case PredictionKind.Velocity:
                return (0, 1);
            case PredictionKind.Noise:
                return (AlphaRate / Alpha, DeviationRate - rho * AlphaRate / Alpha);
            case PredictionKind.Data:
                double decay = halfVarianceRate / (rho * rho);
                return (decay, AlphaRate - Alpha * decay);
            case PredictionKind.Score:
                return (AlphaRate / Alpha, rho * rho * AlphaRate / Alpha - halfVarianceRate);
            case PredictionKind.VPrediction:
                double power = Alpha * Alpha + rho * rho;
                return ((AlphaRate * Alpha + halfVarianceRate) / power, (DeviationRate * Alpha - AlphaRate * rho) / power);
            default:
                throw new ArgumentOutOfRangeException(nameof(prediction), prediction, "There is no such prediction.");
        }
    }

    /// <summary>One prediction from another: to = OfState · x + OfPrediction · from.</summary>
    /// <param name="from">What is known beside the state x.</param>
    /// <param name="to">What is wanted.</param>
    /// <remarks>Inside (0, 1) every prediction tells every other; at the ends see <see cref="VelocityOf"/>.</remarks>
    public (double OfState, double OfPrediction) Convert(PredictionKind from, PredictionKind to)
    {
        if (from == to)
            return (0, 1);
        (double ofState, double ofPrediction) = VelocityOf(from);
        if (to == PredictionKind.Velocity)
            return (ofState, ofPrediction);
        (double wantedOfState, double ofWanted) = VelocityOf(to);
        return ((ofState - wantedOfState) / ofWanted, ofPrediction / ofWanted);
    }

    /// <summary>
    /// The weight w that makes a prediction's squared error the velocity's: ‖v̂ − v‖² = w ‖P̂ − P‖². For the noise on the
    /// linear path in diffusion time s = 1 − t it is 1/(1 − s)².
    /// </summary>
    /// <param name="prediction">What P is.</param>
    public double VelocityWeight(PredictionKind prediction)
    {
        double ofPrediction = VelocityOf(prediction).OfPrediction;
        return ofPrediction * ofPrediction;
    }
}
