using System.Globalization;
using FlowRuntime.Training;
using Spectre.Console;

namespace FlowRuntime.TrainTool;

/// <summary>Shows a training's progress, with the losses, the speed and the time that is left: a live bar on a terminal, ten plain lines elsewhere.</summary>
/// <param name="output">Where plain lines go.</param>
/// <param name="live">Whether the output is a terminal.</param>
/// <param name="clock">Tells the time; null for the system's.</param>
internal sealed class TrainingDisplay(TextWriter output, bool live, TimeProvider? clock = null)
{
    private const int Lines = 10;

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private int _firstStep, _told; // steps done before, and lines that are due so far
    private long _started;
    private double? _heldOut; // the last one that was measured

    /// <summary>Shows a training from its start, or from where it goes on, to its end.</summary>
    /// <param name="step">Steps done before.</param>
    /// <param name="steps">Steps in all, as far as is known.</param>
    /// <param name="train">Trains, and tells what it is given of the progress.</param>
    public void Show(int step, int steps, Action<Action<TrainingProgress>> train)
    {
        (_firstStep, _told, _started) = (step, Due(step, steps), _clock.GetTimestamp());
        if (live)
            ShowLive(step, steps, train);
        else
            train(WriteLine);
    }

    private static int Due(int step, int steps) => (int)((long)Lines * step / steps);

    private void WriteLine(TrainingProgress report)
    {
        string text = Describe(report);
        int due = Due(report.Step, report.Steps);
        if (due <= _told)
            return;
        _told = due;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"step {report.Step} of {report.Steps}  {text}"));
    }

    private void ShowLive(int step, int steps, Action<Action<TrainingProgress>> train) =>
        AnsiConsole.Progress()
            .Columns(new ProgressBarColumn { Width = 24 }, new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .Start(context =>
            {
                ProgressTask task = context.AddTask("training", maxValue: steps);
                task.Value = step;
                train(report =>
                {
                    (task.MaxValue, task.Value, task.Description) = (report.Steps, report.Step, Describe(report));
                });
            });

    private string Describe(TrainingProgress report)
    {
        _heldOut = report.ValidationLoss ?? _heldOut;
        string heldOut = _heldOut is { } loss ? string.Create(CultureInfo.InvariantCulture, $"  held out {loss:F4}") : "";
        string left = report.Step < report.Steps ? $"  {Left(report)} left" : "";
        return string.Create(CultureInfo.InvariantCulture, $"loss {report.Loss:F4}{heldOut}  {report.StepsPerSecond:F0} steps/s{left}");
    }

    /// <summary>The time that is left at the speed since the start of this process, with all that is done besides the steps.</summary>
    private string Left(TrainingProgress report)
    {
        double seconds = _clock.GetElapsedTime(_started).TotalSeconds * (report.Steps - report.Step) / (report.Step - _firstStep);
        TimeSpan left = TimeSpan.FromSeconds(Math.Min(Math.Ceiling(seconds), TimeSpan.MaxValue.TotalSeconds / 2));
        return left.TotalHours >= 1 ? string.Create(CultureInfo.InvariantCulture, $"{(long)left.TotalHours}:{left.Minutes:D2}:{left.Seconds:D2}")
            : $"{left.Minutes}:{left.Seconds:D2}";
    }
}
