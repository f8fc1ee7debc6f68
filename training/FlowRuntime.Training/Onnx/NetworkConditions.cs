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

    /// <summary>The condition of one row; its vector is brought back to its own units, which the runtime undoes.</summary>
    public static Condition ConditionOf(this VelocityNetwork network, FlowCard card, long label, ReadOnlySpan<float> vector)
    {
        Condition condition = network.Classes == 0 || label == network.NullLabel ? Condition.None : new Condition { Label = (int)label };
        if (network.VectorLength == 0 || vector[0] == VelocityNetwork.NullVector)
            return condition;
        float[] values = vector.ToArray();
        DataTransform.ToDataUnits(new DataCard(Columns: card.Conditions!.Vectors![0].Columns), values);
        return condition with { Vectors = new Dictionary<string, float[]> { [OnnxExporter.Vector] = values } };
    }
}
