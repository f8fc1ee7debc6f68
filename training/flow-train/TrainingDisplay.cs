using System.Globalization;
using FlowRuntime.Training;
using Spectre.Console;

namespace FlowRuntime.TrainTool;

/// <summary>Shows a training's progress: a live bar on a terminal, plain lines elsewhere.</summary>
/// <param name="output">Where plain lines go.</param>
/// <param name="live">Whether the output is a terminal.</param>
internal sealed class TrainingDisplay(TextWriter output, bool live)
{
    private const int Lines = 10;

    private int _told; // lines that are due so far

    public void Show(int steps, Action<Action<TrainingProgress>> train)
    {
        if (live)
            ShowLive(steps, train);
        else
            train(WriteLine);
    }

    private void WriteLine(TrainingProgress report)
    {
        int due = (int)((long)Lines * report.Step / report.Steps);
        if (due <= _told)
            return;
        _told = due;
        string heldOut = report.ValidationLoss is { } loss ? string.Create(CultureInfo.InvariantCulture, $"  held out {loss:F4}") : "";
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"step {report.Step} of {report.Steps}  loss {report.Loss:F4}{heldOut}  {report.StepsPerSecond:F0} steps/s"));
    }

    private static void ShowLive(int steps, Action<Action<TrainingProgress>> train) =>
        AnsiConsole.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(context =>
            {
                ProgressTask task = context.AddTask("training", maxValue: steps);
                train(report =>
                {
                    task.MaxValue = report.Steps;
                    task.Value = report.Step;
                    task.Description = string.Create(CultureInfo.InvariantCulture, $"training  loss {report.Loss:F4}  {report.StepsPerSecond:F0} steps/s");
                });
            });
}
