namespace FlowRuntime.Fields;

/// <summary>
/// Classifier-free guidance towards a condition. A number stands for its scale: <c>Guidance = 1.5</c>.
/// </summary>
/// <remarks>Source: Ho and Salimans 2022, "Classifier-Free Diffusion Guidance", eq. (6); there w = 0 is the conditional network, and their w is <see cref="Scale"/> − 1.</remarks>
public sealed record Guidance
{
    /// <summary>No guidance: the plain conditional network.</summary>
    public static Guidance None { get; } = new(1);

    /// <summary>Guidance of a scale.</summary>
    /// <param name="scale">See <see cref="Scale"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The scale is not finite.</exception>
    public Guidance(double scale) => Scale = scale;

    /// <summary>
    /// The scale w, finite in float32: the network's prediction is P(none) + w (P(condition) − P(none)). 1 is the plain conditional network, above 1 sharpens the
    /// condition, 0 is without it. Each evaluation takes two rows of the network then.
    /// </summary>
    public double Scale
    {
        get;
        init => field = float.IsFinite((float)value) ? value : throw new ArgumentOutOfRangeException(nameof(Scale), value, "Give a finite guidance scale, such as 1.5.");
    }

    /// <summary>
    /// The flow times within which there is guidance, both included; outside the network is the plain conditional one, at one row an evaluation. Default
    /// (null): all times.
    /// </summary>
    /// <remarks>Source: Kynkäänniemi et al. 2024, "Applying Guidance in a Limited Interval Improves Sample and Distribution Quality in Diffusion Models".</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The second time is before the first, or one is NaN.</exception>
    public (double Start, double End)? Interval
    {
        get;
        init => field = value is null || value.Value.Start <= value.Value.End ? value
            : throw new ArgumentOutOfRangeException(nameof(Interval), value, "Give the first time and a later one, such as (0.2, 0.8).");
    }

    /// <summary>
    /// The share φ, in [0, 1], to which the guided prediction of each sample gets the standard deviation of the conditional one over its values:
    /// P (φ s(condition)/s(guided) + 1 − φ). Default 0, none; 0.7 is the source's choice.
    /// </summary>
    /// <remarks>Source: Lin et al. 2024, "Common Diffusion Noise Schedules and Sample Steps are Flawed", eqs. (14) to (16).</remarks>
    public double Rescale
    {
        get;
        init => field = value is >= 0 and <= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Rescale), value, "Give a share from 0 to 1, such as 0.7.");
    }

    /// <summary>The condition that guidance leads away from, in place of none. Default (null): none.</summary>
    public Condition? Negative { get; init; }

    /// <summary>Guidance of a scale.</summary>
    public static implicit operator Guidance(double scale) => new(scale);

    /// <summary>Whether the network is plainly conditional at all times.</summary>
    internal bool IsNone => Scale == 1;

    /// <summary>Whether there is guidance at a time.</summary>
    internal bool IsActiveAt(double time) => Interval is not { } interval || (time >= interval.Start && time <= interval.End);
}
