using System.Text;

namespace FlowRuntime.Tool.Input;

/// <summary>Text files that an option names with @, which are short: one without end, such as a device, is refused.</summary>
internal static class SmallText
{
    private const int Most = 16 << 20;

    /// <summary>Reads a file.</summary>
    /// <exception cref="IOException">It cannot be read, or is too long.</exception>
    public static string Read(string path)
    {
        using var reader = new StreamReader(path, Encoding.UTF8);
        var text = new StringBuilder();
        char[] part = new char[1 << 14];
        while (reader.Read(part) is > 0 and var count)
        {
            if (text.Length + count > Most)
                throw new IOException($"it is longer than {Most} letters.");
            text.Append(part, 0, count);
        }
        return text.ToString();
    }
}
