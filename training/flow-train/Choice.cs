using System.CommandLine;

namespace FlowRuntime.TrainTool;

/// <summary>An option that takes one of an enumeration's names.</summary>
internal static class Choice
{
    public static Option<T?> Of<T>(string name, string description) where T : struct, Enum => new(name)
    {
        Description = description,
        HelpName = string.Join('|', Enum.GetValues<T>().Select(Name)),
        CustomParser = given =>
        {
            string word = given.Tokens.Count > 0 ? given.Tokens[^1].Value : "";
            foreach (T value in Enum.GetValues<T>())
            {
                if (word.Equals(Name(value), StringComparison.OrdinalIgnoreCase))
                    return value;
            }
            given.AddError($"{name}: there is no '{word}'. Choose one of: {string.Join(", ", Enum.GetValues<T>().Select(Name))}.");
            return null;
        },
    };

    /// <summary>A value as users write it.</summary>
    public static string Name<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();
}
