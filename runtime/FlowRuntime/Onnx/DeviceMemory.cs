using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FlowRuntime.Onnx;

/// <summary>Memory of the device that a model runs on, from ONNX Runtime's own allocator, addressed in a line.</summary>
internal sealed class DeviceMemory : IDisposable
{
    private readonly OrtMemoryInfo _info;
    private readonly OrtAllocator _allocator;
    private readonly bool _ownsInfo;

    private DeviceMemory(InferenceSession session, OrtMemoryInfo info, bool ownsInfo) => (_info, _allocator, _ownsInfo) = (info, new OrtAllocator(session, info), ownsInfo);

    /// <summary>The memory of a session's device.</summary>
    /// <param name="session">The session.</param>
    /// <param name="provider">What it runs on.</param>
    /// <param name="device">Number of the device.</param>
    /// <exception cref="NotSupportedException">The provider has no memory that can be addressed in a line.</exception>
    public static DeviceMemory Of(InferenceSession session, ExecutionProvider provider, int device) => provider.Name switch
    {
        ExecutionProvider.CpuName => new DeviceMemory(session, OrtMemoryInfo.DefaultInstance, ownsInfo: false),
        "cuda" => new DeviceMemory(session, new OrtMemoryInfo(OrtMemoryInfo.allocatorCUDA, OrtAllocatorType.DeviceAllocator, device, OrtMemType.Default), ownsInfo: true),
        _ => throw new NotSupportedException($"States cannot stay in the memory of '{provider.Name}', which has no addresses in a line: set FlowModelOptions.StateOnDevice to false."),
    };

    /// <summary>Takes memory.</summary>
    public Block Allocate(long bytes) => new(_allocator, bytes);

    /// <summary>A tensor of float32 values within a block.</summary>
    /// <param name="block">The block.</param>
    /// <param name="start">Its first value.</param>
    /// <param name="shape">Its shape.</param>
    public OrtValue View(Block block, int start, long[] shape) => OrtValue.CreateTensorValueWithData(
        _info, TensorElementType.Float, shape, block.Address + start * sizeof(float), sizeof(float) * shape.Aggregate(1L, (product, size) => product * size));

    /// <summary>A tensor at the start of a block.</summary>
    public OrtValue View(Block block, TensorElementType type, long[] shape, long bytes) => OrtValue.CreateTensorValueWithData(_info, type, shape, block.Address, bytes);

    public void Dispose()
    {
        _allocator.Dispose();
        if (_ownsInfo)
            _info.Dispose();
    }

    /// <summary>A block of memory.</summary>
    public sealed class Block : IDisposable
    {
        private readonly OrtMemoryAllocation _allocation;

        public Block(OrtAllocator allocator, long bytes)
        {
            _allocation = allocator.Allocate(checked((uint)bytes));
            Address = _allocation.DangerousGetHandle();
        }

        public nint Address { get; }

        public void Dispose() => _allocation.Dispose();
    }
}
