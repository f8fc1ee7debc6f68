using FlowRuntime.CommandLine;
using ScottPlot;

namespace FlowRuntime.TrainTool.Pictures;

/// <summary>Points of the data beside samples, and the ways of some samples from noise to data, to one scale each, as one PNG.</summary>
internal static class TrajectoryPicture
{
    /// <summary>Saves the picture.</summary>
    /// <param name="path">The .png file.</param>
    /// <param name="data">Points of the data, [n, 2].</param>
    /// <param name="samples">Samples, [m, 2]; as many points of the data are drawn at most.</param>
    /// <param name="ways">States of some samples on their way, [some, times, 2].</param>
    /// <param name="times">Number of times.</param>
    /// <param name="columns">Names of the two columns.</param>
    public static void Save(string path, float[] data, float[] samples, float[] ways, int times, IReadOnlyList<string> columns)
    {
        var all = new Multiplot();
        all.AddPlots(3);
        all.Layout = new ScottPlot.MultiplotLayouts.Columns();
        ScatterPicture.Draw(all.GetPlot(0), "data", data[..Math.Min(data.Length, samples.Length)], data, columns);
        ScatterPicture.Draw(all.GetPlot(1), "samples", samples, data, columns);
        DrawWays(all.GetPlot(2), ways, times, columns);
        WholeFile.Write(path, all.Render(1500, 520).GetImageBytes(ImageFormat.Png));
    }

    private static void DrawWays(Plot plot, float[] ways, int times, IReadOnlyList<string> columns)
    {
        int size = 2 * times;
        float[] starts = new float[ways.Length / times], ends = new float[ways.Length / times];
        for (int way = 0; way < ways.Length / size; way++)
        {
            float[] states = ways[(way * size)..((way + 1) * size)];
            states.AsSpan(0, 2).CopyTo(starts.AsSpan(2 * way));
            states.AsSpan(size - 2, 2).CopyTo(ends.AsSpan(2 * way));
            var line = plot.Add.ScatterLine(ScatterPicture.Column(states, 2, 0), ScatterPicture.Column(states, 2, 1));
            line.LineWidth = 1;
            line.Color = Colors.Gray.WithAlpha(0.5);
        }
        foreach ((float[] points, Color color) in new[] { (starts, Colors.DarkOrange), (ends, Colors.Navy) })
        {
            var dots = plot.Add.ScatterPoints(ScatterPicture.Column(points, 2, 0), ScatterPicture.Column(points, 2, 1));
            dots.MarkerSize = 4;
            dots.Color = color;
        }
        Diagram.Label(plot, "from noise to data", columns[0], columns[1]);
        ScatterPicture.Frame(plot, ways, columns.Count);
    }
}
