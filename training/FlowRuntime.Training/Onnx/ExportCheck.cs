using FlowRuntime.Fields;
using FlowRuntime.Sampling;
using FlowRuntime.Training.Networks;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Onnx;

/// <summary>How far an exported model is from the trained network.</summary>
/// <param name="MaxRelativeDifference">Largest difference of a prediction over the largest prediction, on random inputs.</param>
/// <param name="RowsIndependent">Whether a row evaluated alone gives the same bits as among others.</param>
/// <param name="DivergenceDifference">The same as the first for the divergence; null where the file has none.</param>
public sealed record ExportParity(double MaxRelativeDifference, bool RowsIndependent, double? DivergenceDifference = null);

/// <summary>Compares a network with its exported file, through the runtime that will sample it.</summary>
public static class ExportCheck
{
    /// <summary>Largest relative difference an export may have.</summary>
    public const double Tolerance = 1e-4;

    private const int Rows = 65; // more than a power of two, so that the last call is padded

    /// <summary>Compares, and refuses an export that differs.</summary>
    /// <param name="network">The trained network.</param>
    /// <param name="modelPath">The exported file.</param>
    /// <param name="name">The file's name in messages: the one it is to have in the end.</param>
    /// <exception cref="InvalidDataException">The two differ by more than <see cref="Tolerance"/>, or rows depend on one another.</exception>
    public static ExportParity Require(VelocityNetwork network, string modelPath, string name)
    {
        ExportParity parity = Compare(network, modelPath);
        if (double.IsNaN(parity.MaxRelativeDifference))
            throw new InvalidDataException($"{name}: the network's predictions are not finite. Its weights are broken: train it again, with a lower learning rate.");
        if (!(parity.MaxRelativeDifference <= Tolerance))
            throw new InvalidDataException($"{name}: the exported network differs from the trained one by {parity.MaxRelativeDifference:E1} relative, more than {Tolerance:E0}. An operation's two interpretations do not agree.");
        if (parity.DivergenceDifference is { } ofDivergence && !(ofDivergence <= Tolerance))
            throw new InvalidDataException($"{name}: the exported divergence differs from the network's by {ofDivergence:E1} relative, more than {Tolerance:E0}. An operation's two interpretations of its derivative do not agree.");
        if (!parity.RowsIndependent)
            throw new InvalidDataException($"{name}: the network's rows depend on one another, so a sample would depend on its batch. Take out operations over the batch.");
        return parity;
    }

    /// <summary>Evaluates both on random times in [0, 1], states, labels and probes.</summary>
    /// <param name="network">The trained network.</param>
    /// <param name="modelPath">The exported file.</param>
    public static ExportParity Compare(VelocityNetwork network, string modelPath)
    {
        using FlowModel model = FlowModel.Open(modelPath, new FlowModelOptions { Provider = "cpu" });
        var buffers = new EvaluationBuffers(Rows, network.Dimension, outputs: 2, withDivergence: model.Card.Outputs.Divergence is not null);
        using IVelocityEvaluator evaluator = model.Network.CreateEvaluator(buffers);
        long[] labels = new long[Rows];
        float[] vectors = new float[Rows * network.VectorLength];
        for (int row = 0; row < Rows; row++)
        {
            Noise.Fill(0, row, buffers.States[row], RandomStream.Check);
            buffers.Times[row] = (double)row / (Rows - 1);
            labels[row] = row % (network.Classes + 1);
            Span<float> vector = vectors.AsSpan(row * network.VectorLength, network.VectorLength);
            Noise.Fill(0, 2 * Rows + row, vector, RandomStream.Check);
            if (row % 5 == 0)
                vector.Fill(VelocityNetwork.NullVector);
            evaluator.Assign(row, row, network.ConditionOf(model.Card, labels[row], vector));
            if (buffers.Probes is not { } probes)
                continue;
            Noise.Fill(0, Rows + row, probes[row], RandomStream.Check);
            foreach (ref float sign in probes[row])
                sign = sign < 0 ? -1 : 1;
        }
        evaluator.Evaluate(0, Rows, output: 0);
        for (int row = Rows - 1; row >= 0; row--) // the first row last: it is evaluated where it stands
            evaluator.Evaluate(row, 1, output: 1);

        (float[] trained, float[]? divergences) = Evaluate(network, buffers, labels, vectors, withProbe: model.Card.Inputs.Probe is not null);
        double difference = RelativeDifference(buffers.Velocities[0].Range(0, Rows), trained);
        bool independent = buffers.Velocities[0].Range(0, Rows).SequenceEqual(buffers.Velocities[1].Range(0, Rows));
        if (buffers.Divergences is not { } exported)
            return new ExportParity(difference, independent);
        independent &= exported[0].Range(0, Rows).SequenceEqual(exported[1].Range(0, Rows));
        return new ExportParity(difference, independent, RelativeDifference(exported[0].Range(0, Rows), divergences));
    }

    private static double RelativeDifference(ReadOnlySpan<float> exported, ReadOnlySpan<float> trained)
    {
        double largest = 0, difference = 0;
        for (int e = 0; e < trained.Length; e++)
        {
            largest = Math.Max(largest, Math.Abs(trained[e]));
            difference = Math.Max(difference, Math.Abs((double)exported[e] - trained[e]));
        }
        // A fresh network is the zero field: then any difference is infinite, and none is zero.
        return difference == 0 ? 0 : difference / largest;
    }

    private static (float[] Predictions, float[]? Divergences) Evaluate(VelocityNetwork network, EvaluationBuffers buffers, long[] labels, float[] vectors, bool withProbe)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        Tensor Rowwise(RowBuffer rows) => tensor(rows.Range(0, Rows).ToArray()).reshape([Rows, .. network.Shape.Select(size => (long)size)]);
        Tensor t = tensor(buffers.Times.Select(time => (float)time).ToArray()), x = Rowwise(buffers.States);
        ConditionInputs<Tensor> given = network.ConditionsOf(labels, vectors);
        if (buffers.Divergences is null)
            return (network.Forward(TorchOps.Instance, t, x, given).data<float>().ToArray(), null);
        (Tensor prediction, Tensor divergence) = withProbe
            ? Divergence.Estimate(TorchOps.Instance, network, t, x, given, Rowwise(buffers.Probes!))
            : Divergence.Exact(TorchOps.Instance, network, t, x, given);
        return (prediction.data<float>().ToArray(), divergence.data<float>().ToArray());
    }
}
