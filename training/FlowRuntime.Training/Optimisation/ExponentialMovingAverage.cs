using static TorchSharp.torch;

namespace FlowRuntime.Training.Optimisation;

/// <summary>
/// The exponential moving average of a network's parameters, which is what is exported: θ̄ ← β θ̄ + (1 − β) θ after every
/// step, with β held down to (1 + n)/(10 + n) in the first steps n.
/// </summary>
public sealed class ExponentialMovingAverage : IDisposable
{
    private readonly Tensor[] _parameters;
    private readonly Tensor[] _averages;
    private readonly double _decay;
    private long _updates;

    /// <summary>Starts from the parameters as they are.</summary>
    /// <param name="network">The network.</param>
    /// <param name="decay">The decay β, in [0, 1); 0 follows the parameters.</param>
    public ExponentialMovingAverage(nn.Module network, double decay)
    {
        if (!(decay >= 0 && decay < 1))
            throw new ArgumentOutOfRangeException(nameof(decay), decay, "Give a decay of at least 0 and below 1, such as 0.999.");
        _decay = decay;
        _parameters = [.. network.parameters()];
        _averages = [.. _parameters.Select(parameter => parameter.detach().clone().DetachFromDisposeScope())];
    }

    /// <summary>Takes the parameters after a step into the average.</summary>
    public void Update()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        double decay = Math.Min(_decay, (1.0 + _updates) / (10.0 + _updates));
        _updates++;
        Tensor share = 1 - decay; // the scope holds it: a number handed over by itself may be freed while the call reads it
        for (int i = 0; i < _parameters.Length; i++)
            _averages[i].lerp_(_parameters[i], share);
    }

    /// <summary>Puts the average into the network's parameters.</summary>
    public void CopyToNetwork()
    {
        using var noGradient = no_grad();
        for (int i = 0; i < _parameters.Length; i++)
            _parameters[i].copy_(_averages[i]);
    }

    /// <summary>Frees the average.</summary>
    public void Dispose()
    {
        foreach (Tensor average in _averages)
            average.Dispose();
    }
}
