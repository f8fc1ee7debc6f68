using FlowRuntime.Ode;
using FlowRuntime.Sampling;
using FlowRuntime.Training.Data;

namespace FlowRuntime.TrainTool.Pictures;

/// <summary>Samples of a model as one PNG, always from the same noise: images in a row for each class, points and columns beside held-out data and under its conditions.</summary>
internal static class SamplePicture
{
    private const int ImagesInRow = 10;
    private const int Points = 2_000;
    private const int DataRows = 10_000;

    /// <summary>Draws the samples and saves the picture.</summary>
    /// <param name="path">The .png file.</param>
    /// <param name="model">The model.</param>
    /// <param name="split">The data.</param>
    /// <param name="solver">How to solve; null for the model's own way.</param>
    /// <param name="cancellationToken">Ends the solve.</param>
    public static void Save(string path, FlowModel model, DataSplit split, SolverOptions? solver, CancellationToken cancellationToken)
    {
        var options = new SamplingOptions { Solver = solver };
        if (model.Card.Data?.Image is not null)
        {
            int classes = Math.Max(1, split.Train.ClassNames?.Count ?? 1);
            options = split.HeldOut.Vectors is null ? options with { Labels = ImagePicture.ClassesInRows(split.Train, ImagesInRow) }
                : options with { Conditions = split.HeldOut.Conditions(ImagesInRow * classes) };
            SampleBatch images = model.Sample(ImagesInRow * classes, options, cancellationToken: cancellationToken);
            ImagePicture.Save(path, images.Values, images.Shape, ImagesInRow);
            return;
        }
        SampleBatch samples = model.Sample(Points, options with { Conditions = split.HeldOut.Conditions(Points) }, cancellationToken: cancellationToken);
        float[] data = split.HeldOut.InDataUnits(DataRows);
        IReadOnlyList<string> names = ColumnNames(model);
        if (samples.Dimension == 1)
            HistogramPicture.Save(path, data, samples.Values, names[0]);
        else
            ScatterPicture.Save(path, data, samples.Values, names);
    }

    /// <summary>Names of a model's columns, by the card or by number.</summary>
    public static IReadOnlyList<string> ColumnNames(FlowModel model) =>
        model.Card.Data?.Columns?.Names ?? [.. Enumerable.Range(0, model.Field.Dimension).Select(i => $"x{i}")];
}
