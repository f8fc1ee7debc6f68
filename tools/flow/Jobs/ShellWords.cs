namespace FlowRuntime.Tool.Jobs;

/// <summary>A command line as text that a shell reads back as it was.</summary>
internal static class ShellWords
{
    /// <summary>Joins words, with quotes around those that need them.</summary>
    public static string Join(IEnumerable<string> words) => string.Join(' ', words.Select(word =>
        word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "-_./:,=+@%".Contains(c, StringComparison.Ordinal)) ? word
        : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'"));
}
