using FlowRuntime.CommandLine;
using ScottPlot;

namespace FlowRuntime.TrainTool.Pictures;

/// <summary>Histograms of the data and of samples of one value, one above the other over the same bins, as one PNG.</summary>
internal static class HistogramPicture
{
    private const int Bins = 50;

    /// <summary>Saves the picture.</summary>
    /// <param name="path">The .png file.</param>
    /// <param name="data">Values of the data; their range is what is shown.</param>
    /// <param name="samples">Samples.</param>
    /// <param name="column">Name of the column.</param>
    public static void Save(string path, float[] data, float[] samples, string column)
    {
        var both = new Multiplot();
        both.AddPlots(2);
        double low = data.Min(), width = (data.Max() - low) / Bins;
        if (width == 0)
            (low, width) = (low - 0.5, 1.0 / Bins);
        Draw(both.GetPlot(0), "data", data);
        Draw(both.GetPlot(1), "samples", samples);
        WholeFile.Write(path, both.Render(800, 800).GetImageBytes(ImageFormat.Png));

        void Draw(Plot plot, string title, float[] values)
        {
            double[] shares = new double[Bins];
            foreach (float value in values)
            {
                double bin = Math.Floor((value - low) / width);
                if (bin is >= 0 and <= Bins)
                    shares[Math.Min((int)bin, Bins - 1)] += 1.0 / values.Length;
            }
            Bar[] bars = [.. shares.Select((share, bin) => new Bar
            {
                Position = low + (bin + 0.5) * width, Value = share, Size = width, FillColor = Colors.Navy.WithAlpha(0.6), LineWidth = 0,
            })];
            plot.Add.Bars(bars);
            plot.Axes.Margins(bottom: 0);
            plot.Axes.SetLimitsX(low, low + Bins * width);
            Diagram.Label(plot, title, column, "share");
        }
    }
}
