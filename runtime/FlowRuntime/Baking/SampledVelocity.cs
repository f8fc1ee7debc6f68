using FlowRuntime.Cards;
using FlowRuntime.Ode;
using FlowRuntime.Onnx;
using FlowRuntime.Paths;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FlowRuntime.Baking;

/// <summary>The velocity of all samples at one flow time, of whatever a model predicts and however it is fed the time.</summary>
/// <remarks>
/// A network of whole time steps is asked at these alone; what the path says there stands in tables. Of other networks the flow time is an input's own value, and what the path says
/// is computed where the sampler runs (<see cref="SampledPath"/>).
/// </remarks>
internal sealed class SampledVelocity
{
    private readonly NetworkCall _network;
    private readonly PredictionKind _prediction;
    private readonly TimeCard _time;
    private readonly ProbabilityPath _path;
    private readonly SampledPath _sampledPath;

    /// <param name="model">The model.</param>
    /// <param name="network">Its network.</param>
    public SampledVelocity(FlowModel model, NetworkCall network)
    {
        (_network, _prediction, _path) = (network, model.Card.Prediction.Kind, ProbabilityPath.Of(model.Card.Path));
        _time = model.Card.Time ?? new TimeCard();
        _sampledPath = new SampledPath(_path);
    }

    /// <summary>Number of the network's time steps; null where it takes any time.</summary>
    public int? TimeSteps => _time.Steps;

    /// <summary>Writes the network's weights into the one graph that asks for velocities.</summary>
    public void AddWeights(GraphScope scope) => _network.AddWeights(scope);

    /// <summary>The data that states speak of at the end of a solve that stops short of them, as <see cref="DataFinish"/> has them.</summary>
    /// <param name="scope">Where it is asked.</param>
    /// <param name="states">The last states, [N, d].</param>
    /// <param name="velocities">Their velocities at the end.</param>
    /// <param name="end">The flow time of the end.</param>
    public string DataOf(GraphScope scope, string states, string velocities, double end)
    {
        (double ofState, double ofVelocity) = _path.At(end).Data;
        return Combined(scope, states, scope.Single(ofState), velocities, scope.Single(ofVelocity));
    }

    /// <summary>The velocity at a flow time.</summary>
    /// <param name="scope">Where it is asked.</param>
    /// <param name="time">The flow time, in float64 without dimensions; that of a whole step for a network of steps.</param>
    /// <param name="states">The states, [N, d].</param>
    public string At(GraphScope scope, string time, string states)
    {
        if (_time.Steps is { } steps)
            return AtStep(scope, scope.Node("Round", scope.Node("Mul", time, scope.Double(steps - 1))), steps, states);
        return Velocity(scope, time, states, _network.AtOneTime(scope, Fed(scope, time), states));
    }

    /// <summary>The velocity of each sample at its own flow time.</summary>
    /// <param name="scope">Where it is asked.</param>
    /// <param name="times">The flow times, [N, 1] in float64.</param>
    /// <param name="states">The states, [N, d].</param>
    public string AtOwnTimes(GraphScope scope, string times, string states) => Velocity(scope, times, states, _network.AtOwnTimes(scope, Fed(scope, times), states));

    /// <summary>What the network is fed at flow times, as <see cref="Onnx.NetworkTime"/> has it.</summary>
    private string Fed(GraphScope scope, string time)
    {
        var t = new GraphNumber(scope, time);
        GraphNumber FromOrigin() => _time.From == TimeOrigin.Noise ? t : 1 - t;
        GraphNumber fed = _time.Quantity switch
        {
            TimeQuantity.NoiseLevel => _time.Scale * _sampledPath.NoiseLevel(t),
            TimeQuantity.LogNoiseLevel => -_time.Scale * _sampledPath.HalfLogSnr(t),
            TimeQuantity.LogSnr => _time.Scale * (2 * _sampledPath.HalfLogSnr(t)),
            _ => _time.Scale == 1 ? FromOrigin() : _time.Scale * FromOrigin(),
        };
        return fed.Name;
    }

    /// <summary>The velocity that states and predictions speak of, as <see cref="Fields.PredictionField"/> has it.</summary>
    private string Velocity(GraphScope scope, string time, string states, string prediction)
    {
        if (_prediction == PredictionKind.Velocity)
            return prediction;
        (GraphNumber ofState, GraphNumber ofPrediction) = _sampledPath.VelocityOf(_prediction, new GraphNumber(scope, time));
        return Combined(scope, states, scope.Cast(ofState.Name, TensorElementType.Float), prediction, scope.Cast(ofPrediction.Name, TensorElementType.Float));
    }

    private static string Combined(GraphScope scope, string states, string ofStates, string predictions, string ofPredictions) =>
        scope.Node("Add", scope.Node("Mul", states, ofStates), scope.Node("Mul", predictions, ofPredictions));

    private string AtStep(GraphScope scope, string step, int steps, string states)
    {
        string fed = _time.From == TimeOrigin.Noise ? step : scope.Node("Sub", scope.Double(steps - 1), step);
        string prediction = _network.AtOneTime(scope, fed, states);
        if (_prediction == PredictionKind.Velocity)
            return prediction;
        double[] ofStates = new double[steps], ofPredictions = new double[steps];
        for (int k = 0; k < steps; k++)
            (ofStates[k], ofPredictions[k]) = _path.At(k / (double)(steps - 1)).VelocityOf(_prediction);
        string place = scope.Cast(step, TensorElementType.Int64);
        string Factor(double[] table) => scope.Cast(scope.Node("Gather", scope.Doubles(table, steps), place), TensorElementType.Float);
        return Combined(scope, states, Factor(ofStates), prediction, Factor(ofPredictions));
    }
}
