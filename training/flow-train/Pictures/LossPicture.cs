using FlowRuntime.CommandLine;
using FlowRuntime.Training;
using ScottPlot;

namespace FlowRuntime.TrainTool.Pictures;

/// <summary>The loss over the steps of a training as one PNG.</summary>
internal static class LossPicture
{
    public static void Save(string path, IReadOnlyList<TrainingProgress> progress)
    {
        using var plot = new Plot();
        double[] steps = [.. progress.Select(report => (double)report.Step)], losses = [.. progress.Select(report => report.Loss)];
        var line = plot.Add.ScatterLine(steps, losses);
        line.LineWidth = 2;
        plot.Axes.SetLimitsY(0, losses.Max() * 1.05);
        Diagram.Label(plot, "Training loss", "step", "squared velocity error a value");
        WholeFile.Write(path, plot.GetImageBytes(800, 450, ImageFormat.Png));
    }
}
