namespace FlowRuntime.Onnx;

/// <summary>The first calls into the native library.</summary>
internal static class Native
{
    static Native() => Telemetry.TurnOff();

    /// <summary>Calls into the native library; where it is missing, the error names the package to add.</summary>
    /// <exception cref="DllNotFoundException">The application carries no native ONNX Runtime, or one of another version.</exception>
    public static T Call<T>(Func<T> call)
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
}
