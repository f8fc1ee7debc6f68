using System.Runtime.InteropServices;

namespace FlowRuntime.Onnx;

/// <summary>
/// ONNX Runtime's telemetry, which its packages bring from 1.29 on: on Linux and macOS it keeps a device's number and events in the user's cache folder and sends them to Microsoft. Nothing leaves a
/// machine on behalf of this library, so it is turned off before the first call, unless the application or the user has set the variable themselves.
/// </summary>
internal static class Telemetry
{
    /// <summary>Turns it off for this process, once; it has no effect where ONNX Runtime was called before.</summary>
    public static void TurnOff()
    {
        if (OperatingSystem.IsWindows())
            return; // there it is the operating system that collects, by its own setting
        try
        {
            // The variables that .NET shows are a copy: native code reads those of the C library.
            _ = SetEnvironment("ORT_DISABLE_TELEMETRY\0"u8.ToArray(), "1\0"u8.ToArray(), overwrite: 0);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // A system whose C library has another name: its users set the variable.
        }
    }

    [DllImport("libc", EntryPoint = "setenv")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetEnvironment(byte[] name, byte[] value, int overwrite);
}
