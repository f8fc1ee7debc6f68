using FlowRuntime.Ode;

namespace FlowRuntime.Baking;

/// <summary>How a sampler is baked.</summary>
/// <param name="Solver">
/// <see cref="FixedSteps"/> of euler, heun or rk4, or <see cref="AdaptiveSteps"/> of dopri5 or tsit5, whose tolerances are inputs and whose first step
/// (<see cref="AdaptiveSteps.FirstStep"/>, default the whole solve) and bounds stand in the file.
/// </param>
public sealed record BakeOptions(SolverOptions Solver)
{
    /// <summary>Whether the number of fixed steps is an input instead of the solver's <see cref="FixedSteps.Count"/>. For the uniform grid alone. Default false.</summary>
    public bool StepsAreInput { get; init; }

    /// <summary>Whether the sampler gives the way of every sample from noise to data besides: its states after each turn of the solver's loop, and their times. Default false.</summary>
    public bool Trajectory { get; init; }

    /// <summary>Whether the sampler takes a scale of guidance. Default null: where the model has an input for "no condition".</summary>
    public bool? Guided { get; init; }
}
