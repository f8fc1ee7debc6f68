namespace FlowRuntime.Cards;

/// <summary>What a message may quote from a file: one line, in which nothing steers a terminal.</summary>
internal static class MessageText
{
    /// <summary>A text with � in the place of each control character.</summary>
    public static string Of(string text) => text.Any(char.IsControl) ? string.Concat(text.Select(letter => char.IsControl(letter) ? '\uFFFD' : letter)) : text;
}
