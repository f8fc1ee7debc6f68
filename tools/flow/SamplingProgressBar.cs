using FlowRuntime.Sampling;
using Spectre.Console;

namespace FlowRuntime.Tool;

/// <summary>A progress bar on stderr where that is a terminal, and nothing elsewhere.</summary>
internal sealed class SamplingProgressBar : IProgress<SamplingProgress>, IDisposable
{
    private readonly long _total;
    private readonly ManualResetEventSlim _end = new();
    private readonly Task _display;
    private long _finished;

    public SamplingProgressBar(long total, bool quiet)
    {
        _total = total;
        _display = quiet || Console.IsErrorRedirected ? Task.CompletedTask : Task.Run(Display);
    }

    public void Report(SamplingProgress value) => Volatile.Write(ref _finished, value.Finished);

    public void Dispose()
    {
        _end.Set();
        _display.GetAwaiter().GetResult();
        _end.Dispose();
    }

    private void Display()
    {
        IAnsiConsole terminal = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        terminal.Progress().AutoClear(true)
            .Columns(new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn(), new TaskDescriptionColumn())
            .Start(context =>
            {
                ProgressTask task = context.AddTask("samples", maxValue: _total);
                while (!_end.Wait(TimeSpan.FromMilliseconds(100)))
                {
                    task.Value = Volatile.Read(ref _finished);
                    task.Description = $"{task.Speed ?? 0:N0} samples/s";
                }
            });
    }
}
