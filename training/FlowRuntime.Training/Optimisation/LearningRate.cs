namespace FlowRuntime.Training.Optimisation;

/// <summary>A learning rate that rises linearly from 0 to its peak and then falls to 0 along half a cosine.</summary>
/// <remarks>Source: Loshchilov and Hutter 2017, "SGDR", eq. (5), one period, after a warm-up.</remarks>
/// <param name="Peak">The highest rate.</param>
/// <param name="WarmupSteps">Steps until the peak.</param>
/// <param name="Steps">All steps.</param>
public readonly record struct LearningRate(double Peak, int WarmupSteps, int Steps)
{
    /// <summary>The rate of a step.</summary>
    /// <param name="step">The step, from 0.</param>
    public double At(int step)
    {
        if (step < WarmupSteps)
            return Peak * (step + 1) / WarmupSteps;
        double progress = (double)(step - WarmupSteps) / Math.Max(1, Steps - WarmupSteps);
        return Peak * 0.5 * (1 + Math.Cos(Math.PI * progress));
    }
}
