using FlowRuntime.CommandLine;
using FlowRuntime.Training;
using ScottPlot;
using ScottPlot.TickGenerators;

namespace FlowRuntime.TrainTool.Pictures;

/// <summary>The losses over the steps of a training, on training and on held-out rows, as one PNG; logarithmic where they fall far.</summary>
internal static class LossPicture
{
    private const int MostPoints = 400;
    private const double FarFall = 10;

    /// <summary>Saves the picture.</summary>
    /// <param name="path">The .png file.</param>
    /// <param name="progress">The reports of the training, at least one.</param>
    public static void Save(string path, IReadOnlyList<TrainingProgress> progress)
    {
        using var plot = new Plot { ScaleFactor = 2 };
        List<(double Step, double Loss)> training = Thinned([.. progress.Select(report => ((double)report.Step, report.Loss))]);
        List<(double Step, double Loss)> heldOut = Thinned([.. progress.Where(report => report.ValidationLoss is not null).Select(report => ((double)report.Step, report.ValidationLoss!.Value))]);
        double[] losses = [.. training.Concat(heldOut).Select(point => point.Loss)];
        bool logarithmic = losses.Min() > 0 && losses.Max() >= FarFall * losses.Min();
        Draw(training, "training", Colors.Navy.WithAlpha(0.8), marker: 0);
        Draw(heldOut, "held out, moving average", Colors.DarkOrange, marker: 5);
        plot.ShowLegend(Alignment.UpperRight);
        if (logarithmic)
            plot.Axes.Left.TickGenerator = new NumericAutomatic { MinorTickGenerator = new LogMinorTickGenerator(), IntegerTicksOnly = true, LabelFormatter = value => $"{Math.Pow(10, value):G3}" };
        Diagram.Label(plot, "Loss", "step", "squared velocity error a value");
        WholeFile.Write(path, plot.GetImageBytes(1280, 800, ImageFormat.Png));

        void Draw(List<(double Step, double Loss)> points, string name, Color color, float marker)
        {
            if (points.Count == 0)
                return;
            double[] steps = [.. points.Select(point => point.Step)], values = [.. points.Select(point => logarithmic ? Math.Log10(point.Loss) : point.Loss)];
            var line = plot.Add.ScatterLine(steps, values);
            (line.LegendText, line.Color, line.LineWidth, line.MarkerSize) = (name, color, 2, marker);
        }
    }

    /// <summary>Means of neighbours, so that a long training is no thicket.</summary>
    private static List<(double Step, double Loss)> Thinned(List<(double Step, double Loss)> points) =>
        [.. points.Chunk((points.Count + MostPoints - 1) / MostPoints is var size and > 0 ? size : 1).Select(part => (part[^1].Step, part.Average(point => point.Loss)))];
}
