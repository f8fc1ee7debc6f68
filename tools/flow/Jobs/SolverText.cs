using System.Globalization;
using FlowRuntime.Ode;

namespace FlowRuntime.Tool.Jobs;

/// <summary>A solver in words, the same for the same solver: what a model's card adds to it (profile, moments) stands in the card.</summary>
internal static class SolverText
{
    /// <summary>The words for a solver.</summary>
    /// <param name="solver">The solver.</param>
    /// <param name="start">Time at which the solve starts.</param>
    /// <param name="end">Time at which it ends.</param>
    public static string Of(SolverOptions solver, double start, double end) => solver switch
    {
        AdaptiveSteps steps => string.Create(CultureInfo.InvariantCulture,
            $"{steps.MethodName} at {steps.RelativeTolerance:R} and {steps.AbsoluteTolerance:R}{(steps.Profile is null ? "" : ", profiled")}{(steps.Moments is null ? "" : ", whitened")}"),
        FixedSteps { Grid: GivenGrid given } steps => string.Create(CultureInfo.InvariantCulture,
            $"{Method(steps.Method)}, steps at {string.Join(" ", given.Times(steps.Count, start, end, path: null).Select(time => time.ToString("R", CultureInfo.InvariantCulture)))}"),
        FixedSteps steps => string.Create(CultureInfo.InvariantCulture, $"{Method(steps.Method)}, {steps.Count} steps, {steps.Grid}"),
        _ => solver.ToString(),
    };

    private static string Method(SolverMethod method) => method is StochasticMethod stochastic
        ? string.Create(CultureInfo.InvariantCulture, $"{stochastic.Name} with churn {stochastic.Churn:R}") : method.Name;
}
