using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;
using FlowRuntime.Tool.Jobs;

namespace FlowRuntime.Tool.Isolation;

/// <summary>
/// Runs a verb in a process of its own, so that a model that ends ONNX Runtime, never ends by itself or asks for all memory ends that process alone:
/// on <c>--sandbox</c>, and where the model's file has no card of ours inside.
/// </summary>
/// <remarks>It bounds accidents and simple malice. It is no jail: the process may read and write what its user may. See docs/security.md.</remarks>
internal static class Sandbox
{
    /// <summary>Set for the process in the sandbox: its memory in bytes, and a file that it removes once the model works.</summary>
    public const string Variable = "FLOW_SANDBOX";

    /// <summary>Seconds for opening a model and evaluating it once.</summary>
    public const string SecondsVariable = "FLOW_SANDBOX_SECONDS";

    /// <summary>Memory of the process, in megabytes.</summary>
    public const string MegabytesVariable = "FLOW_SANDBOX_MEGABYTES";

    private const double DefaultSeconds = 60;
    private const double BytesPerSecond = 1 << 24; // of a slow disk, for large files
    private const double DefaultShare = 0.75; // of the memory that is free

    private const int Between = 20; // milliseconds between two looks

    /// <summary>The option of every verb that opens a model.</summary>
    public static Option<bool?> Option { get; } = new("--sandbox")
    {
        Description = "Open and run the model in a process of its own, with bounds on memory and on the time to open it. Default: where the file has no card inside.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    /// <summary>Whether a command is to run in a sandbox.</summary>
    public static bool Wanted(ParseResult parsed)
    {
        if (!parsed.CommandResult.Command.Options.Contains(Option) || ModelOf(parsed) is not { } model)
            return false;
        if (parsed.GetResult(Option) is { Implicit: false })
            return parsed.GetValue(Option) ?? true;
        try
        {
            return File.Exists(model) && OnnxFile.ReadMetadata(model, CardFile.MetadataKey) is null;
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return false; // the verb says what is wrong with it, before ONNX Runtime sees it
        }
    }

    /// <summary>Runs this program with the same arguments in a process of its own, and waits for it.</summary>
    /// <returns>Its exit code; where it did not end by itself, that for bad input while it opened the model, and for failed work afterwards.</returns>
    public static int Run(ParseResult parsed, string[] arguments, TextWriter error)
    {
        string model = ModelOf(parsed)!;
        double seconds = Setting(SecondsVariable) ?? DefaultSeconds + new FileInfo(model) switch { { Exists: true } file => file.Length / BytesPerSecond, _ => 0 };
        double bytes = Setting(MegabytesVariable) * 1e6 ?? DefaultShare * MemoryNeeds.Available;
        string waiting = Path.Combine(Path.GetTempPath(), $"flow-{Guid.NewGuid():N}");
        string program = Environment.ProcessPath!; // dotnet, or the program itself
        string[] itself = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [Path.Combine(AppContext.BaseDirectory, "flow.dll")] : [];
        File.Create(waiting).Dispose();
        try
        {
            using var process = new ChildProcess(program, [.. itself, .. arguments], (Variable, string.Create(CultureInfo.InvariantCulture, $"{(long)bytes} {waiting}")));
            using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => PassOn(signal, process));
            using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => PassOn(signal, process));

            long started = Stopwatch.GetTimestamp();
            bool inTime = true;
            while (inTime && File.Exists(waiting) && !process.WaitForExit(Between))
                inTime = Stopwatch.GetElapsedTime(started).TotalSeconds < seconds;
            if (!inTime)
                process.Kill();
            while (!process.WaitForExit(Between))
            {
            }
            bool opened = !File.Exists(waiting);
            int code = process.ExitCode;
            if (!inTime)
                error.WriteLine($"{model} could not be opened and evaluated once within {seconds:F0} s ({SecondsVariable}); its process was ended.");
            else if (code is (< 0 or > ChildProcess.FirstSignal) and not CommandHost.Interrupted)
                error.WriteLine($"{model}: {(opened ? "the process that ran it" : "ONNX Runtime cannot open this model: the process that tried")} was ended by {Cause(code)}. {(opened ? "What was drawn before is kept." : "Do not open it without a sandbox.")}");
            else
                return code;
            return opened ? CommandHost.FailedAtWork : CommandHost.BadInput;
        }
        finally
        {
            File.Delete(waiting);
        }
    }

    private static string? ModelOf(ParseResult parsed)
    {
        Argument? model = parsed.CommandResult.Command.Arguments.FirstOrDefault(argument => argument.Name == "MODEL");
        return model is null ? null : parsed.GetValue<string>("MODEL");
    }

    private static double? Setting(string variable)
    {
        if (Environment.GetEnvironmentVariable(variable) is not { Length: > 0 } text)
            return null;
        return double.TryParse(text, CultureInfo.InvariantCulture, out double value) && value is > 0 and < 1e9 ? value
            : throw new ArgumentException($"{variable}: '{text}' cannot be read. Give a positive number.");
    }

    private static string Cause(int code) => code switch
    {
        ChildProcess.FirstSignal + 4 => "an illegal instruction (SIGILL)",
        ChildProcess.FirstSignal + 6 => "an abort (SIGABRT)",
        ChildProcess.FirstSignal + 7 => "a bus error (SIGBUS)",
        ChildProcess.FirstSignal + 8 => "an arithmetic error (SIGFPE)",
        ChildProcess.FirstSignal + 9 => "the system (SIGKILL), as it does for want of memory",
        ChildProcess.FirstSignal + 11 => "a memory fault (SIGSEGV)",
        _ => $"the system (exit code {code})",
    };

    /// <summary>Lets the process end its work as it would without a sandbox.</summary>
    private static void PassOn(PosixSignalContext signal, ChildProcess process)
    {
        signal.Cancel = true;
        process.Signal(signal.Signal == PosixSignal.SIGINT ? 2 : 15);
    }
}
