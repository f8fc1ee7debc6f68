using MathNet.Numerics.Distributions;

namespace FlowRuntime.Training.Objectives;

/// <summary>
/// The law by which the times of a batch are drawn, on [0, 1]; a path that is trained on part of it has it stretched over
/// that part.
/// </summary>
/// <remarks>
/// Times run from 0 (noise) to 1 (data); papers that run the other way have the mirror image: their t is 1 − t here.
/// </remarks>
public abstract record TimeSampling
{
    private protected TimeSampling()
    {
    }

    /// <summary>Times uniform in [0, 1].</summary>
    public static TimeSampling Uniform { get; } = new UniformTimes();

    /// <summary>
    /// Whether the rows of a batch share the unit interval evenly: row i of n draws from the i-th n-th of the law. The loss varies
    /// less from batch to batch, and means what it meant. Default: no.
    /// </summary>
    /// <remarks>Source: Kingma et al. 2021, "Variational Diffusion Models", the low-discrepancy sampler, here with a place of its own in each part.</remarks>
    public bool Stratified { get; init; }

    /// <summary>Whether a row's loss is weighted by 1/p(t), so that the expected loss is that of uniform times. Default: no.</summary>
    /// <exception cref="ArgumentException">The weights of this law have no finite variance.</exception>
    public bool ImportanceWeighted
    {
        get;
        init
        {
            if (value && RefusalOfWeights is { } why)
                throw new ArgumentException($"Importance weights 1/p(t) are of no use here: {why}. Leave them out, or draw times by another law.", nameof(ImportanceWeighted));
            field = value;
        }
    }

    /// <summary>The time below which a share of the law lies.</summary>
    /// <param name="share">The share, in [0, 1).</param>
    /// <returns>The time, in [0, 1].</returns>
    public abstract double Quantile(double share);

    /// <summary>The density p(t).</summary>
    /// <param name="t">The time, in [0, 1].</param>
    public abstract double Density(double t);

    /// <summary>The weight of a time: 1/p(t) where asked for, otherwise 1.</summary>
    public double Weight(double t) => ImportanceWeighted ? 1 / Density(t) : 1;

    private protected abstract string? RefusalOfWeights { get; }
}

/// <summary>Times uniform in [0, 1].</summary>
public sealed record UniformTimes : TimeSampling
{
    /// <inheritdoc/>
    public override double Quantile(double share) => share;

    /// <inheritdoc/>
    public override double Density(double t) => 1;

    private protected override string? RefusalOfWeights => null;
}

/// <summary>Times whose logit log(t/(1 − t)) is N(mean, scale²): many in the middle, hardly any at the ends.</summary>
/// <remarks>Source: Esser et al. 2024, "Scaling Rectified Flow Transformers for High-Resolution Image Synthesis" (there t is the noise's share: their mean is minus ours).</remarks>
public sealed record LogitNormalTimes : TimeSampling
{
    /// <summary>Mean of the logit; above 0 nearer to the data. Default 0.</summary>
    public double Mean
    {
        get;
        init => field = double.IsFinite(value) ? value : throw new ArgumentOutOfRangeException(nameof(Mean), value, "Give a finite number, such as 0.");
    }

    /// <summary>Standard deviation of the logit, above 0. Default 1.</summary>
    public double Scale
    {
        get;
        init => field = value > 0 && double.IsFinite(value) ? value : throw new ArgumentOutOfRangeException(nameof(Scale), value, "Give a positive number, such as 1.");
    } = 1;

    /// <inheritdoc/>
    public override double Quantile(double share) => 1 / (1 + Math.Exp(-(Mean + Scale * Normal.InvCDF(0, 1, share))));

    /// <inheritdoc/>
    public override double Density(double t) => t is <= 0 or >= 1 ? 0 : Normal.PDF(Mean, Scale, Math.Log(t / (1 - t))) / (t * (1 - t));

    private protected override string? RefusalOfWeights => "logit-normal times hardly ever fall near the ends, so the variance of 1/p(t) is infinite";
}

/// <summary>
/// Times t = 1 − u − s (cos²(πu/2) − 1 + u), u uniform: denser at the ends for s below 0 and in the middle for s above it, and
/// never without density.
/// </summary>
/// <remarks>Source: Esser et al. 2024, "Scaling Rectified Flow Transformers for High-Resolution Image Synthesis", mode sampling with heavy tails.</remarks>
public sealed record ModeTimes : TimeSampling
{
    private const double Most = 2 / (Math.PI - 2);

    /// <summary>The shape s, from −1 (the ends) over 0 (uniform) to 2/(π − 2) = 1.75 (the middle), both excluded. Default 0.</summary>
    public double Shape
    {
        get;
        init => field = value > -1 && value < Most ? value : throw new ArgumentOutOfRangeException(nameof(Shape), value, "Give a number above -1 and below 1.75, such as 0.8.");
    }

    /// <inheritdoc/>
    public override double Quantile(double share) => Time(1 - share);

    /// <inheritdoc/>
    /// <remarks>1/|dt/du| at the u of t, which is found by bisection: t falls in u.</remarks>
    public override double Density(double t)
    {
        double low = 0, high = 1;
        for (int i = 0; i < 60; i++)
        {
            double middle = (low + high) / 2;
            (low, high) = Time(middle) > t ? (middle, high) : (low, middle);
        }
        return 1 / (1 + Shape * (1 - Math.PI / 2 * Math.Sin(Math.PI * low)));
    }

    private double Time(double u)
    {
        double cosine = Math.Cos(Math.PI * u / 2);
        return Math.Clamp(1 - u - Shape * (cosine * cosine - 1 + u), 0, 1);
    }

    private protected override string? RefusalOfWeights => null;
}

/// <summary>Times of a beta law, p(t) ∝ t^(a − 1) (1 − t)^(b − 1).</summary>
/// <remarks>Used by Black et al. 2024, "π0", with a below b in their time.</remarks>
public sealed record BetaTimes : TimeSampling
{
    /// <summary>Makes the law.</summary>
    /// <param name="a">Power at the noise, above 0.</param>
    /// <param name="b">Power at the data, above 0.</param>
    public BetaTimes(double a, double b)
    {
        if (!(a > 0 && double.IsFinite(a) && b > 0 && double.IsFinite(b)))
            throw new ArgumentOutOfRangeException(nameof(a), (a, b), "Give two positive numbers, such as 1 and 1.5.");
        (A, B) = (a, b);
    }

    /// <summary>Power at the noise.</summary>
    public double A { get; }

    /// <summary>Power at the data.</summary>
    public double B { get; }

    /// <inheritdoc/>
    public override double Quantile(double share) => share <= 0 ? 0 : Beta.InvCDF(A, B, share);

    /// <inheritdoc/>
    public override double Density(double t) => Beta.PDF(A, B, t);

    private protected override string? RefusalOfWeights => A < 2 && B < 2 ? null
        : FormattableString.Invariant($"beta times with powers {A} and {B} hardly ever fall near an end, so the variance of 1/p(t) is infinite (it is finite where both are below 2)");
}
