using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.Onnx;

/// <summary>An execution provider: its names, what it needs of a session, and how it is asked for.</summary>
/// <param name="Name">The name that users give it.</param>
/// <param name="LibraryName">The name that ONNX Runtime gives it.</param>
/// <param name="Append">Asks for it in a session's options, with the model's.</param>
internal sealed record ExecutionProvider(string Name, string LibraryName, Action<SessionOptions, FlowModelOptions> Append)
{
    /// <summary>The provider that is always there.</summary>
    public const string CpuName = "cpu";

    /// <summary>Asks for the first that works.</summary>
    public const string Auto = "auto";

    /// <summary>The processor.</summary>
    public static ExecutionProvider Cpu { get; } = new(CpuName, "CPUExecutionProvider", static (_, _) => { });

    /// <summary>What <c>auto</c> tries before plug-ins and the processor.</summary>
    public static IReadOnlyList<ExecutionProvider> Preferred { get; } =
    [
        new("cuda", "CUDAExecutionProvider", static (session, options) =>
        {
            using var cuda = new OrtCUDAProviderOptions();
            var asked = new Dictionary<string, string>(options.ProviderOptions) { ["device_id"] = options.Device.ToString() };
            if (options.CudaGraphs)
                asked["enable_cuda_graph"] = "1";
            cuda.UpdateOptions(asked);
            session.AppendExecutionProvider_CUDA(cuda);
        }),
        new("directml", "DmlExecutionProvider", static (session, options) =>
        {
            // DirectML allows neither memory patterns nor parallel execution.
            session.EnableMemoryPattern = false;
            session.ExecutionMode = ExecutionMode.ORT_SEQUENTIAL;
            session.AppendExecutionProvider_DML(options.Device);
        })
        {
            OneRunAtATime = true,
        },
        Named("coreml", "CoreMLExecutionProvider", "CoreML"),
    ];

    /// <summary>All that are known by name; others come as plug-ins.</summary>
    public static IReadOnlyList<ExecutionProvider> Known { get; } =
    [
        .. Preferred,
        Cpu,
        Named("openvino", "OpenVINOExecutionProvider", "OpenVINO"),
        Named("qnn", "QNNExecutionProvider", "QNN"),
        Named("webgpu", "WebGpuExecutionProvider", "WebGPU"),
        Named("xnnpack", "XnnpackExecutionProvider", "XNNPACK"),
    ];

    /// <summary>Whether a session takes one call at a time, as DirectML's do.</summary>
    public bool OneRunAtATime { get; init; }

    /// <summary>Whether inputs in the processor's memory are copied when they are bound; the processor reads them where they lie.</summary>
    public bool CopiesBoundInputs => this != Cpu;

    private static ExecutionProvider Named(string name, string libraryName, string asked) =>
        new(name, libraryName, (session, options) => session.AppendExecutionProvider(asked, new(options.ProviderOptions)));
}
