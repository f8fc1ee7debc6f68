using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Paths;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Onnx;

/// <summary>How far the velocity of an exported file is from that of the trained network where a solve meets it: on the path, not on noise alone.</summary>
public static class VelocityChange
{
    private const int Rows = 64;

    /// <summary>The relative change √(Σ‖v' − v‖²/Σ‖v‖²), v being the trained network's velocity and v' the file's.</summary>
    /// <param name="network">The trained network.</param>
    /// <param name="modelPath">The exported file; its card tells path and prediction.</param>
    /// <param name="along">Points of the path, such as <see cref="ConditionalFlowMatching.Draw"/> gives of held-out data.</param>
    /// <returns>The change, 0 for none.</returns>
    public static double Measure(VelocityNetwork network, string modelPath, TrainingBatch along)
    {
        using FlowModel model = FlowModel.Open(modelPath, new FlowModelOptions { Provider = "cpu" });
        ProbabilityPath path = ProbabilityPath.Of(model.Card.Path);
        int d = network.Dimension;
        var buffers = new EvaluationBuffers(Rows, d, outputs: 1, withDivergence: model.Card.Outputs.Divergence is not null);
        buffers.Probes?.Memory.Span.Fill(1);
        using IVelocityEvaluator evaluator = model.Network.CreateEvaluator(buffers);
        double change = 0, size = 0;
        for (int first = 0; first < along.Times.Length; first += Rows)
        {
            int count = Math.Min(Rows, along.Times.Length - first);
            float[] states = along.States[(first * d)..((first + count) * d)], times = along.Times[first..(first + count)];
            long[]? labels = along.Labels?[first..(first + count)];
            float[]? vectors = along.Vectors?[(first * network.VectorLength)..((first + count) * network.VectorLength)];
            states.CopyTo(buffers.States.Memory);
            for (int row = 0; row < count; row++)
            {
                buffers.Times[row] = times[row];
                evaluator.Assign(row, row, network.ConditionOf(model.Card, labels?[row] ?? 0, vectors is null ? [] : vectors.AsSpan(row * network.VectorLength, network.VectorLength)));
            }
            evaluator.Evaluate(0, count, output: 0);
            float[] trained = Predictions(network, times, states, network.ConditionsOf(labels, vectors)), exported = buffers.Velocities[0].Range(0, count).ToArray();
            for (int row = 0; row < count; row++)
            {
                (double ofState, double ofPrediction) = path.At(times[row]).Convert(model.Card.Prediction.Kind, PredictionKind.Velocity);
                for (int e = row * d; e < (row + 1) * d; e++)
                {
                    double velocity = ofState * states[e] + ofPrediction * trained[e], difference = ofPrediction * ((double)exported[e] - trained[e]);
                    size += velocity * velocity;
                    change += difference * difference;
                }
            }
        }
        return change == 0 ? 0 : Math.Sqrt(change / size);
    }

    private static float[] Predictions(VelocityNetwork network, float[] times, float[] states, ConditionInputs<Tensor> given)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        Tensor x = tensor(states).reshape([times.Length, .. network.Shape.Select(size => (long)size)]);
        return network.Forward(TorchOps.Instance, tensor(times), x, given).data<float>().ToArray();
    }
}
