using System.CommandLine;
using System.CommandLine.Parsing;
using System.Runtime.InteropServices;

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

    private const int NoSpaceOnUnix = 28; // ENOSPC
    private const int NoSpaceOnWindows = 112; // ERROR_DISK_FULL

    /// <summary>What an <see cref="IOException"/> says for a full disk.</summary>
    public static int NoSpace => OperatingSystem.IsWindows() ? unchecked((int)0x80070000) | NoSpaceOnWindows : NoSpaceOnUnix;

    public static async Task<int> RunAsync(RootCommand root, string[] args, TextWriter output, TextWriter error)
    {
        // An argument with @ is itself, such as the file of --grid @times.csv; by default it would be read for more arguments.
        ParseResult parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors is [var first, ..])
        {
            await error.WriteLineAsync($"{Describe(first)} See {CommandPath(parsed)} --help.");
            return BadInput;
        }
        using var interruption = new CancellationTokenSource();
        using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
        using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
        try
        {
            // System.CommandLine would listen for signals only once a command has returned its task, and the work is done by then.
            var configuration = new InvocationConfiguration
            {
                Output = output,
                Error = error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            };
            return await parsed.InvokeAsync(configuration, interruption.Token);
        }
        catch (OperationCanceledException e)
        {
            await error.WriteLineAsync(e is InterruptedWorkException ? e.Message : "Interrupted.");
            return Interrupted;
        }
        catch (IOException e) when (IsNoSpace(e))
        {
            await error.WriteLineAsync($"{OneLine(e.Message)}: free some space there, or write elsewhere.");
            return FailedAtWork;
        }
        catch (Exception e)
        {
            await error.WriteLineAsync(OneLine(e.Message));
            bool bad = e is ArgumentException or InvalidDataException or NotSupportedException
                or FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException;
            return bad ? BadInput : FailedAtWork;
        }

        // The first signal asks the work to end; a second one ends the process, whatever it does.
        void Interrupt(PosixSignalContext signal)
        {
            signal.Cancel = !interruption.IsCancellationRequested;
            interruption.Cancel();
        }
    }

    /// <summary>Whether a failure is that of a full disk.</summary>
    public static bool IsNoSpace(Exception e) => e is IOException && (e.HResult & 0xFFFF) is NoSpaceOnUnix or NoSpaceOnWindows;

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
        string probe = path + ".partial"; // what other writers begin with
        try
        {
            if (Directory.Exists(path))
                throw new ArgumentException($"{option}: {path} is a folder. Name a file.");
            if (!Directory.Exists(folder))
                throw new ArgumentException($"{option}: there is no folder {folder}. Make it first.");
            if (File.Exists(probe))
                return; // unfinished work, which stays as it is
            File.Create(probe).Dispose();
            File.Delete(probe);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ArgumentException($"{option}: {path} cannot be written: {OneLine(e.Message)}", e);
        }
    }

    /// <summary>What is wrong with a command line, without the names of .NET's types.</summary>
    private static string Describe(ParseError error)
    {
        if (error.SymbolResult is not OptionResult { Option: var option, Tokens: [.., var given] }
            || !error.Message.Contains(" as expected type ", StringComparison.Ordinal))
            return OneLine(error.Message);
        Type type = Nullable.GetUnderlyingType(option.ValueType) ?? option.ValueType;
        string kind = type == typeof(double) ? "a number" : type == typeof(ulong) ? "a whole number of at least 0" : "a whole number";
        return $"{option.Name}: '{Printable(given.Value)}' cannot be read. Give {kind}.";
    }

    private static string CommandPath(ParseResult parsed)
    {
        string path = "";
        for (var command = parsed.CommandResult; command is not null; command = command.Parent as CommandResult)
            path = $"{command.Command.Name} {path}".TrimEnd();
        return path;
    }

    /// <summary>A message's first line, without what .NET adds to it for programmers.</summary>
    public static string OneLine(string message)
    {
        string line = message.Split('\n')[0].Trim();
        int parameter = line.LastIndexOf(" (Parameter '", StringComparison.Ordinal);
        return Printable(parameter < 0 ? line : line[..parameter]);
    }

    /// <summary>A text without what would break the line it is shown in, or steer the terminal.</summary>
    private static string Printable(string text) => string.Concat(text.Select(symbol => char.IsControl(symbol) ? ' ' : symbol));
}
