using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Likelihood;

/// <summary>The log-density of samples as they are drawn: log p(x(End)) = log p(x(Start)) − ∫ ∇·v dt, solved forward together with the state.</summary>
internal sealed class DrawnDensity
{
    private readonly LikelihoodField _field;
    private readonly GaussianPrior _prior;
    private readonly OdeProblem _problem;
    private readonly double _logDeterminant;

    /// <param name="problem">Samples to be drawn; its initial states are the prior's.</param>
    /// <param name="prior">The law of the initial states.</param>
    /// <param name="logDeterminant">log |det| of the map from the data's values to the network's.</param>
    public DrawnDensity(OdeProblem problem, GaussianPrior prior, double logDeterminant)
    {
        (_problem, _prior, _logDeterminant) = (problem, prior, logDeterminant);
        _field = new LikelihoodField(problem.Field, problem.Seed, probes: 1);
    }

    /// <summary>The problem with the integral of the divergence beside the state.</summary>
    public OdeProblem Problem => _problem with
    {
        Field = _field,
        InitialState = (index, state) =>
        {
            _problem.InitialState(index, state[..^1]);
            state[^1] = 0;
        },
        Shape = null,
        FinishesWithData = false,
    };

    /// <summary>A sample of that problem without the integral, but with its log-density; its memory is changed.</summary>
    public FinishedSample Read(in FinishedSample sample)
    {
        int dimension = _field.Dimension - 1;
        double integral = sample.State[^1] / _field.Factor;
        float[] start = new float[dimension];
        _problem.InitialState(sample.Index, start);
        Span<float> trajectory = sample.Trajectory;
        for (int i = 0; i < _problem.TrajectoryTimes.Count; i++)
            trajectory.Slice(i * (dimension + 1), dimension).CopyTo(trajectory[(i * dimension)..]);
        return sample with
        {
            State = sample.State[..dimension],
            Trajectory = trajectory[..(_problem.TrajectoryTimes.Count * dimension)],
            LogDensity = sample.Status == SampleStatus.Completed ? _prior.LogDensity(start) - integral + _logDeterminant : double.NaN,
        };
    }
}
