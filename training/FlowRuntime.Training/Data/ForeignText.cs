namespace FlowRuntime.Training.Data;

/// <summary>Text out of a file, as a message shows it: one short line, whatever the file holds.</summary>
internal static class ForeignText
{
    private const int Longest = 60;

    /// <summary>The text's beginning, with a blank in place of each character that would break or steer the line.</summary>
    public static string Shown(string text) =>
        string.Concat(text.Take(Longest).Select(symbol => char.IsControl(symbol) || symbol is '\u2028' or '\u2029' ? ' ' : symbol)) + (text.Length > Longest ? "…" : "");
}
