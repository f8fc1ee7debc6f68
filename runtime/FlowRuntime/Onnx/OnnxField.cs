using FlowRuntime.Cards;
using FlowRuntime.Fields;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FlowRuntime.Onnx;

/// <summary>An ONNX network with a card as a field: its prediction, with the card's sign, stands where a velocity would.</summary>
internal sealed class OnnxField : IVelocityField
{
    private readonly OnnxSession _session;
    private readonly FlowCard _card;

    /// <exception cref="InvalidDataException">The card does not fit the graph; the message names file and field.</exception>
    /// <exception cref="NotSupportedException">The card asks for what this version cannot do.</exception>
    public OnnxField(OnnxSession session, FlowCard card, string modelPath)
    {
        _session = session;
        _card = card;
        Dimension = card.Sample.Shape.Aggregate(1, (product, size) => product * size);
        RefuseUnsupported(card, modelPath);
        CheckGraph(session.Native, card, modelPath);
    }

    /// <inheritdoc/>
    public int Dimension { get; }

    /// <inheritdoc/>
    public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers)
    {
        if (buffers.Divergences is not null && _card.Outputs.Divergence is null)
            throw new NotSupportedException("This model has no divergence output. Export it with one.");
        return new OnnxEvaluator(_session, _card, buffers);
    }

    private static void RefuseUnsupported(FlowCard card, string modelPath)
    {
        string? what =
            card.Time?.Steps is not null ? "time.steps; it feeds real times"
            : card.Conditions?.Sequences is { Count: > 0 } ? "conditions.sequences; it knows classes and vectors"
            : card.Latent is not null ? "latent; it samples in the data's own space"
            : null;
        if (what is not null)
            throw new NotSupportedException($"{modelPath}: this version of FlowRuntime cannot sample a model whose card gives {what}.");
    }

    /// <summary>Whether an output is [N, 1] and not [N].</summary>
    public static bool IsColumn(InferenceSession session, string output) =>
        session.OutputMetadata.TryGetValue(output, out NodeMetadata? value) && value.IsTensor && value.Dimensions is [_, 1];

    private static void CheckGraph(InferenceSession session, FlowCard card, string modelPath)
    {
        int[] stateShape = [-1, .. card.Sample.Shape];
        CheckValue(session.InputMetadata, card.Inputs.State, "inputs.state", TensorElementType.Float, stateShape, modelPath);
        CheckValue(session.InputMetadata, card.Inputs.Time, "inputs.time", TensorElementType.Float, [-1], modelPath);
        CheckValue(session.OutputMetadata, card.Outputs.Prediction, "outputs.prediction", TensorElementType.Float, stateShape, modelPath);
        if (card.Outputs.Divergence is { } divergence)
            CheckValue(session.OutputMetadata, divergence, "outputs.divergence", TensorElementType.Float, IsColumn(session, divergence) ? [-1, 1] : [-1], modelPath);
        if (card.Inputs.Probe is { } probe)
            CheckValue(session.InputMetadata, probe, "inputs.probe", TensorElementType.Float, stateShape, modelPath);
        string? label = card.Conditions?.Classes?.Input;
        if (label is not null)
            CheckValue(session.InputMetadata, label, "conditions.classes.input", TensorElementType.Int64, [-1], modelPath);
        IReadOnlyList<ConditionInputCard> vectors = card.Conditions?.Vectors ?? [];
        for (int i = 0; i < vectors.Count; i++)
            CheckValue(session.InputMetadata, vectors[i].Input, $"conditions.vectors[{i}].input", TensorElementType.Float, [-1, .. vectors[i].Shape], modelPath);
        HashSet<string?> fed = [card.Inputs.State, card.Inputs.Time, card.Inputs.Probe, label, .. vectors.Select(vector => vector.Input)];
        string? unfed = session.InputMetadata.Keys.FirstOrDefault(name => !fed.Contains(name));
        if (unfed is not null)
            throw new InvalidDataException($"{modelPath}: the graph's input '{unfed}' is not named in the card, so nothing would be fed to it. Name it in the card or in {CardFile.SidecarOf(modelPath)}.");
    }

    private static void CheckValue(
        IReadOnlyDictionary<string, NodeMetadata> values, string name, string field, TensorElementType type, int[] shape, string modelPath)
    {
        string cure = $"Correct '{field}' in the card or in {CardFile.SidecarOf(modelPath)}.";
        if (!values.TryGetValue(name, out NodeMetadata? value))
            throw new InvalidDataException($"{modelPath}: the card's {field} is '{name}', but the graph has {string.Join(", ", values.Keys)}. {cure}");
        if (!value.IsTensor || value.ElementDataType != type)
            throw new InvalidDataException($"{modelPath}: the card's {field} '{name}' is {(value.IsTensor ? value.ElementDataType : value.OnnxValueType)} in the graph, not {type}. {cure}");
        int[] actual = value.Dimensions;
        // A size of −1 is open. A batch of fixed size would not take the calls of a solve.
        bool fits = actual.Length == shape.Length && actual[0] == -1
            && actual.Zip(shape).Skip(1).All(pair => pair.First == -1 || pair.First == pair.Second);
        if (!fits)
            throw new InvalidDataException($"{modelPath}: the card's {field} '{name}' has the shape {Shape(actual)} in the graph, but {(shape.Length > 1 ? $"the card's {(field.EndsWith(".input", StringComparison.Ordinal) ? field[..^5] + "shape" : "sample.shape")} asks for" : "one number a row is needed:")} {Shape(shape)}. {cure}");
    }

    private static string Shape(int[] shape) => $"[{string.Join(", ", shape.Select(size => size == -1 ? "N" : size.ToString()))}]";
}
