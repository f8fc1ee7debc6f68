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

    public void Show(int steps, Action<Action<TrainingProgress>> train)
    {
        if (live)
            ShowLive(steps, train);
        else
            train(report => WriteLine(report, steps));
    }

    private void WriteLine(TrainingProgress report, int steps)
    {
        int every = Math.Max(50, steps / Lines / 50 * 50);
        if (report.Step % every == 0 || report.Step == steps)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"step {report.Step} of {steps}  loss {report.Loss:F4}  {report.StepsPerSecond:F0} steps/s"));
    }

    private static void ShowLive(int steps, Action<Action<TrainingProgress>> train) =>
        AnsiConsole.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(context =>
            {
                ProgressTask task = context.AddTask("training", maxValue: steps);
                train(report =>
                {
                    task.Value = report.Step;
                    task.Description = string.Create(CultureInfo.InvariantCulture, $"training  loss {report.Loss:F4}  {report.StepsPerSecond:F0} steps/s");
                });
            });
}
