using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Paths;

namespace FlowRuntime.Onnx;

/// <summary>An ONNX network with a card as a field: its prediction, with the card's sign, stands where a velocity would.</summary>
internal sealed class OnnxField : IVelocityField
{
    private readonly OnnxSession _session;
    private readonly NetworkGraph _graph;
    private readonly NetworkTime _time;

    /// <exception cref="InvalidDataException">The card does not fit the graph; the message names file and field.</exception>
    public OnnxField(OnnxSession session, FlowCard card, ProbabilityPath path, string modelPath)
    {
        _session = session;
        _graph = new NetworkGraph(session.Native, card, modelPath);
        _time = new NetworkTime(card.Time ?? new TimeCard(), path);
    }

    /// <inheritdoc/>
    public int Dimension => _graph.State.Width;

    /// <summary>What the graph takes and gives.</summary>
    public NetworkGraph Graph => _graph;

    /// <summary>Whether its evaluators can work on tables in the memory of a device: float32 rows in any number, one real time each, and velocities as they are.</summary>
    public bool TakesDeviceStates => _graph is { TakesRowsInPlace: true, Time.HasRows: true, Probe: null, Card: { Prediction: { Kind: PredictionKind.Velocity, Sign: 1 }, Time: null or { Steps: null } } };

    /// <inheritdoc/>
    public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers)
    {
        if (buffers.Divergences is not null && _graph.Divergence is null)
            throw new NotSupportedException("This model has no divergence output. Export it with one.");
        return new OnnxEvaluator(_session, _graph, _time, buffers);
    }
}
