using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Training.Networks;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Onnx;

/// <summary>A network's labels and standardised vectors as tensors, and as the conditions of its exported file.</summary>
internal static class NetworkConditions
{
    /// <summary>The tensors of some rows.</summary>
    public static ConditionInputs<Tensor> ConditionsOf(this VelocityNetwork network, long[]? labels, float[]? vectors) => new(
        network.Classes > 0 ? tensor(labels!) : null,
        network.VectorLength > 0 ? tensor(vectors!).reshape(-1, network.VectorLength) : null);

    /// <summary>The condition of one row that the network sees.</summary>
    public static Condition ConditionOf(this VelocityNetwork network, FlowCard card, long label, ReadOnlySpan<float> vector) => Of(
        network.Classes == 0 || label == network.NullLabel ? null : (int)label,
        network.VectorLength == 0 || vector[0] == VelocityNetwork.NullVector ? [] : vector,
        card.Conditions?.Vectors?[0].Columns);

    /// <summary>The condition of a label and a standardised vector, which is brought back to its own units; the runtime undoes that.</summary>
    /// <param name="label">The label; null for none.</param>
    /// <param name="vector">The vector; empty for none.</param>
    /// <param name="columns">How it is standardised.</param>
    public static Condition Of(int? label, ReadOnlySpan<float> vector, ColumnsCard? columns)
    {
        Condition condition = label is null ? Condition.None : new Condition { Label = label };
        if (vector.IsEmpty)
            return condition;
        float[] values = vector.ToArray();
        DataTransform.ToDataUnits(new DataCard(Columns: columns), values);
        return condition with { Vectors = new Dictionary<string, float[]> { [OnnxExporter.Vector] = values } };
    }
}
