using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics;
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

    private static readonly TimeSpan SameSignal = TimeSpan.FromSeconds(0.5);

    private const int NoSpaceOnUnix = 28; // ENOSPC
    private const int NoSpaceOnWindows = 112; // ERROR_DISK_FULL
    private const int QuotaOnLinux = 122; // EDQUOT
    private const int InUseOnLinux = 11, InUseOnMac = 35, InUseOnWindows = 32; // EAGAIN, and ERROR_SHARING_VIOLATION

    /// <summary>SIGXFSZ, which tells of a file beyond the limit that the shell set; let be, it ends the process, and otherwise the write fails as on a full disk.</summary>
    private const PosixSignal FileTooLarge = (PosixSignal)25;

    /// <summary>What an <see cref="IOException"/> says for a full disk.</summary>
    public static int NoSpace => OperatingSystem.IsWindows() ? unchecked((int)0x80070000) | NoSpaceOnWindows : NoSpaceOnUnix;

    /// <summary>Parses and runs a command line.</summary>
    /// <param name="root">The commands.</param>
    /// <param name="args">The arguments.</param>
    /// <param name="output">Stdout.</param>
    /// <param name="error">Stderr.</param>
    /// <param name="elsewhere">Asked before a command is run: the exit code of having run it in another way, or null to run it here.</param>
    public static async Task<int> RunAsync(RootCommand root, string[] args, TextWriter output, TextWriter error, Func<ParseResult, int?>? elsewhere = null)
    {
        // An argument with @ is itself, such as the file of --grid @times.csv; by default it would be read for more arguments.
        ParseResult parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (EmptyValue(parsed) is { } name)
        {
            Tell(error, $"{name}: its value is empty. Give one. See {CommandPath(parsed)} --help.");
            return BadInput;
        }
        if (parsed.Errors is [var first, ..])
        {
            Tell(error, $"{Describe(first)} See {CommandPath(parsed)} --help.");
            return BadInput;
        }
        using var interruption = new CancellationTokenSource();
        long interrupted = 0;
        using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
        using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
        using var onHangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Interrupt); // the terminal has gone
        using PosixSignalRegistration? onTooLarge = OperatingSystem.IsWindows() ? null : PosixSignalRegistration.Create(FileTooLarge, signal => signal.Cancel = true);
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
            if (elsewhere?.Invoke(parsed) is { } code)
                return code;
            return await parsed.InvokeAsync(configuration, interruption.Token);
        }
        catch (OperationCanceledException e)
        {
            Tell(error, e is InterruptedWorkException ? e.Message : "Interrupted.");
            return Interrupted;
        }
        catch (IOException e) when (IsNoSpace(e))
        {
            Tell(error, $"{OneLine(e.Message)}: free some space there, or write elsewhere.");
            return FailedAtWork;
        }
        catch (OutOfMemoryException)
        {
            Tell(error, OutOfMemory);
            return FailedAtWork;
        }
        catch (Exception e)
        {
            Tell(error, OneLine(e.Message));
            bool bad = e is ArgumentException or InvalidDataException or NotSupportedException or FormatException or OverflowException
                or FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException;
            return bad ? BadInput : FailedAtWork;
        }

        // The first signal asks the work to end; a second one ends the process, whatever it does. One that comes at once is the same, sent to a whole group.
        void Interrupt(PosixSignalContext signal)
        {
            signal.Cancel = !interruption.IsCancellationRequested || Stopwatch.GetElapsedTime(interrupted) < SameSignal;
            if (interruption.IsCancellationRequested)
                return;
            interrupted = Stopwatch.GetTimestamp();
            interruption.Cancel();
        }
    }

    /// <summary>What is said where memory ran out: .NET's own message names the type alone.</summary>
    public const string OutOfMemory = "The memory is used up. Close other programs, ask for less at a time, or take a machine with more.";

    /// <summary>Whether a failure is that of a full disk, or of a quota that is used up.</summary>
    public static bool IsNoSpace(Exception e) => e is IOException && ((e.HResult & 0xFFFF) is NoSpaceOnUnix or NoSpaceOnWindows || OperatingSystem.IsLinux() && e.HResult == QuotaOnLinux);

    /// <summary>Says what went wrong, if anybody listens: the exit code tells it in any case.</summary>
    private static void Tell(TextWriter error, string line)
    {
        try
        {
            error.WriteLine(line);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // stderr is closed, or on a full disk.
        }
    }

    /// <summary>Whether a failure is that of a file which another process holds.</summary>
    public static bool IsInUse(IOException e) => (e.HResult & 0xFFFF) is InUseOnLinux or InUseOnMac or InUseOnWindows;

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
        return OneLine($"{option.Name}: '{given.Value}' cannot be read. Give {kind}.");
    }

    /// <summary>The argument or option that is given without a letter, as by a script whose variable is not set; null where none is.</summary>
    private static string? EmptyValue(ParseResult parsed) => parsed.CommandResult.Children
        .FirstOrDefault(given => given.Tokens.Any(token => string.IsNullOrWhiteSpace(token.Value))) switch
    {
        OptionResult given => given.Option.Name,
        ArgumentResult given => given.Argument.Name,
        _ => null,
    };

    private static string CommandPath(ParseResult parsed)
    {
        string path = "";
        for (var command = parsed.CommandResult; command is not null; command = command.Parent as CommandResult)
            path = $"{command.Command.Name} {path}".TrimEnd();
        return path;
    }

    /// <summary>A message's first line, without what .NET adds to it for programmers; what would steer a terminal, such as a name from a file may hold, is shown as �.</summary>
    public static string OneLine(string message)
    {
        string line = message.Trim().Split('\n')[0].Trim();
        int parameter = line.LastIndexOf(" (Parameter '", StringComparison.Ordinal);
        return string.Concat((parameter < 0 ? line : line[..parameter]).Select(letter => char.IsControl(letter) ? '\uFFFD' : letter));
    }
}
