using FlowRuntime.Ode;

namespace FlowRuntime.Baking;

/// <summary>How a sampler is baked.</summary>
/// <param name="Solver">
/// <see cref="FixedSteps"/> of euler, heun or rk4, or <see cref="AdaptiveSteps"/> of dopri5 or tsit5, whose tolerances are inputs and whose first step
/// (<see cref="AdaptiveSteps.FirstStep"/>, default the whole solve) and bounds stand in the file.
/// </param>
public sealed record BakeOptions(SolverOptions Solver)
{
    /// <summary>How a method is baked where nothing else is said: with the number of its fixed steps as an input, or in at most 1,000 adaptive steps, the first a twentieth of the solve.</summary>
    /// <param name="model">The model.</param>
    /// <param name="method">The method.</param>
    /// <exception cref="ArgumentException">It is no method of fixed steps, nor an embedded pair.</exception>
    public static BakeOptions Of(FlowModel model, SolverMethod method) => method is EmbeddedPair pair
        ? new(new AdaptiveSteps { Method = pair, FirstStep = 0.05 * (model.End - model.Start), MaxSteps = 1000 }) : new(new FixedSteps(method, 1)) { StepsAreInput = true };

    /// <summary>Refuses a method that is not baked.</summary>
    /// <exception cref="NotSupportedException">It is not.</exception>
    internal static void RequireBaked(SolverMethod method)
    {
        if (method != ButcherTableau.Euler && method != ButcherTableau.Heun && method != ButcherTableau.RungeKutta4 && method != ButcherTableau.Dopri5 && method != ButcherTableau.Tsit5)
            throw new NotSupportedException($"{method} is not baked. Choose euler, heun or rk4 in fixed steps, or dopri5 or tsit5 in adaptive ones.");
    }

    /// <summary>Whether the number of fixed steps is an input instead of the solver's <see cref="FixedSteps.Count"/>. For the uniform grid alone. Default false.</summary>
    public bool StepsAreInput { get; init; }

    /// <summary>Whether the sampler gives the way of every sample from noise to data besides: its states after each turn of the solver's loop, and their times. Default false.</summary>
    public bool Trajectory { get; init; }

    /// <summary>Whether the sampler takes a scale of guidance. Default null: where the model has an input for "no condition".</summary>
    public bool? Guided { get; init; }
}
