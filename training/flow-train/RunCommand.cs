using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;
using FlowRuntime.Sampling;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Onnx;
using FlowRuntime.TrainTool.Pictures;

namespace FlowRuntime.TrainTool;

/// <summary><c>flow-train run --data SPEC --out RUN</c>: trains on a data set.</summary>
internal sealed class RunCommand
{
    private const int PictureSamples = 2_000;
    private const int PictureRows = 10_000;

    private readonly Option<string?> _data = new("--data") { Description = $"The data: {DataSource.Forms}." };
    private readonly Option<string?> _labelColumn = new("--label-column") { Description = "The table's column of classes, by its name; x0, x1, … where the file names none." };
    private readonly Option<string> _out = new("--out") { Description = "Folder for the run.", Required = true };
    private readonly Option<string?> _config = new("--config") { Description = "JSON file whose fields replace the data set's defaults." };
    private readonly Option<string[]> _set = new("--set") { Description = "Field to replace, such as training.learning_rate=1e-3; may be given again.", DefaultValueFactory = _ => [] };
    private readonly Option<int?> _steps = new("--steps") { Description = "Number of training steps." };
    private readonly Option<bool> _noTune = new("--no-tune") { Description = "Leave out measuring the solvers on the model." };
    private readonly Option<ulong?> _seed = new("--seed") { Description = "Seed of the weights and of all draws." };

    public static Command Make() => new RunCommand().MakeCommand();

    private Command MakeCommand()
    {
        var command = new Command("run", """
            Trains a network on a data set, exports it and measures solvers on it.

            Examples:
              flow-train run --data moons --out runs/moons
              flow-train run --data digits --out runs/wide --steps 1000 --set network.width=384
              flow-train run --data csv:iris.csv --label-column species --out runs/iris --steps 2000
              flow-train run --data images:photos --out runs/photos --set images.size=64 --set augmentation.flip=true
            """)
        {
            _data, _labelColumn, _out, _config, _set, _steps, _seed, _noTune,
        };
        command.SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, cancellationToken)));
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        RunConfiguration run = Configuration(parsed);
        DataSplit split = run.LoadData(parsed.InvocationConfiguration.Error.WriteLine); // before the folder is made: a bad table leaves nothing
        string path = parsed.GetRequiredValue(_out);
        RunFolder folder = RunFolder.Create("--out", path, replace: false);
        TextWriter output = parsed.InvocationConfiguration.Output;
        var (network, progress) = folder.Train(run, split.Train, new TrainingDisplay(output, !Console.IsOutputRedirected), cancellationToken);
        ExportParity parity;
        using (network)
            parity = OnnxExporter.Export(network, ModelCards.Of(run, split.Train), folder.Model);
        LossPicture.Save(folder.File("loss.png"), progress);
        string tuning = parsed.GetValue(_noTune) ? "solvers not measured" : ModelTuning.Write(folder.Model, ModelTuning.Samples, cancellationToken);
        using FlowModel model = FlowModel.Open(folder.Model);
        SavePicture(model, split, folder.File("samples.png"), cancellationToken);
        EnergyFigure energy = EnergyFigure.Measure(model, split, cancellationToken);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
            {folder.Model}: {parity.MaxRelativeDifference:0.0e+0} from the trained network (relative)
            {tuning}
            energy distance to held-out data {energy.Distance:G3}, floor between real sets {energy.Floor:G3} (ratio {energy.Ratio:F2})
            pictures: {folder.File("samples.png")}, {folder.File("loss.png")}
            """));
        return CommandHost.Done;
    }

    private RunConfiguration Configuration(ParseResult parsed)
    {
        string? file = parsed.GetValue(_config);
        if (file is not null && !File.Exists(file))
            throw new FileNotFoundException($"--config: there is no file {file}.");
        JsonObject config = file is null ? [] : StrictJson.Parse(File.ReadAllText(file), file);
        string data = parsed.GetValue(_data)
            ?? (config["data"] is JsonValue value && value.TryGetValue(out string? named) ? named
            : throw new ArgumentException($"--data: name the data: {DataSource.Forms}."));
        RunConfiguration run = CommandHost.Checked("--data", () => RunConfiguration.For(data));
        if (file is not null)
            run = CommandHost.Checked("--config", () => run.With(config, file)) with { Data = run.Data };
        if (parsed.GetValue(_labelColumn) is { } labelColumn)
            run = run with { LabelColumn = labelColumn };
        run = CommandHost.Checked("--set", () => run.With(parsed.GetValue(_set)!));
        if (parsed.GetValue(_steps) is { } steps)
            run = CommandHost.Checked("--steps", () => run with { Training = run.Training with { Steps = steps } });
        if (parsed.GetValue(_seed) is { } seed)
            run = run with { Training = run.Training with { Seed = seed } };
        CommandHost.Checked("--label-column", () => DataSource.Resolve(run.Data, run.LabelColumn));
        return run;
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
