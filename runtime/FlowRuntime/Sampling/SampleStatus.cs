namespace FlowRuntime.Sampling;

/// <summary>How the solve of one sample ended.</summary>
public enum SampleStatus
{
    /// <summary>
    /// The end was reached: by adaptive steps with an estimated error within the tolerances in each, by fixed steps with finite numbers, which says nothing of their error.
    /// </summary>
    Completed,

    /// <summary>The velocity or the state is not finite, however small the step. No tolerance mends this: check that
    /// the inputs are scaled as in training and that the model was exported from a finite network.</summary>
    NonFinite,

    /// <summary>The limit on steps was reached first. Raise the tolerances or <see cref="Ode.AdaptiveSteps.MaxSteps"/>.</summary>
    OutOfSteps,

    /// <summary>No step is small enough for the tolerances: either it would not move the time any more, or the rounding of the state to float32 alone is more than they allow. Raise the tolerances.</summary>
    StepTooSmall,
}
