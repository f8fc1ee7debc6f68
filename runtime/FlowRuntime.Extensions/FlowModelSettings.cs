namespace FlowRuntime.Extensions;

/// <summary>How a host opens one of its models; bound from configuration or set in code.</summary>
public sealed class FlowModelSettings
{
    /// <summary>The ONNX file. Required; a relative path is one from the application's folder.</summary>
    public string Path { get; set; } = "";

    /// <summary>Execution provider; see <see cref="FlowModelOptions.Provider"/>. Default <c>auto</c>.</summary>
    public string Provider { get; set; } = new FlowModelOptions().Provider;

    /// <summary>Whether to fail where the provider does not work, instead of falling back to the CPU. Default false.</summary>
    public bool RequireProvider { get; set; }

    /// <summary>Number of the device among the provider's, at least 0. Default 0.</summary>
    public int Device { get; set; }

    /// <summary>Options of the provider by ONNX Runtime's own names. Default: none.</summary>
    public Dictionary<string, string> ProviderOptions { get; } = [];

    /// <summary>Threads inside one network call, from 1 to 256. Default (null): chosen by the model.</summary>
    public int? Threads { get; set; }

    /// <summary>Solves of the model that are under way at once; further requests wait for their turn. Default: the number of processors. Null for no bound.</summary>
    public int? MaxConcurrentSolves { get; set; } = Environment.ProcessorCount;

    /// <summary>Whether the model is opened and called once when the host starts, so that a model that does not open ends the start and no request waits for it. Default true.</summary>
    public bool WarmUp { get; set; } = true;

    /// <summary>The runtime's options.</summary>
    internal FlowModelOptions ToOptions() => new()
    {
        Provider = Provider,
        RequireProvider = RequireProvider,
        Device = Device,
        ProviderOptions = ProviderOptions,
        Threads = Threads,
        MaxConcurrentSolves = MaxConcurrentSolves,
    };
}
