using Microsoft.Win32.SafeHandles;

namespace FlowRuntime.Tool.Output;

/// <summary>The stream behind stdout.</summary>
internal static class StandardOutput
{
    private const int Handle = 1;

    /// <summary>Opens it so that the reader of a pipe that has gone is an <see cref="IOException"/>: the console's own stream takes no notice on Unix.</summary>
    public static Stream Open()
    {
        if (OperatingSystem.IsWindows())
            return Console.OpenStandardOutput();
        var stream = new FileStream(new SafeFileHandle(Handle, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        if (!stream.CanSeek)
            return stream;
        // A file that several commands write in turn: this stream would keep a place of its own, and the next command would write over it.
        stream.Dispose();
        return Console.OpenStandardOutput();
    }
}
