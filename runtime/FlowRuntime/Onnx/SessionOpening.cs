using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.Onnx;

/// <summary>Opens a session on the first execution provider of a chain that works.</summary>
/// <remarks>
/// Order of <c>auto</c>: cuda, directml, coreml, plug-ins in the order of ONNX Runtime's device discovery, cpu. A provider that the application's ONNX Runtime package does not
/// hold is told from the list the library itself gives; one that is there may still fail, when it is appended (each in
/// its own exception type) or when the session is made (no driver, no memory).
/// </remarks>
internal static class SessionOpening
{
    /// <summary>Opens a session on the requested provider, or on the CPU where it does not work and need not.</summary>
    /// <param name="modelPath">The file.</param>
    /// <param name="options">Provider and threads.</param>
    public static (OnnxSession Session, ProviderReport Report) Open(string modelPath, FlowModelOptions options)
    {
        string[] present = Native.Call(() => OrtEnv.Instance().GetAvailableProviders());
        return Open(modelPath, options, Chain(options.Provider, options.RequireProvider, PlugIns(present)), present);
    }

    /// <summary>Opens a session on the first of a chain of providers that works.</summary>
    /// <param name="modelPath">The file.</param>
    /// <param name="options">Provider and threads.</param>
    /// <param name="chain">The providers to try, in order.</param>
    /// <param name="present">ONNX Runtime's names of those in its package; plug-ins are always tried.</param>
    /// <exception cref="InvalidDataException">The file is not one to be opened, or ONNX Runtime does not accept it.</exception>
    public static (OnnxSession Session, ProviderReport Report) Open(
        string modelPath, FlowModelOptions options, IReadOnlyList<ExecutionProvider> chain, IReadOnlyList<string> present)
    {
        GraphCheck.Check(modelPath);
        var attempts = new List<ProviderAttempt>();
        foreach (ExecutionProvider provider in chain)
        {
            if (ExecutionProvider.Known.Contains(provider) && !present.Contains(provider.LibraryName, StringComparer.OrdinalIgnoreCase))
            {
                attempts.Add(new(provider.Name, $"not in this application's ONNX Runtime, which has {string.Join(", ", present.Select(FriendlyName))}"));
                continue;
            }
            try
            {
                var session = new OnnxSession(Open(modelPath, options, provider), modelPath, provider, options.CudaGraphs && provider.Name == "cuda");
                attempts.Add(new(provider.Name, ProviderAttempt.Chosen));
                return (session, new ProviderReport(options.Provider, provider.Name, attempts));
            }
            catch (Exception e) when (provider != ExecutionProvider.Cpu
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
            $"The execution provider '{options.Provider}' is required and does not work: {attempts[^1].Outcome}. Reference the ONNX Runtime package that has it, or do not require it.");
    }

    /// <summary>The providers of devices that ONNX Runtime has discovered beyond those in its package.</summary>
    public static IReadOnlyList<ExecutionProvider> PlugIns(IReadOnlyList<string> present) =>
    [
        .. OrtEnv.Instance().GetEpDevices().Where(device => !present.Contains(device.EpName, StringComparer.OrdinalIgnoreCase))
            .GroupBy(device => device.EpName)
            .Select(devices => new ExecutionProvider(devices.Key, devices.Key, (session, options) =>
                session.AppendExecutionProvider(OrtEnv.Instance(), [devices.ElementAtOrDefault(options.Device) ?? devices.First()], new Dictionary<string, string>(options.ProviderOptions)))),
    ];

    /// <summary>A provider's name as users give it.</summary>
    public static string FriendlyName(string libraryName) =>
        ExecutionProvider.Known.FirstOrDefault(provider => provider.LibraryName.Equals(libraryName, StringComparison.OrdinalIgnoreCase))?.Name ?? libraryName;

    private static IReadOnlyList<ExecutionProvider> Chain(string requested, bool required, IReadOnlyList<ExecutionProvider> plugIns)
    {
        if (requested.Equals(ExecutionProvider.Auto, StringComparison.OrdinalIgnoreCase))
            return [.. ExecutionProvider.Preferred, .. plugIns, ExecutionProvider.Cpu];
        IReadOnlyList<ExecutionProvider> all = [.. plugIns, .. ExecutionProvider.Known]; // a plug-in goes before the name it has in the package
        ExecutionProvider provider = all.FirstOrDefault(provider => Is(provider, requested))
            ?? throw new ArgumentException($"There is no execution provider '{requested}'. Choose one of: {ExecutionProvider.Auto}, {string.Join(", ", ExecutionProvider.Known.Concat(plugIns).Select(provider => provider.Name))}.");
        return required || provider == ExecutionProvider.Cpu ? [provider] : [provider, ExecutionProvider.Cpu];
    }

    private static bool Is(ExecutionProvider provider, string name) =>
        provider.Name.Equals(name, StringComparison.OrdinalIgnoreCase) || provider.LibraryName.Equals(name, StringComparison.OrdinalIgnoreCase);

    /// <summary>Opens a graph of the library's own on a provider that works.</summary>
    public static InferenceSession OpenGraph(byte[] model, FlowModelOptions options, ExecutionProvider provider)
    {
        using SessionOptions session = Options(options, provider);
        return new InferenceSession(model, session);
    }

    private static InferenceSession Open(string modelPath, FlowModelOptions options, ExecutionProvider provider)
    {
        using SessionOptions session = Options(options, provider);
        return new InferenceSession(modelPath, session);
    }

    private static SessionOptions Options(FlowModelOptions options, ExecutionProvider provider)
    {
        var session = new SessionOptions
        {
            IntraOpNumThreads = options.Threads ?? 1,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            // Errors come as exceptions; the library's own log would print them a second time.
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
        };
        // Threads that wait by spinning burn a core for nothing between the calls of a solve.
        session.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        try
        {
            provider.Append(session, options);
        }
        catch
        {
            session.Dispose();
            throw;
        }
        return session;
    }

    private static string FirstLine(string message) => message.Split('\n')[0].Trim();
}
