using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.Onnx;

/// <summary>The execution providers by the names users give them, and the opening of a session on the first that works.</summary>
/// <remarks>
/// Order of <c>auto</c>: cuda, directml, coreml, cpu. A provider that the application's ONNX Runtime package does not
/// hold is told from the list the library itself gives; one that is there may still fail, when it is appended (each in
/// its own exception type) or when the session is made (no driver, no memory).
/// </remarks>
internal sealed record ExecutionProvider(string Name, string LibraryName, Action<SessionOptions> Append)
{
    /// <summary>The provider that is always there.</summary>
    public const string CpuName = "cpu";

    /// <summary>Asks for the first that works.</summary>
    public const string Auto = "auto";

    private static readonly ExecutionProvider Cpu = new(CpuName, "CPUExecutionProvider", static _ => { });

    private static readonly ExecutionProvider[] AutoOrder =
    [
        new("cuda", "CUDAExecutionProvider", static options => options.AppendExecutionProvider_CUDA(0)),
        new("directml", "DmlExecutionProvider", static options =>
        {
            // DirectML allows neither memory patterns nor parallel execution.
            options.EnableMemoryPattern = false;
            options.ExecutionMode = ExecutionMode.ORT_SEQUENTIAL;
            options.AppendExecutionProvider_DML(0);
        }),
        new("coreml", "CoreMLExecutionProvider", static options => options.AppendExecutionProvider("CoreML")),
        Cpu,
    ];

    private static readonly ExecutionProvider[] All =
    [
        .. AutoOrder,
        new("openvino", "OpenVINOExecutionProvider", static options => options.AppendExecutionProvider("OpenVINO")),
        new("qnn", "QNNExecutionProvider", static options => options.AppendExecutionProvider("QNN")),
        new("webgpu", "WebGpuExecutionProvider", static options => options.AppendExecutionProvider("WebGPU")),
        new("xnnpack", "XnnpackExecutionProvider", static options => options.AppendExecutionProvider("XNNPACK")),
    ];

    /// <summary>Opens a session on the requested provider, or on the CPU where it does not work and need not.</summary>
    public static (InferenceSession Session, ProviderReport Report) Open(string modelPath, FlowModelOptions options)
    {
        string requested = options.Provider;
        ExecutionProvider[] chain = Chain(requested, options.RequireProvider);
        string[] present = Natively(() => OrtEnv.Instance().GetAvailableProviders());
        var attempts = new List<ProviderAttempt>();
        foreach (ExecutionProvider provider in chain)
        {
            if (!present.Contains(provider.LibraryName, StringComparer.OrdinalIgnoreCase))
            {
                attempts.Add(new(provider.Name, $"not in this application's ONNX Runtime, which has {string.Join(", ", present.Select(FriendlyName))}"));
                continue;
            }
            try
            {
                InferenceSession session = Open(modelPath, options, provider);
                attempts.Add(new(provider.Name, "chosen"));
                return (session, new ProviderReport(requested, provider.Name, attempts));
            }
            catch (Exception e) when (provider != Cpu
                && e is OnnxRuntimeException or EntryPointNotFoundException or NotSupportedException or DllNotFoundException)
            {
                attempts.Add(new(provider.Name, FirstLine(e.Message)));
            }
            catch (OnnxRuntimeException e)
            {
                throw new InvalidDataException($"{modelPath}: ONNX Runtime does not accept this model: {FirstLine(e.Message)}", e);
            }
        }
        throw new PlatformNotSupportedException(
            $"The execution provider '{requested}' is required and does not work: {attempts[^1].Outcome}. Reference the ONNX Runtime package that has it, or do not require it.");
    }

    private static ExecutionProvider[] Chain(string requested, bool required)
    {
        if (requested.Equals(Auto, StringComparison.OrdinalIgnoreCase))
            return AutoOrder;
        ExecutionProvider provider = All.FirstOrDefault(p => p.Name.Equals(requested, StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException($"There is no execution provider '{requested}'. Choose one of: {Auto}, {string.Join(", ", All.Select(p => p.Name))}.");
        return required || provider == Cpu ? [provider] : [provider, Cpu];
    }

    private static InferenceSession Open(string modelPath, FlowModelOptions options, ExecutionProvider provider)
    {
        using var session = new SessionOptions
        {
            IntraOpNumThreads = options.Threads ?? 1,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            // Errors come as exceptions; the library's own log would print them a second time.
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
        };
        // Threads that wait by spinning burn a core for nothing between the calls of a solve.
        session.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        provider.Append(session);
        return new InferenceSession(modelPath, session);
    }

    /// <summary>Calls into the native library; where it is missing, the error names the package to add.</summary>
    private static T Natively<T>(Func<T> call)
    {
        try
        {
            return call();
        }
        catch (Exception e) when ((e is TypeInitializationException ? e.InnerException : e) is DllNotFoundException or EntryPointNotFoundException)
        {
            throw new DllNotFoundException(
                "The native ONNX Runtime is missing or of another version. Add one package to the application: Microsoft.ML.OnnxRuntime (CPU), Microsoft.ML.OnnxRuntime.Gpu (CUDA) or Microsoft.ML.OnnxRuntime.DirectML, in the version of Microsoft.ML.OnnxRuntime.Managed.", e);
        }
    }

    private static string FriendlyName(string libraryName) =>
        All.FirstOrDefault(p => p.LibraryName.Equals(libraryName, StringComparison.OrdinalIgnoreCase))?.Name ?? libraryName;

    private static string FirstLine(string message) => message.Split('\n')[0].Trim();
}
