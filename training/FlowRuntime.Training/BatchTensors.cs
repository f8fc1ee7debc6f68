using System.Runtime.InteropServices;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using static TorchSharp.torch;

namespace FlowRuntime.Training;

/// <summary>A batch's tensors, allocated once and filled anew for every step, and the loss of a network on them.</summary>
internal sealed class BatchTensors : IDisposable
{
    private readonly VelocityNetwork _network;
    private readonly Tensor _times, _states, _targets;
    private readonly Tensor? _weights, _labels;

    /// <param name="network">The network.</param>
    /// <param name="rows">Rows of a batch.</param>
    /// <param name="weighted">Whether rows have weights.</param>
    /// <param name="device">Where the network lies.</param>
    public BatchTensors(VelocityNetwork network, int rows, bool weighted, Device device)
    {
        _network = network;
        long[] shape = [rows, .. network.Shape.Select(size => (long)size)];
        _times = zeros(rows, device: device).DetachFromDisposeScope();
        _states = zeros(shape, device: device).DetachFromDisposeScope();
        _targets = zeros(shape, device: device).DetachFromDisposeScope();
        _weights = weighted ? zeros([rows, .. network.Shape.Select(_ => 1L)], device: device).DetachFromDisposeScope() : null;
        _labels = network.Classes > 0 ? zeros(rows, dtype: ScalarType.Int64, device: device).DetachFromDisposeScope() : null;
    }

    /// <summary>Copies a batch in.</summary>
    public void Fill(TrainingBatch batch)
    {
        Copy<float>(batch.Times, _times);
        Copy<float>(batch.States, _states);
        Copy<float>(batch.Targets, _targets);
        if (_weights is not null)
            Copy<float>(batch.Weights!, _weights);
        if (_labels is not null)
            Copy<long>(batch.Labels!, _labels);
    }

    /// <summary>The mean weighted squared error of the network's predictions, in the caller's dispose scope.</summary>
    public Tensor Loss()
    {
        Tensor prediction = _network.Forward(TorchOps.Instance, _times, _states, _labels);
        return _weights is null
            ? nn.functional.mse_loss(prediction, _targets)
            : (_weights * nn.functional.mse_loss(prediction, _targets, nn.Reduction.None)).mean();
    }

    public void Dispose()
    {
        _times.Dispose();
        _states.Dispose();
        _targets.Dispose();
        _weights?.Dispose();
        _labels?.Dispose();
    }

    private static void Copy<T>(T[] values, Tensor tensor) where T : unmanaged
    {
        if (tensor.device_type == TorchSharp.DeviceType.CPU)
        {
            MemoryMarshal.AsBytes<T>(values).CopyTo(tensor.bytes);
            return;
        }
        using Tensor host = from_array(values).reshape(tensor.shape);
        tensor.copy_(host);
    }
}
