using System.Diagnostics;
using FlowRuntime.Sampling;
using Spectre.Console;

namespace FlowRuntime.Tool.Jobs;

/// <summary>A progress bar on stderr where that is a terminal, and nothing elsewhere.</summary>
internal sealed class SamplingProgressBar : IProgress<SamplingProgress>, IDisposable
{
    private readonly long _total;
    private readonly long _before;
    private readonly ManualResetEventSlim _end = new();
    private readonly Task _display;
    private long _finished;

    /// <param name="total">Rows of the job.</param>
    /// <param name="before">Rows that an earlier run had drawn.</param>
    /// <param name="quiet">Whether to show nothing.</param>
    public SamplingProgressBar(long total, long before, bool quiet)
    {
        (_total, _before) = (total, before);
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
        long started = Stopwatch.GetTimestamp();
        terminal.Progress().AutoClear(true)
            .Columns(new ProgressBarColumn(), new PercentageColumn(), new TaskDescriptionColumn())
            .Start(context =>
            {
                ProgressTask task = context.AddTask("samples", maxValue: _total);
                while (!_end.Wait(TimeSpan.FromMilliseconds(100)))
                {
                    long finished = Volatile.Read(ref _finished);
                    double rate = finished / Stopwatch.GetElapsedTime(started).TotalSeconds;
                    task.Value = _before + finished;
                    task.Description = FormattableString.Invariant($"{_before + finished:N0} of {_total:N0} samples")
                        + (finished == 0 ? "" : $", {Quantity.Rate(rate)}, {Quantity.Time((_total - _before - finished) / rate)} left");
                }
            });
    }
}
