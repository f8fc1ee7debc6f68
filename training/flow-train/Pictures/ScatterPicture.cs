using FlowRuntime.CommandLine;
using FlowRuntime.Training.Data;
using ScottPlot;

namespace FlowRuntime.TrainTool.Pictures;

/// <summary>The first two columns of the data and of samples side by side as one PNG, to one scale unless the columns' ranges are far apart.</summary>
internal static class ScatterPicture
{
    private const double MostStretch = 4;

    /// <summary>Saves the picture.</summary>
    /// <param name="path">The .png file.</param>
    /// <param name="data">Points of the data, [n, columns].</param>
    /// <param name="samples">Samples, [m, columns]; as many points of the data are drawn at most.</param>
    /// <param name="columns">Names of the columns, at least two.</param>
    public static void Save(string path, float[] data, float[] samples, IReadOnlyList<string> columns)
    {
        var both = new Multiplot();
        both.AddPlots(2);
        both.Layout = new ScottPlot.MultiplotLayouts.Columns();
        Draw(both.GetPlot(0), "data", data[..Math.Min(data.Length, samples.Length)], data, columns);
        Draw(both.GetPlot(1), "samples", samples, data, columns);
        WholeFile.Write(path, both.Render(1000, 520).GetImageBytes(ImageFormat.Png));
    }

    /// <summary>Draws points into a diagram that shows the extent of others.</summary>
    public static void Draw(Plot plot, string title, float[] points, float[] extent, IReadOnlyList<string> columns)
    {
        var dots = plot.Add.ScatterPoints(Column(points, columns.Count, 0), Column(points, columns.Count, 1));
        dots.MarkerSize = 3;
        dots.Color = Colors.Navy.WithAlpha(0.35);
        Diagram.Label(plot, title, columns[0], columns[1]);
        Frame(plot, extent, columns.Count);
    }

    /// <summary>Sets the diagram's limits around points.</summary>
    public static void Frame(Plot plot, float[] extent, int columns)
    {
        double[] x = Column(extent, columns, 0), y = Column(extent, columns, 1);
        (double reachX, double reachY) = (0.55 * (x.Max() - x.Min()), 0.55 * (y.Max() - y.Min()));
        double largest = Math.Max(reachX, reachY);
        if (largest <= MostStretch * Math.Min(reachX, reachY))
            (reachX, reachY) = (largest, largest);
        (double middleX, double middleY) = ((x.Max() + x.Min()) / 2, (y.Max() + y.Min()) / 2);
        plot.Axes.SetLimits(middleX - Room(reachX), middleX + Room(reachX), middleY - Room(reachY), middleY + Room(reachY));

        static double Room(double reach) => reach > 0 ? reach : 1; // a constant column
    }

    /// <summary>One column of rows.</summary>
    public static double[] Column(float[] rows, int columns, int column) => [.. Statistics.Column(rows, columns, column).Select(value => (double)value)];
}
