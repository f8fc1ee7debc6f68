using Spectre.Console;

namespace FlowRuntime.Tool.Verbs;

/// <summary>A progress line on stderr where that is a terminal, and nothing elsewhere.</summary>
internal sealed class MeasuringProgress(bool quiet) : IProgress<double>, IDisposable
{
    private readonly IAnsiConsole? _terminal = quiet || Console.IsErrorRedirected ? null
        : AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });

    public void Report(double value) => _terminal?.Write($"\rmeasuring … {value:P0} ");

    public void Dispose() => _terminal?.Write("\r                       \r");
}
