using System.Text;

namespace FlowRuntime.CommandLine;

/// <summary>Small files that are there whole or not at all: written as FILE.partial, flushed, and then given their name.</summary>
internal static class WholeFile
{
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        string partial = path + ".partial";
        try
        {
            using (FileStream stream = File.Create(partial))
            {
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }
            File.Move(partial, path, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    public static void Write(string path, string text) => Write(path, Encoding.UTF8.GetBytes(text));
}
