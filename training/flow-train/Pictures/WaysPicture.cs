using FlowRuntime.CommandLine;
using FlowRuntime.Training.Data;
using ScottPlot;

namespace FlowRuntime.TrainTool.Pictures;

/// <summary>How some samples come from noise to data, as one PNG: images as strips, points as ways in the plane, single values as curves over time.</summary>
internal static class WaysPicture
{
    private const int Strips = 10, Frames = 12; // of images
    private const int Ways = 60, Times = 40; // of points and values
    private const int Points = 2_000;

    /// <summary>Draws the samples and saves the picture.</summary>
    /// <param name="path">The .png file.</param>
    /// <param name="model">The model.</param>
    /// <param name="split">The data.</param>
    /// <param name="cancellationToken">Ends the solve.</param>
    public static void Save(string path, FlowModel model, DataSplit split, CancellationToken cancellationToken)
    {
        if (model.Card.Data?.Image is not null)
        {
            ImagePicture.Save(path, Film.Draw(model, split.HeldOut, Strips, Frames, cancellationToken), model.Card.Sample.Shape, Frames);
            return;
        }
        float[] film = Film.Draw(model, split.HeldOut, Ways, Times, cancellationToken);
        IReadOnlyList<string> names = SamplePicture.ColumnNames(model);
        if (names.Count == 1)
        {
            SaveCurves(path, film, model.Start, model.End, names[0]);
            return;
        }
        float[] samples = model.Sample(Points, new SamplingOptions { Conditions = split.HeldOut.Conditions(Points) }, cancellationToken: cancellationToken).Values;
        TrajectoryPicture.Save(path, Plane(split.HeldOut.InDataUnits(Points)), Plane(samples), Plane(film), Times, [names[0], names[1]]);

        float[] Plane(float[] rows) => names.Count == 2 ? rows : [.. rows.Chunk(names.Count).SelectMany(row => row[..2])];
    }

    private static void SaveCurves(string path, float[] film, double start, double end, string column)
    {
        using var plot = new Plot();
        double[] times = [.. Enumerable.Range(0, Times).Select(frame => start + (end - start) * frame / (Times - 1))];
        foreach (float[] way in film.Chunk(Times))
        {
            var line = plot.Add.ScatterLine(times, [.. way.Select(value => (double)value)]);
            line.LineWidth = 1;
            line.Color = Colors.Navy.WithAlpha(0.5);
        }
        Diagram.Label(plot, "from noise to data", "t", column);
        WholeFile.Write(path, plot.GetImageBytes(800, 450, ImageFormat.Png));
    }
}
