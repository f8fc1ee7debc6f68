using System.Runtime.InteropServices;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using static TorchSharp.torch;

namespace FlowRuntime.Training;

/// <summary>The tensors of a batch or of a part of its rows, allocated once and filled anew for every step, and the loss of a network on them.</summary>
internal sealed class BatchTensors : IDisposable
{
    private readonly VelocityNetwork _network;
    private readonly ITensorOps<Tensor> _ops;
    private readonly int _first, _rows;
    private readonly Tensor _times, _states, _targets;
    private readonly Tensor? _weights, _labels, _vectors;

    /// <param name="network">The network.</param>
    /// <param name="first">The first of the batch's rows.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="weighted">Whether rows have weights.</param>
    /// <param name="device">Where the network lies.</param>
    /// <param name="precision">The numbers that are computed in.</param>
    public BatchTensors(VelocityNetwork network, int first, int rows, bool weighted, Device device, TrainingPrecision precision = TrainingPrecision.Float32)
    {
        (_network, _first, _rows) = (network, first, rows);
        _ops = precision == TrainingPrecision.Bfloat16 ? Bfloat16Ops.Instance : TorchOps.Instance;
        using var scope = NewDisposeScope();
        long[] shape = [rows, .. network.Shape.Select(size => (long)size)];
        _times = zeros(rows, device: device).DetachFromDisposeScope();
        _states = zeros(shape, device: device).DetachFromDisposeScope();
        _targets = zeros(shape, device: device).DetachFromDisposeScope();
        _weights = weighted ? zeros([rows, .. network.Shape.Select(_ => 1L)], device: device).DetachFromDisposeScope() : null;
        _labels = network.Classes > 0 ? zeros(rows, dtype: ScalarType.Int64, device: device).DetachFromDisposeScope() : null;
        _vectors = network.VectorLength > 0 ? zeros(rows, network.VectorLength, device: device).DetachFromDisposeScope() : null;
    }

    /// <summary>Copies the rows of a batch in.</summary>
    public void Fill(TrainingBatch batch)
    {
        Copy(batch.Times, _times);
        Copy(batch.States, _states);
        Copy(batch.Targets, _targets);
        if (_weights is not null)
            Copy(batch.Weights!, _weights);
        if (_labels is not null)
            Copy(batch.Labels!, _labels);
        if (_vectors is not null)
            Copy(batch.Vectors!, _vectors);
    }

    /// <summary>The mean weighted squared error of the network's predictions, in the caller's dispose scope.</summary>
    public Tensor Loss()
    {
        Tensor prediction = _network.Forward(_ops, _times, _states, new(_labels, _vectors)).to(ScalarType.Float32);
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
        _vectors?.Dispose();
    }

    private void Copy<T>(T[] values, Tensor tensor) where T : unmanaged
    {
        int width = (int)(tensor.numel() / _rows);
        ReadOnlySpan<T> rows = values.AsSpan(_first * width, _rows * width);
        if (tensor.device_type == TorchSharp.DeviceType.CPU)
        {
            MemoryMarshal.AsBytes(rows).CopyTo(tensor.bytes);
            return;
        }
        using Tensor host = from_array(rows.ToArray()).reshape(tensor.shape);
        tensor.copy_(host);
    }
}
