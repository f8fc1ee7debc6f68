using System.CommandLine;
using System.Globalization;
using FlowRuntime.CommandLine;
using FlowRuntime.Sampling;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Onnx;
using FlowRuntime.TrainTool.Pictures;

namespace FlowRuntime.TrainTool;

/// <summary>What follows a training: the exported model, what solvers need on it, pictures, and how near its samples are to the data.</summary>
internal static class RunResults
{
    private const int PictureSamples = 2_000;
    private const int PictureRows = 10_000;

    /// <summary>Trains, and leaves the results in the run's folder; an interrupted training says how to go on with it.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="path">Its name, for messages.</param>
    /// <param name="split">The data.</param>
    /// <param name="tune">Whether solvers are measured.</param>
    /// <param name="console">Where results and errors are written.</param>
    /// <param name="train">Trains.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The exit code.</returns>
    public static int Finish(
        RunFolder folder, string path, DataSplit split, bool tune, InvocationConfiguration console, Func<TrainingDisplay, TrainedRun> train, CancellationToken cancellationToken)
    {
        TrainedRun run;
        try
        {
            run = train(new TrainingDisplay(console.Output, !Console.IsOutputRedirected));
        }
        catch (OperationCanceledException)
        {
            console.Error.WriteLine($"Interrupted. Go on with it by flow-train resume {path}.");
            return CommandHost.Interrupted;
        }
        using (run)
            Write(folder, run, split, tune, console.Output, cancellationToken);
        return CommandHost.Done;
    }

    private static void Write(RunFolder folder, TrainedRun run, DataSplit split, bool tune, TextWriter output, CancellationToken cancellationToken)
    {
        LossPicture.Save(folder.File("loss.png"), run.Progress);
        ExportParity parity = OnnxExporter.Export(run.Network, ModelCards.Of(run.Configuration, split.Train), folder.Model);
        string tuning = tune ? ModelTuning.Write(folder.Model, ModelTuning.Samples, cancellationToken) : "solvers not measured";
        using FlowModel model = FlowModel.Open(folder.Model);
        SavePicture(model, split, folder.File("samples.png"), cancellationToken);
        EnergyFigure energy = EnergyFigure.Measure(model, split, cancellationToken);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
            {folder.Model}: {parity.MaxRelativeDifference:0.0e+0} from the trained network (relative)
            {tuning}
            energy distance to held-out data {energy.Distance:G3}, floor between real sets {energy.Floor:G3} (ratio {energy.Ratio:F2})
            pictures: {folder.File("samples.png")}, {folder.File("loss.png")}
            """));
    }

    private static void SavePicture(FlowModel model, DataSplit split, string path, CancellationToken cancellationToken)
    {
        if (model.Card.Data?.Image is not null)
        {
            int classes = Math.Max(1, split.Train.ClassNames?.Count ?? 1);
            SampleBatch grid = model.Sample(10 * classes, new SamplingOptions { Labels = ImagePicture.ClassesInRows(split.Train, 10) }, cancellationToken: cancellationToken);
            ImagePicture.Save(path, grid.Values, grid.Shape, columns: 10);
        }
        else
        {
            SampleBatch samples = model.Sample(PictureSamples, cancellationToken: cancellationToken);
            IReadOnlyList<string> names = model.Card.Data?.Columns?.Names ?? [.. Enumerable.Range(0, samples.Dimension).Select(i => $"x{i}")];
            if (samples.Dimension == 1)
                HistogramPicture.Save(path, split.HeldOut.InDataUnits(PictureRows), samples.Values, names[0]);
            else
                ScatterPicture.Save(path, split.HeldOut.InDataUnits(PictureRows), samples.Values, names);
        }
    }
}
