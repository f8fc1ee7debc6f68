using FlowRuntime.CommandLine;
using ScottPlot;

namespace FlowRuntime.TrainTool.Pictures;

/// <summary>Points of the data and samples side by side, to one scale, as one PNG.</summary>
internal static class ScatterPicture
{
    /// <summary>Saves the picture.</summary>
    /// <param name="path">The .png file.</param>
    /// <param name="data">Points of the data, [n, 2].</param>
    /// <param name="samples">Samples, [m, 2]; as many points of the data are drawn at most.</param>
    /// <param name="columns">Names of the two columns.</param>
    public static void Save(string path, float[] data, float[] samples, IReadOnlyList<string> columns)
    {
        var both = new Multiplot();
        both.AddPlots(2);
        both.Layout = new ScottPlot.MultiplotLayouts.Columns();
        Draw(both.GetPlot(0), "data", data[..Math.Min(data.Length, samples.Length)], data, columns);
        Draw(both.GetPlot(1), "samples", samples, data, columns);
        WholeFile.Write(path, both.Render(1000, 520).GetImageBytes(ImageFormat.Png));
    }

    private static void Draw(Plot plot, string title, float[] points, float[] extent, IReadOnlyList<string> columns)
    {
        var dots = plot.Add.ScatterPoints(Column(points, 0), Column(points, 1));
        dots.MarkerSize = 3;
        dots.Color = Colors.Navy.WithAlpha(0.35);
        Diagram.Label(plot, title, columns[0], columns[1]);
        double[] x = Column(extent, 0), y = Column(extent, 1);
        double reach = 0.55 * Math.Max(x.Max() - x.Min(), y.Max() - y.Min());
        (double middleX, double middleY) = ((x.Max() + x.Min()) / 2, (y.Max() + y.Min()) / 2);
        plot.Axes.SetLimits(middleX - reach, middleX + reach, middleY - reach, middleY + reach);
    }

    private static double[] Column(float[] points, int column) =>
        [.. Enumerable.Range(0, points.Length / 2).Select(i => (double)points[2 * i + column])];
}
