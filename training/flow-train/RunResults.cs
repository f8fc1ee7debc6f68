using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using FlowRuntime.CommandLine;
using FlowRuntime.Training.Checkpoints;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Onnx;
using FlowRuntime.TrainTool.Pictures;
using FlowRuntime.TrainTool.Report;

namespace FlowRuntime.TrainTool;

/// <summary>What follows a training: the exported model, what solvers need on it, pictures, how near its samples are to the data, and a page with it all.</summary>
internal static class RunResults
{
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
        string GoOn() => folder.IsTrained || CheckpointFolder.HoldsAny(folder.File("checkpoints")) ? $"Go on with it by flow-train resume {path}." : "Nothing is kept: start it again.";
        try
        {
            using TrainedRun run = train(new TrainingDisplay(console.Output, !Console.IsOutputRedirected));
            Allocator.GiveBack(); // samples need other sizes than training
            Write(folder, run, split, tune, console.Output, cancellationToken);
            return CommandHost.Done;
        }
        catch (OperationCanceledException e)
        {
            throw new InterruptedWorkException($"Interrupted. {GoOn()}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException || IsOutOfMemory(e))
        {
            // Not the command is at fault, but what happened since: a disk that is full or gone, or memory that is used up.
            string cause = IsOutOfMemory(e) ? CommandHost.OutOfMemory : $"{CommandHost.OneLine(e.Message).TrimEnd('.')}{(CommandHost.IsNoSpace(e) ? ": free some space." : ".")}";
            throw new InvalidOperationException($"{path}: {cause} {GoOn()}", e);
        }
    }

    /// <summary>Whether .NET or torch had no memory left.</summary>
    private static bool IsOutOfMemory(Exception e) => e is OutOfMemoryException || e is ExternalException && e.Message.Contains("allocate memory", StringComparison.Ordinal);

    /// <summary>Leaves what there is to look at: the pictures, and the page with them and the figures.</summary>
    /// <param name="folder">The run's folder, with its exported model.</param>
    /// <param name="run">The run.</param>
    /// <param name="split">The data.</param>
    /// <param name="parity">How near the exported network is to the trained one.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>How near the samples are to the data.</returns>
    /// <exception cref="InvalidDataException">The run has no losses, or its evaluation is broken.</exception>
    public static EnergyFigure Show(RunFolder folder, TrainedRun run, DataSplit split, ExportParity parity, CancellationToken cancellationToken)
    {
        if (run.Progress.Count == 0)
            throw new InvalidDataException($"{folder.File("metrics.jsonl")} holds no losses. Put the run's own back: they cannot be measured again.");
        using FlowModel model = FlowModel.Open(folder.Model);
        LossPicture.Save(folder.Loss, run.Progress);
        SamplePicture.Save(folder.Samples, model, split, solver: null, cancellationToken);
        WaysPicture.Save(folder.Ways, model, split, cancellationToken);
        EnergyFigure energy = EnergyFigure.Measure(model, split, cancellationToken);
        HtmlReport.Write(folder, run, model.Card, ReportFigure.Of(run.Progress, energy, parity, model.HintsApply ? model.Card.Hints?.Quality : null));
        return energy;
    }

    private static void Write(RunFolder folder, TrainedRun run, DataSplit split, bool tune, TextWriter output, CancellationToken cancellationToken)
    {
        ExportParity parity = OnnxExporter.Export(run.Network, ModelCards.Of(run.Configuration, split.Train), folder.Model);
        string tuning = tune ? ModelTuning.Write(folder.Model, ModelTuning.Samples, split.HeldOut, cancellationToken) : "solvers not measured";
        EnergyFigure energy = Show(folder, run, split, parity, cancellationToken);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
            {folder.Model}: {parity.MaxRelativeDifference:0.0e+0} from the trained network (relative)
            {tuning}
            energy distance to held-out data {energy.Distance:G3}, floor between real sets {energy.Floor:G3} (ratio {energy.Ratio:F2})
            all of it: {folder.Report}
            """));
    }
}
