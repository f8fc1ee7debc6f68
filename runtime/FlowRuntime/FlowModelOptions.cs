using System.Collections.Immutable;
using FlowRuntime.Onnx;

namespace FlowRuntime;

/// <summary>How a model is opened.</summary>
public sealed record FlowModelOptions
{
    /// <summary>
    /// Execution provider: <c>auto</c>, <c>cpu</c>, <c>cuda</c>, <c>directml</c>, <c>coreml</c> or another by name, plug-ins included (<see cref="ProviderDevices"/>).
    /// Default <c>auto</c>: the first of cuda, directml, coreml, plug-ins and cpu that works.
    /// </summary>
    public string Provider { get; init; } = ExecutionProvider.Auto;

    /// <summary>Number of the device among the provider's, at least 0. Default 0.</summary>
    public int Device
    {
        get;
        init => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(Device), value, "Give the number of a device, from 0.");
    }

    /// <summary>Options of the provider by ONNX Runtime's own names, such as <c>["arena_extend_strategy"] = "kSameAsRequested"</c> for CUDA; DirectML and the CPU have none. Default: none.</summary>
    public IReadOnlyDictionary<string, string> ProviderOptions { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>
    /// Whether states stay in the memory of the device that the network runs on, where each step sends one number a row and brings one back; a sample's values cross when it begins and when it is
    /// done. It holds for adaptive solves of networks that predict velocities as they are, in float32, without guidance, trajectories, whitening or likelihood; others keep their states on the host. For
    /// the providers cpu and cuda. Default false.
    /// </summary>
    /// <remarks>It has been run on the CPU provider alone, where it is right and gains nothing.</remarks>
    public bool StateOnDevice { get; init; }

    /// <summary>
    /// Whether calls of the network are captured as CUDA graphs and played again, which saves the launches of their kernels: for the provider cuda with <see cref="StateOnDevice"/>, and networks that
    /// CUDA graphs allow (no control flow, nothing on the CPU). Default false.
    /// </summary>
    /// <remarks>It has not been run on a GPU yet.</remarks>
    public bool CudaGraphs { get; init; }

    /// <summary>Whether to fail where the provider does not work, instead of falling back to the CPU. Default false.</summary>
    public bool RequireProvider { get; init; }

    /// <summary>
    /// Solves of this model that are under way at once, at least 1; further callers wait for their turn. Default (null): as many as ask. A bound keeps a busy host from running more threads than it
    /// has processors. A consumer of samples must not solve with the same model then: it would wait for itself.
    /// </summary>
    public int? MaxConcurrentSolves
    {
        get;
        init => field = value is null or >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(MaxConcurrentSolves), value, "Give at least one solve, or null for no bound.");
    }

    /// <summary>
    /// Threads that a solve uses in all, from 1 to 256: workers, or where those are few threads inside a call. Default: the processors that this process may use.
    /// </summary>
    public int Processors
    {
        get;
        init => field = value is >= 1 and <= 256 ? value : throw new ArgumentOutOfRangeException(nameof(Processors), value, "Give 1 to 256 threads.");
    } = Math.Min(Environment.ProcessorCount, 256);

    /// <summary>
    /// Whether to take little memory: workers have few slots, and samples of more than 2,048 values are solved one at a time, with all of <see cref="Processors"/> inside a call. The samples are the
    /// same. For networks whose layers are large beside the memory of a small board. Default false.
    /// </summary>
    /// <remarks>
    /// Images of 28×28 through a U-Net took 58 MB instead of 124, and no more time. ONNX Runtime without its arena or its memory pattern was tried, too: it took as much memory or more, and up to 1.4
    /// times the processor's time.
    /// </remarks>
    public bool LowMemory { get; init; }

    /// <summary>
    /// Threads inside one network call, from 1 to 256. Default: chosen by the model. A solve's workers are the threads
    /// (<see cref="SamplingOptions.Workers"/>), with one each inside a call, which was measured to be faster for networks small and
    /// large; only a solve of fewer samples than processors on a network whose calls are long takes all of them inside a call.
    /// </summary>
    public int? Threads
    {
        get;
        init => field = value is null or (>= 1 and <= 256) ? value : throw new ArgumentOutOfRangeException(nameof(Threads), value, "Give 1 to 256 threads.");
    }
}
