using System.Text;
using FlowRuntime.Cards;

namespace FlowRuntime.CommandLine;

/// <summary>Files that are there whole or not at all: written as FILE.new, flushed, and then given their name.</summary>
internal static class WholeFile
{
    public static void Write(string path, Action<Stream> write) => Write(path, write, flush: true);

    /// <summary>The same without the flush, for many files that can be made again: whole when the process is killed, but not where the power fails.</summary>
    public static void WriteUnflushed(string path, Action<Stream> write) => Write(path, write, flush: false);

    private static void Write(string path, Action<Stream> write, bool flush)
    {
        string unfinished = path + ".new";
        try
        {
            using (FileStream stream = File.Create(unfinished))
            {
                write(stream);
                if (flush)
                    DiskFlush.Flush(stream);
            }
            File.Move(unfinished, path, overwrite: true);
        }
        finally
        {
            File.Delete(unfinished);
        }
    }

    public static void Write(string path, byte[] content) => Write(path, stream => stream.Write(content));

    public static void Write(string path, string text) => Write(path, Encoding.UTF8.GetBytes(text));
}
