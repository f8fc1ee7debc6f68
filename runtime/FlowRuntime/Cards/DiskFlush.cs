using System.Runtime.InteropServices;

namespace FlowRuntime.Cards;

/// <summary>Brings what was written to a file onto the disk, and fails where the system does: a network file system tells of a full disk only then.</summary>
/// <remarks>
/// <see cref="FileStream.Flush(bool)"/> of .NET 10.0 takes no notice on Unix: its SystemNative_FSync answers a failure with 1, and it looks for numbers below 0.
/// </remarks>
internal static class DiskFlush
{
    private const int Interrupted = 4, Invalid = 22, ReadOnly = 30, NotSupported = 95; // EINTR, EINVAL, EROFS, ENOTSUP

    /// <summary>Flushes a file's buffer and the system's.</summary>
    /// <exception cref="IOException">What was written is not on the disk.</exception>
    public static void Flush(FileStream file)
    {
        if (!OperatingSystem.IsLinux())
        {
            file.Flush(flushToDisk: true);
            return;
        }
        file.Flush();
        while (!IsOnDisk(file))
        {
            int error = Marshal.GetLastPInvokeError();
            if (error is Invalid or ReadOnly or NotSupported) // no file of a disk
                return;
            if (error != Interrupted)
                throw new IOException($"{Marshal.GetPInvokeErrorMessage(error)} : '{file.Name}'", error);
        }
    }

    private static bool IsOnDisk(FileStream file)
    {
        try
        {
            return Synchronise(file.SafeFileHandle) == 0;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            file.Flush(flushToDisk: true); // a system whose C library has another name
            return true;
        }
    }

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Synchronise(SafeHandle file);
}
