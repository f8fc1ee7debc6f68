using System.CommandLine;
using System.Text.Json.Nodes;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;
using FlowRuntime.Training;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;

namespace FlowRuntime.TrainTool;

/// <summary><c>flow-train run --data SPEC --out RUN</c>: trains on a data set.</summary>
internal sealed class RunCommand
{
    private const int LongestConfiguration = 1 << 22; // characters

    private readonly Option<string?> _data = new("--data") { Description = $"The data: {DataSource.Forms}." };
    private readonly Option<string?> _labelColumn = new("--label-column") { Description = "The table's column of classes, by its name; x0, x1, … where the file names none." };
    private readonly Option<string?> _conditionColumns = new("--condition-columns") { Description = "The table's columns that rows are conditioned on, by their names, separated by commas." };
    private readonly Option<string?> _conditions = new("--conditions") { Description = "A table (csv:FILE, npy:FILE, parquet:FILE) whose rows images are conditioned on, in the order of the images." };
    private readonly Option<string> _out = new("--out") { Description = "Folder for the run.", Required = true };
    private readonly Option<string?> _config = new("--config") { Description = "JSON file whose fields replace the data set's defaults." };
    private readonly Option<string[]> _set = new("--set") { Description = "Field to replace, such as training.learning_rate=1e-3; may be given again.", DefaultValueFactory = _ => [] };
    private readonly Option<int?> _steps = new("--steps") { Description = "Number of training steps." };
    private readonly Option<double?> _minutes = new("--minutes") { Description = "Minutes of training, instead of steps." };
    private readonly Option<string?> _init = new("--init") { Description = "A finished run, or a file of safetensors, whose weights to start from where they fit." };
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
              flow-train run --data digits --out runs/more --minutes 2 --init runs/wide --set network.width=384
              flow-train run --data digits --out runs/unet --set network.kind=unet --set network.width=16
              flow-train run --data csv:iris.csv --label-column species --out runs/iris --steps 2000
              flow-train run --data csv:houses.csv --condition-columns rooms,year --out runs/houses
              flow-train run --data images:photos --out runs/photos --set images.size=64 --set augmentation.flip=true
            """)
        {
            _data, _labelColumn, _conditionColumns, _conditions, _out, _config, _set, _steps, _minutes, _seed, _init, _noTune,
        };
        command.SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, cancellationToken)));
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        RunConfiguration run = Configuration(parsed);
        DataSplit split = run.LoadData(parsed.InvocationConfiguration.Error.WriteLine); // before the folder is made: a bad table leaves nothing
        InvocationConfiguration console = parsed.InvocationConfiguration;
        VelocityNetwork network = run.MakeNetwork(split.Train);
        if (run.Init is not null)
            InitialWeights.Load(run.Init, network, console.Error.WriteLine);
        string path = parsed.GetRequiredValue(_out);
        using RunFolder folder = RunFolder.Create("--out", path, replace: false);
        console.Output.WriteLine(run.ToJson());
        return RunResults.Finish(
            folder, path, split, !parsed.GetValue(_noTune), console, display => folder.Train(run, split, network, display, cancellationToken), cancellationToken);
    }

    /// <summary>The text of a configuration, which may come out of a pipe.</summary>
    private static string Text(string file)
    {
        using var reader = new StreamReader(file);
        char[] text = new char[LongestConfiguration];
        int length = reader.ReadBlock(text);
        return length < text.Length ? new string(text, 0, length)
            : throw new InvalidDataException($"--config: {file} is longer than a configuration. Name the config.json of a run, or a file like it.");
    }

    private RunConfiguration Configuration(ParseResult parsed)
    {
        string? file = parsed.GetValue(_config);
        if (file is not null && !File.Exists(file))
            throw new FileNotFoundException($"--config: there is no file {file}.");
        JsonObject config = file is null ? [] : StrictJson.Parse(Text(file), file);
        string data = parsed.GetValue(_data)
            ?? (config["data"] is JsonValue value && value.TryGetValue(out string? named) ? named
            : throw new ArgumentException($"--data: name the data: {DataSource.Forms}."));
        RunConfiguration run = CommandHost.Checked("--data", () => RunConfiguration.For(data));
        if (file is not null)
            run = CommandHost.Checked("--config", () => run.With(config, file)) with { Data = run.Data };
        if (parsed.GetValue(_labelColumn) is { } labelColumn)
            run = run with { LabelColumn = labelColumn };
        if (parsed.GetValue(_conditionColumns) is { } columns)
            run = run with { ConditionColumns = columns.Split(',', StringSplitOptions.TrimEntries) };
        if (parsed.GetValue(_conditions) is { } conditions)
            run = CommandHost.Checked("--conditions", () => run with { Conditions = DataSource.Resolve(conditions, labelColumn: null) });
        run = CommandHost.Checked("--set", () => run.With(parsed.GetValue(_set)!));
        if (parsed.GetValue(_steps) is { } steps)
            run = CommandHost.Checked("--steps", () => run with { Training = run.Training with { Steps = steps, Minutes = null } });
        if (parsed.GetValue(_minutes) is { } minutes)
            run = parsed.GetValue(_steps) is null ? CommandHost.Checked("--minutes", () => run with { Training = run.Training with { Minutes = minutes } })
                : throw new ArgumentException("--minutes: a training ends after steps or minutes. Give --steps or --minutes, not both.");
        if (parsed.GetValue(_seed) is { } seed)
            run = run with { Training = run.Training with { Seed = seed } };
        if ((parsed.GetValue(_init) ?? run.Init) is { } init)
            run = run with { Init = CommandHost.Checked("--init", () => InitialWeights.Resolve(init)) };
        run.Training.Device.Require();
        CommandHost.Checked("--label-column", () => DataSource.Resolve(run.Data, run.LabelColumn));
        CommandHost.Checked("--condition-columns", () => DataSource.Resolve(run.Data, run.LabelColumn, run.ConditionColumns));
        return run;
    }
}
