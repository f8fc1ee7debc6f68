namespace FlowRuntime.Ode;

/// <summary>
/// Chooses the next step of one sample from its scaled errors: the PI controller, with its remembered error kept by the
/// caller.
/// </summary>
/// <remarks>
/// Source: Gustafsson 1991; Hairer and Wanner, "Solving Ordinary Differential Equations II", section IV.2, with the
/// exponents 0.7/k and 0.4/k given there for k = (embedded order) + 1.
/// </remarks>
internal readonly struct StepController
{
    /// <summary>What a sample's memory holds before its first accepted step.</summary>
    public const double InitialMemory = 1e-4;

    private const double Safety = 0.9;
    private const double Shrink = 0.2;
    private const double Grow = 10;

    private readonly double _proportional;
    private readonly double _integral;
    private readonly double _single;

    public StepController(EmbeddedPair pair)
    {
        double k = pair.EmbeddedOrder + 1;
        (_integral, _proportional, _single) = (0.7 / k, 0.4 / k, 1 / k);
    }

    /// <summary>The factor from an accepted step to the next one.</summary>
    /// <param name="error">Scaled error of the step, at most 1.</param>
    /// <param name="memory">Scaled error of the last accepted step; receives this one's.</param>
    /// <param name="afterRejection">Whether the step was a second try; then the next one may not be larger.</param>
    public double Accepted(double error, ref double memory, bool afterRejection)
    {
        error = Math.Max(error, 1e-10);
        double factor = Safety * Math.Pow(error, -_integral) * Math.Pow(memory, _proportional);
        memory = Math.Max(error, InitialMemory);
        return Math.Clamp(factor, Shrink, afterRejection ? 1 : Grow);
    }

    /// <summary>The factor from a rejected step to its second try; an error that is not finite shrinks as far as is allowed.</summary>
    public double Rejected(double error) =>
        double.IsFinite(error) ? Math.Clamp(Safety * Math.Pow(error, -_single), Shrink, Safety) : Shrink;
}
