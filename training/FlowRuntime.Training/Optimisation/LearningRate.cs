namespace FlowRuntime.Training.Optimisation;

/// <summary>How the learning rate goes on after the warm-up.</summary>
public enum LearningRateSchedule
{
    /// <summary>It falls to 0 along half a cosine.</summary>
    Cosine,

    /// <summary>It stays at its peak.</summary>
    Constant,
}

/// <summary>A learning rate that rises linearly from 0 to its peak and then falls to 0 along half a cosine, or stays.</summary>
/// <remarks>Source: Loshchilov and Hutter 2017, "SGDR", eq. (5), one period, after a warm-up.</remarks>
/// <param name="Peak">The highest rate.</param>
/// <param name="WarmupSteps">Steps until the peak.</param>
/// <param name="Steps">All steps.</param>
/// <param name="Schedule">How it goes on after the warm-up.</param>
public readonly record struct LearningRate(double Peak, int WarmupSteps, int Steps, LearningRateSchedule Schedule = LearningRateSchedule.Cosine)
{
    /// <summary>The rate of a step.</summary>
    /// <param name="step">The step, from 0.</param>
    public double At(int step)
    {
        if (step < WarmupSteps)
            return Peak * (step + 1) / WarmupSteps;
        if (Schedule == LearningRateSchedule.Constant)
            return Peak;
        double progress = (double)(step - WarmupSteps) / Math.Max(1, Steps - WarmupSteps);
        return Peak * 0.5 * (1 + Math.Cos(Math.PI * progress));
    }

    /// <summary>The rate of a step of a training that ends on time: the same rise, and the fall over the share of the time that is used.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="share">Share of the time that is used, in [0, 1].</param>
    public double At(int step, double share)
    {
        double rise = step < WarmupSteps ? (step + 1.0) / WarmupSteps : 1;
        return Peak * rise * (Schedule == LearningRateSchedule.Constant ? 1 : 0.5 * (1 + Math.Cos(Math.PI * Math.Min(1, share))));
    }
}
