using System.Text;

namespace FlowRuntime.CommandLine;

/// <summary>Files that are there whole or not at all: written as FILE.new, flushed, and then given their name.</summary>
internal static class WholeFile
{
    public static void Write(string path, Action<Stream> write)
    {
        string unfinished = path + ".new";
        try
        {
            using (FileStream stream = File.Create(unfinished))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
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
