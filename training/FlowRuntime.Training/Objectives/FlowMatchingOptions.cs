using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Paths;
using FlowRuntime.Training.Couplings;
using FlowRuntime.Training.Data;

namespace FlowRuntime.Training.Objectives;

/// <summary>What a network is taught: the path, what it predicts there, and how noise, data and times are drawn.</summary>
public sealed record FlowMatchingOptions
{
    /// <summary>The path from source to data. Default: conditional OT with σ_min = 0.</summary>
    public ProbabilityPath Path { get; init; } = new ConditionalOtPath();

    /// <summary>
    /// What the network predicts. Default: the velocity; others need a normal source independent of the data, since a velocity tells
    /// noise and data apart only there.
    /// </summary>
    public PredictionKind Prediction { get; init; } = PredictionKind.Velocity;

    /// <summary>
    /// Weight of a row's squared error as a function of the path's scalars. Default (null): the one that makes it the velocity's squared
    /// error, <see cref="PathCoefficients.VelocityWeight"/>. For the plain error of the prediction give <see cref="Plain"/>.
    /// </summary>
    public Func<PathCoefficients, double>? Weight { get; init; }

    /// <summary>How the times of a batch are drawn. Default: uniform.</summary>
    public TimeSampling Times { get; init; } = TimeSampling.Uniform;

    /// <summary>How source and data are paired. Default: independently.</summary>
    public Coupling Coupling { get; init; } = new IndependentCoupling();

    /// <summary>Training batches that are paired together, at least 1: optimal transport over more rows strays less from that of the laws. Default 1.</summary>
    public int CouplingBatches
    {
        get;
        init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(CouplingBatches), value, "Give a whole number of at least 1.");
    } = 1;

    /// <summary>The rows the flow starts from, of the data's shape, in the network's units. Default (null): N(0, I).</summary>
    public Dataset? Source { get; init; }

    /// <summary>Random changes of the rows as they are drawn, for images. Default: none.</summary>
    public Augmentation Augmentation { get; init; } = new();

    /// <summary>
    /// The data's law where it is known: the target is then the marginal field itself (flow matching), not the conditional one. For finite
    /// data give <see cref="GaussianMixture.OfRows"/>. Needs a normal source, independent of the data. Default: none.
    /// </summary>
    public GaussianMixture? Oracle { get; init; }

    /// <summary>
    /// Share of rows whose class and condition vector are replaced by "none", in [0, 1], so that the network also learns the unconditional field that guidance
    /// needs. Default 0.1.
    /// </summary>
    public double ClassDropout
    {
        get;
        init => field = value >= 0 && value <= 1 ? value
            : throw new ArgumentOutOfRangeException(nameof(ClassDropout), value, "Give a share between 0 and 1, such as 0.1.");
    } = 0.1;

    /// <summary>Times that are trained. Default (null): the path's own, <see cref="ProbabilityPath.TimeRange"/>.</summary>
    public (double Start, double End)? TimeRange
    {
        get;
        init => field = value is null || (value.Value.Start >= 0 && value.Value.Start < value.Value.End && value.Value.End <= 1) ? value
            : throw new ArgumentOutOfRangeException(nameof(TimeRange), value, "Give 0 ≤ start < end ≤ 1.");
    }

    /// <summary>The weight 1: the plain squared error of the prediction.</summary>
    public static Func<PathCoefficients, double> Plain { get; } = static _ => 1;

    /// <summary>Checks that what is asked for goes together.</summary>
    /// <exception cref="ArgumentException">It does not; the message says what to leave out.</exception>
    public void Check()
    {
        bool coupled = Coupling is not IndependentCoupling || Source is not null;
        if (coupled && Prediction != PredictionKind.Velocity)
            throw new ArgumentException($"With coupled noise and data, or another source than N(0, I), a network predicts velocities alone: they do not tell the {Prediction}. Ask for the velocity, or for the independent coupling.");
        if (coupled && Oracle is not null)
            throw new ArgumentException("The exact field is that of a normal source independent of the data. Leave out the oracle, or the coupling and the source.");
        if (!Augmentation.IsNone && Oracle is not null)
            throw new ArgumentException("The oracle knows the field of the data as they are, not of augmented ones. Leave out one of the two.");
        (double first, double last) = Path.TimeRange(Prediction);
        if (Range.Start < first || Range.End > last)
            throw new ArgumentException(FormattableString.Invariant($"This path is trained from t = {first} to {last}: beyond, the target or its weight is infinite, or nearly so. Give times within."));
    }

    /// <summary>The times that are trained, and so may be solved: for the card of the model.</summary>
    public (double Start, double End) Range => TimeRange ?? Path.TimeRange(Prediction);
}
