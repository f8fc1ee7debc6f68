using System.CommandLine;
using System.CommandLine.Parsing;

namespace FlowRuntime.CommandLine;

/// <summary>
/// Runs a command line by the contract of both tools: errors are one line on stderr without a stack trace; exit 0 is
/// done, 1 failed at work, 2 bad input or usage, 130 interrupted. Compiled into both.
/// </summary>
internal static class CommandHost
{
    public const int Done = 0;
    public const int FailedAtWork = 1;
    public const int BadInput = 2;
    public const int Interrupted = 130;

    public static async Task<int> RunAsync(RootCommand root, string[] args, TextWriter output, TextWriter error)
    {
        ParseResult parsed = root.Parse(args);
        if (parsed.Errors is [var first, ..])
        {
            await error.WriteLineAsync($"{OneLine(first.Message)} See {CommandPath(parsed)} --help.");
            return BadInput;
        }
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false });
        }
        catch (OperationCanceledException)
        {
            await error.WriteLineAsync("Interrupted.");
            return Interrupted;
        }
        catch (Exception e)
        {
            await error.WriteLineAsync(OneLine(e.Message));
            bool bad = e is ArgumentException or InvalidDataException or NotSupportedException
                or FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException;
            return bad ? BadInput : FailedAtWork;
        }
    }

    /// <summary>Uses an option's value; what is wrong with it is reported under the option's name.</summary>
    public static T Checked<T>(string option, Func<T> use)
    {
        try
        {
            return use();
        }
        catch (ArgumentException e)
        {
            throw new ArgumentException($"{option}: {OneLine(e.Message)}", e);
        }
    }

    /// <summary>Fails early where a file could not be written, before any work is done for it.</summary>
    public static void RequireWritable(string option, string path)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        string probe = path + ".partial";
        try
        {
            if (Directory.Exists(path))
                throw new ArgumentException($"{option}: {path} is a folder. Name a file.");
            if (!Directory.Exists(folder))
                throw new ArgumentException($"{option}: there is no folder {folder}. Make it first.");
            File.Create(probe).Dispose();
            File.Delete(probe);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ArgumentException($"{option}: {path} cannot be written: {OneLine(e.Message)}", e);
        }
    }

    private static string CommandPath(ParseResult parsed)
    {
        string path = "";
        for (var command = parsed.CommandResult; command is not null; command = command.Parent as CommandResult)
            path = $"{command.Command.Name} {path}".TrimEnd();
        return path;
    }

    /// <summary>A message's first line, without what .NET adds to it for programmers.</summary>
    private static string OneLine(string message)
    {
        string line = message.Split('\n')[0].Trim();
        int parameter = line.LastIndexOf(" (Parameter '", StringComparison.Ordinal);
        return parameter < 0 ? line : line[..parameter];
    }
}
