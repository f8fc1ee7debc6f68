using System.CommandLine;
using System.Diagnostics;
using FlowRuntime.CommandLine;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Onnx;
using FlowRuntime.TrainTool.Pictures;

namespace FlowRuntime.TrainTool;

/// <summary><c>flow-train demo</c>: handwritten digits from data to pictures.</summary>
internal static class DemoCommand
{
    private const int GridColumns = 10;
    private const int FilmSamples = 10;
    private const int FilmFrames = 12;

    public static Command Make()
    {
        var outPath = new Option<string>("--out") { Description = "Folder for the results; an earlier demo there is replaced.", DefaultValueFactory = _ => "demo" };
        var json = new Option<bool>("--json") { Description = "Print the report as JSON and nothing else." };
        var command = new Command("demo", """
            Trains a class-conditional network on handwritten digits, exports it to ONNX, samples it with the runtime, and
            leaves model.onnx, samples.png, trajectory.png, loss.png and report.json.

            Example:
              flow-train demo
            """)
        {
            outPath, json,
        };
        command.SetAction((parsed, cancellationToken) => Task.FromResult(
            Run(parsed.GetRequiredValue(outPath), parsed.GetValue(json), parsed.InvocationConfiguration.Output, cancellationToken)));
        return command;
    }

    private static int Run(string path, bool json, TextWriter output, CancellationToken cancellationToken)
    {
        long started = Stopwatch.GetTimestamp();
        using RunFolder folder = RunFolder.Create("--out", path, replace: true);
        RunConfiguration run = RunConfiguration.For("digits");
        DataSplit split = run.LoadData();
        var display = new TrainingDisplay(json ? TextWriter.Null : output, live: !json && !Console.IsOutputRedirected);
        using TrainedRun trained = folder.Train(run, split, run.MakeNetwork(split.Train), display, cancellationToken);
        double trainingSeconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        ExportParity parity = OnnxExporter.Export(trained.Network, ModelCards.Of(run, split.Train), folder.Model);

        ModelTuning.Write(folder.Model, samples: 64, split.HeldOut, cancellationToken);
        using FlowModel model = FlowModel.Open(folder.Model);
        DemoFigures figures = DemoFigures.Measure(model, split, cancellationToken);
        LossPicture.Save(folder.File("loss.png"), trained.Progress);
        var options = new SamplingOptions { Labels = ImagePicture.ClassesInRows(split.Train, GridColumns) };
        float[] grid = model.Sample(options.Labels.Count, options, cancellationToken: cancellationToken).EnsureSuccess().Values;
        ImagePicture.Save(folder.File("samples.png"), grid, model.Card.Sample.Shape, GridColumns);
        float[] film = Film.Draw(model, split.HeldOut, FilmSamples, FilmFrames, cancellationToken);
        ImagePicture.Save(folder.File("trajectory.png"), film, model.Card.Sample.Shape, FilmFrames);

        var report = new DemoReport(
            run.Training.Steps, trainingSeconds, Stopwatch.GetElapsedTime(started).TotalSeconds, trained.Progress[^1].Loss,
            parity.MaxRelativeDifference, figures, model.Card);
        report.Save(folder.File("report.json"));
        if (json)
            output.WriteLine(report.ToJson());
        else
            report.WriteTable(output, path);
        return CommandHost.Done;
    }
}
