using FlowRuntime.Onnx;

namespace FlowRuntime;

/// <summary>How a model is opened.</summary>
public sealed record FlowModelOptions
{
    /// <summary>
    /// Execution provider: <c>auto</c>, <c>cpu</c>, <c>cuda</c>, <c>directml</c>, <c>coreml</c> or another by name.
    /// Default <c>auto</c>: the first of cuda, directml, coreml and cpu that works.
    /// </summary>
    public string Provider { get; init; } = ExecutionProvider.Auto;

    /// <summary>Whether to fail where the provider does not work, instead of falling back to the CPU. Default false.</summary>
    public bool RequireProvider { get; init; }

    /// <summary>
    /// Threads inside one network call, from 1 to 256. Default 1: a solve's workers are the threads
    /// (<see cref="SamplingOptions.Workers"/>), which is faster for small networks.
    /// </summary>
    public int Threads
    {
        get;
        init => field = value is >= 1 and <= 256 ? value : throw new ArgumentOutOfRangeException(nameof(Threads), value, "Give 1 to 256 threads.");
    } = 1;
}
