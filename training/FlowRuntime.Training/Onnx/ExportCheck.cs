using FlowRuntime.Fields;
using FlowRuntime.Sampling;
using FlowRuntime.Training.Networks;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Onnx;

/// <summary>How far an exported model is from the trained network.</summary>
/// <param name="MaxRelativeDifference">Largest difference of a prediction over the largest prediction, on random inputs.</param>
/// <param name="RowsIndependent">Whether a row evaluated alone gives the same bits as among others.</param>
public sealed record ExportParity(double MaxRelativeDifference, bool RowsIndependent);

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
        if (!parity.RowsIndependent)
            throw new InvalidDataException($"{name}: the network's rows depend on one another, so a sample would depend on its batch. Take out operations over the batch.");
        return parity;
    }

    /// <summary>Evaluates both on random times in [0, 1], states and labels.</summary>
    /// <param name="network">The trained network.</param>
    /// <param name="modelPath">The exported file.</param>
    public static ExportParity Compare(VelocityNetwork network, string modelPath)
    {
        using FlowModel model = FlowModel.Open(modelPath, new FlowModelOptions { Provider = "cpu" });
        var buffers = new EvaluationBuffers(Rows, network.Dimension, outputs: 2);
        using IVelocityEvaluator evaluator = model.Network.CreateEvaluator(buffers);
        long[] labels = new long[Rows];
        for (int row = 0; row < Rows; row++)
        {
            Noise.Fill(0, row, buffers.States[row], RandomStream.Check);
            buffers.Times[row] = (double)row / (Rows - 1);
            labels[row] = row % (network.Classes + 1);
            evaluator.Assign(row, row, labels[row] == network.NullLabel ? Condition.None : new Condition { Label = (int)labels[row] });
        }
        evaluator.Evaluate(0, Rows, output: 0);
        for (int row = Rows - 1; row >= 0; row--) // the first row last: it is evaluated where it stands
            evaluator.Evaluate(row, 1, output: 1);

        float[] trained = Evaluate(network, buffers, labels);
        Span<float> exported = buffers.Velocities[0].Range(0, Rows), alone = buffers.Velocities[1].Range(0, Rows);
        double largest = 0, difference = 0;
        for (int e = 0; e < trained.Length; e++)
        {
            largest = Math.Max(largest, Math.Abs(trained[e]));
            difference = Math.Max(difference, Math.Abs((double)exported[e] - trained[e]));
        }
        // A fresh network is the zero field: then any difference is infinite, and none is zero.
        double relative = difference == 0 ? 0 : difference / largest;
        return new ExportParity(relative, exported.SequenceEqual(alone));
    }

    private static float[] Evaluate(VelocityNetwork network, EvaluationBuffers buffers, long[] labels)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        float[] times = [.. buffers.Times.Select(t => (float)t)];
        Tensor x = tensor(buffers.States.Range(0, Rows).ToArray()).reshape([Rows, .. network.Shape.Select(size => (long)size)]);
        Tensor? label = network.Classes > 0 ? tensor(labels) : null;
        return network.Forward(TorchOps.Instance, tensor(times), x, label).data<float>().ToArray();
    }
}
