using System.Runtime.InteropServices;

namespace FlowRuntime.TrainTool;

/// <summary>
/// Lets the C library keep memory that torch frees: a training step frees tensors and asks for the same sizes again, and by default glibc gives
/// the large ones back to the system each time, which clears every page anew. Convolutions on 64 × 28 × 28 take a third less time so.
/// </summary>
internal static class Allocator
{
    private const int TrimThreshold = -1, MmapThreshold = -3; // M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
    private const int Most = 1 << 30, MostOfOldLibraries = 32 << 20;

    /// <summary>Sets it for this process; nothing happens where the C library has no such setting.</summary>
    public static void KeepFreedMemory()
    {
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            if (Set(MmapThreshold, Most) == 0)
                _ = Set(MmapThreshold, MostOfOldLibraries);
            _ = Set(TrimThreshold, int.MaxValue);
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException) // another C library than glibc
        {
        }
    }

    /// <summary>Gives what is free back to the system: after a training, before samples are drawn.</summary>
    public static void GiveBack()
    {
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            _ = Trim(0);
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException)
        {
        }
    }

    [DllImport("libc", EntryPoint = "malloc_trim"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Trim(nuint kept);

    [DllImport("libc", EntryPoint = "mallopt"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Set(int parameter, int value);
}
