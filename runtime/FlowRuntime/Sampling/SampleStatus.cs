namespace FlowRuntime.Sampling;

/// <summary>How the solve of one sample ended.</summary>
public enum SampleStatus
{
    /// <summary>The end was reached.</summary>
    Completed,

    /// <summary>The velocity or the state is not finite, however small the step. No tolerance mends this: check that
    /// the inputs are scaled as in training and that the model was exported from a finite network.</summary>
    NonFinite,

    /// <summary>The limit on steps was reached first. Raise the tolerances or <see cref="Ode.AdaptiveSteps.MaxSteps"/>.</summary>
    OutOfSteps,

    /// <summary>The step became too small to move the time. Raise the tolerances.</summary>
    StepTooSmall,
}
