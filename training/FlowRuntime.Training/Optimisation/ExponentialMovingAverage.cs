using static TorchSharp.torch;

namespace FlowRuntime.Training.Optimisation;

/// <summary>
/// The exponential moving average of a network's parameters: θ̄ ← β θ̄ + (1 − β) θ after every step, with β held down to
/// (1 + n)/(10 + n) in the first steps n.
/// </summary>
internal sealed class ExponentialMovingAverage : IDisposable
{
    private readonly Tensor _parameters;

    /// <summary>Starts from the parameters as they are.</summary>
    /// <param name="parameters">The parameters, all in one tensor.</param>
    /// <param name="decay">The decay β, in [0, 1); 0 follows the parameters.</param>
    public ExponentialMovingAverage(Tensor parameters, double decay)
    {
        Decay = TrainingOptions.CheckedDecay(decay, nameof(decay));
        _parameters = parameters;
        using var scope = NewDisposeScope();
        Average = parameters.detach().clone().DetachFromDisposeScope();
    }

    /// <summary>The decay β.</summary>
    public double Decay { get; }

    /// <summary>The average, laid out as the parameters.</summary>
    public Tensor Average { get; }

    /// <summary>Takes the parameters after a step into the average.</summary>
    /// <param name="step">The step, from 1.</param>
    public void Update(long step)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        double decay = Math.Min(Decay, (double)step / (9 + step));
        Tensor share = 1 - decay; // the scope holds it: a number handed over by itself may be freed while the call reads it
        Average.lerp_(_parameters, share);
    }

    /// <summary>Frees the average.</summary>
    public void Dispose() => Average.Dispose();
}
