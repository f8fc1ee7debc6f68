using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using static TorchSharp.torch;

namespace FlowRuntime.Training;

/// <summary>The loss on held-out rows, at times and noise that are the same whenever it is measured, and for every seed of the training.</summary>
internal sealed class HeldOutLoss : IDisposable
{
    private const int Rows = 1_024; // or one batch, where that is more
    private const ulong Seed = 0x68656C64_6F757421;

    private readonly VelocityNetwork _network;
    private readonly BatchTensors _tensors;
    private readonly Task<TrainingBatch[]> _batches;

    /// <param name="network">The network.</param>
    /// <param name="heldOut">The rows.</param>
    /// <param name="options">What is taught.</param>
    /// <param name="batchSize">Rows of a training batch: pairs are coupled as in training.</param>
    /// <param name="device">Where the network lies.</param>
    public HeldOutLoss(VelocityNetwork network, Dataset heldOut, FlowMatchingOptions options, int batchSize, Device device)
    {
        _network = network;
        var objective = new ConditionalFlowMatching(heldOut, options, Seed);
        _tensors = new BatchTensors(network, 0, batchSize, objective.IsWeighted, device);
        int batches = (Rows + batchSize - 1) / batchSize;
        _batches = Task.Run(() => Enumerable.Range(0, batches).Select(step => objective.Draw(step, batchSize)).ToArray());
    }

    /// <summary>The loss of the network as it is.</summary>
    public double Measure()
    {
        using var noGradient = no_grad();
        _network.eval();
        double sum = 0;
        TrainingBatch[] batches = _batches.GetAwaiter().GetResult();
        foreach (TrainingBatch batch in batches)
        {
            using var scope = NewDisposeScope();
            _tensors.Fill(batch);
            sum += _tensors.Loss().item<float>();
        }
        _network.train();
        return sum / batches.Length;
    }

    public void Dispose() => _tensors.Dispose();
}
