using Spectre.Console;

namespace FlowRuntime.Tool;

/// <summary>Lines of a name and what is said of it; on a terminal that shows colours the names are coloured.</summary>
internal static class NamedLines
{
    private static readonly Style NameStyle = new(Color.Aqua);

    /// <summary>Writes lines; those without a value are left out.</summary>
    /// <param name="output">Where they go.</param>
    /// <param name="lines">The lines.</param>
    public static void Write(TextWriter output, IEnumerable<(string Name, string? Value)> lines)
    {
        (string Name, string? Value)[] said = [.. lines.Where(line => line.Value is not null)];
        int width = said.Max(line => line.Name.Length) + 2;
        // Spectre.Console knows terminals, NO_COLOR and pipes.
        bool coloured = ReferenceEquals(output, Console.Out) && AnsiConsole.Profile.Capabilities.ColorSystem != ColorSystem.NoColors;
        foreach ((string name, string? value) in said)
        {
            if (coloured)
                AnsiConsole.Write(new Text(name, NameStyle));
            else
                output.Write(name);
            output.Write(new string(' ', width - name.Length));
            output.WriteLine(value);
        }
    }
}
