using System.Text.Json;
using System.Text.Json.Serialization;
using FlowRuntime.CommandLine;
using FlowRuntime.Training;
using FlowRuntime.Training.Checkpoints;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using FlowRuntime.TrainTool.TensorBoard;
using static TorchSharp.torch;

namespace FlowRuntime.TrainTool;

/// <summary>
/// The folder of a run: <c>config.json</c> (complete), <c>metrics.jsonl</c> (a line every 50 steps), <c>tensorboard</c> (the same as events),
/// <c>pictures</c> of samples during the training, <c>checkpoints</c> while it is under way, <c>weights.safetensors</c> (the averaged weights, and
/// further averages) when it is finished, and what it leaves to look at. Who writes into it locks it before (<see cref="RunLock"/>).
/// </summary>
internal sealed class RunFolder : IDisposable
{
    private readonly string _path;
    private readonly RunLock? _lock;

    private RunFolder(string path, bool write) => (_path, _lock) = (path, write ? RunLock.Take(path) : null);

    private static readonly JsonSerializerOptions LineFormat = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        RespectRequiredConstructorParameters = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    public string File(string name) => Path.Combine(_path, name);

    public string Model => File("model.onnx");

    /// <summary>Its name, without the folders it is in.</summary>
    public string Name => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(_path)));

    public string Loss => File("loss.png");

    public string Samples => File("samples.png");

    public string Ways => File("trajectory.png");

    public string Report => File("report.html");

    public string Pictures => File("pictures");

    /// <summary>What an evaluation found, where there was one.</summary>
    public string Evaluation => File("evaluation.json");

    private const string ConfigurationName = "config.json";

    private string Configuration => File(ConfigurationName);

    private string Metrics => File("metrics.jsonl");

    private string Weights => File("weights.safetensors");

    private string Checkpoints => File("checkpoints");

    private string Events => File("tensorboard");

    /// <summary>Makes the folder for a new run, and locks it.</summary>
    /// <param name="option">The option that named it, for messages.</param>
    /// <param name="path">The folder.</param>
    /// <param name="replace">Whether a run there is written over.</param>
    /// <exception cref="ArgumentException">The folder holds a run, cannot be made, or another process writes into it.</exception>
    public static RunFolder Create(string option, string path, bool replace)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ArgumentException($"{option}: the folder {path} cannot be made: {CommandHost.OneLine(e.Message)}", e);
        }
        CommandHost.RequireWritable(option, Path.Combine(path, ConfigurationName));
        return Checked(CommandHost.Checked(option, () => new RunFolder(path, write: true)), folder => replace ? null
            : System.IO.File.Exists(folder.Weights) ? $"{option}: {path} holds a finished run already. Name another folder."
            : CheckpointFolder.HoldsAny(folder.Checkpoints) ? $"{option}: {path} holds an unfinished run. Go on with it by flow-train resume {path}, or name another folder."
            : null);
    }

    /// <summary>Opens the folder of a finished run.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="write">Whether it is written into: it is locked then.</param>
    /// <exception cref="ArgumentException">The folder holds no finished run, or another process writes into it.</exception>
    public static RunFolder Open(string path, bool write)
    {
        RunFolder unlocked = Finished(write: false); // there is nothing to lock where there is no run
        return write ? Finished(write) : unlocked;

        RunFolder Finished(bool write) => Checked(new RunFolder(path, write), folder =>
            CheckpointFolder.HoldsAny(folder.Checkpoints) && !System.IO.File.Exists(folder.Weights) ? $"{path} holds no finished run, but an unfinished one. Finish it by flow-train resume {path}."
            : !System.IO.File.Exists(folder.Configuration) || !System.IO.File.Exists(folder.Weights)
                ? $"{path} holds no finished run: {ConfigurationName} or {Path.GetFileName(folder.Weights)} is missing. Make one with flow-train run."
            : null);
    }

    /// <summary>Opens the folder of a run that was stopped, and locks it.</summary>
    /// <exception cref="ArgumentException">There is nothing to go on with, or another process writes into it.</exception>
    public static RunFolder OpenUnfinished(string path)
    {
        string nothing = $"{path} holds no run to go on with: {ConfigurationName} or a checkpoint is missing. Start one with flow-train run --out {path}.";
        if (!System.IO.File.Exists(Path.Combine(path, ConfigurationName)))
            throw new ArgumentException(nothing);
        return Checked(new RunFolder(path, write: true), folder =>
            folder.IsTrained && System.IO.File.Exists(folder.Model) && System.IO.File.Exists(folder.Report) ? $"{path} holds a finished run: there is nothing left to train. Export it with flow-train export {path} --out MODEL.onnx."
            : !folder.IsTrained && !CheckpointFolder.HoldsAny(folder.Checkpoints) ? nothing
            : null);
    }

    /// <summary>Lets go of the folder.</summary>
    public void Dispose() => _lock?.Dispose();

    /// <summary>The folder, if nothing is found to be wrong with it.</summary>
    private static RunFolder Checked(RunFolder folder, Func<RunFolder, string?> wrong)
    {
        if (wrong(folder) is not { } message)
            return folder;
        folder.Dispose();
        throw new ArgumentException(message);
    }

    /// <summary>Checks that the run's model is there.</summary>
    /// <exception cref="ArgumentException">It is not.</exception>
    public void RequireModel()
    {
        if (!System.IO.File.Exists(Model))
            throw new ArgumentException($"{_path} holds no exported model: {Path.GetFileName(Model)} is missing. Make it by flow-train resume {_path}.");
    }

    /// <summary>Whether all of the training is done.</summary>
    public bool IsTrained => System.IO.File.Exists(Weights);

    /// <summary>The run's configuration.</summary>
    public RunConfiguration ReadConfiguration() => RunConfiguration.Read(Configuration);

    /// <summary>Trains by the configuration from the start and leaves the run's files; what an earlier run left here is removed.</summary>
    /// <param name="run">The configuration.</param>
    /// <param name="data">The rows to learn, and those held out.</param>
    /// <param name="network">The network, with its first weights.</param>
    /// <param name="display">Shows the progress.</param>
    /// <param name="cancellationToken">Ends the training after the step under way, with a checkpoint.</param>
    /// <returns>The configuration with the steps done, the trained network, and its progress.</returns>
    public TrainedRun Train(RunConfiguration run, DataSplit data, VelocityNetwork network, TrainingDisplay display, CancellationToken cancellationToken)
    {
        System.IO.File.Delete(Weights);
        CheckpointFolder.Remove(Checkpoints);
        WholeFile.Write(Configuration, run.ToJson() + "\n");
        foreach (string told in new[] { Metrics, Evaluation, Report })
            System.IO.File.Delete(told);
        EventFile.Remove(Events);
        TrainingPictures.Remove(Pictures);
        return Train(run, data, network, new CheckpointFolder(Checkpoints), [], display, cancellationToken);
    }

    /// <summary>Goes on with a run from its newest checkpoint, as if it had never stopped.</summary>
    /// <param name="data">The rows to learn, and those held out.</param>
    /// <param name="display">Shows the progress.</param>
    /// <param name="warn">Told of checkpoints that are damaged.</param>
    /// <param name="cancellationToken">Ends the training after the step under way, with a checkpoint.</param>
    /// <exception cref="InvalidDataException">No checkpoint is whole.</exception>
    public TrainedRun Resume(DataSplit data, TrainingDisplay display, Action<string> warn, CancellationToken cancellationToken)
    {
        RunConfiguration run = ReadConfiguration();
        run.Training.Device.Require();
        var checkpoints = new CheckpointFolder(Checkpoints, warn);
        if (checkpoints.Newest is not { } newest)
            throw new InvalidDataException($"{Checkpoints}: no checkpoint is whole. Remove the folder {_path} and start again with flow-train run.");
        List<TrainingProgress> before = KeepMetrics(newest.Step);
        return Train(run, data, run.MakeNetwork(data.Train), checkpoints, before, display, cancellationToken);
    }

    private TrainedRun Train(
        RunConfiguration run, DataSplit data, VelocityNetwork network, CheckpointFolder checkpoints, List<TrainingProgress> reports,
        TrainingDisplay display, CancellationToken cancellationToken)
    {
        using var training = new TrainingRun(
            network, new ConditionalFlowMatching(data.Train, run.MakeObjective(), run.Training.Seed), run.Training, data.HeldOut, checkpoints);
        using (var metrics = new StreamWriter(Metrics, append: true) { AutoFlush = true, NewLine = "\n" })
        using (var events = new EventFile(Events, training.Step))
        using (var pictures = new TrainingPictures(Pictures, run, data, training))
        {
            display.Show(training.Step, training.Steps, show => training.Run(
                report =>
                {
                    reports.Add(report);
                    metrics.WriteLine(JsonSerializer.Serialize(report, LineFormat));
                    events.Tell(report);
                    show(report);
                },
                () =>
                {
                    if (pictures.Draw() is { } picture)
                        events.Tell(training.Step, "samples", System.IO.File.ReadAllBytes(picture));
                },
                cancellationToken));
        }
        if (run.Training.Minutes is not null)
        {
            run = run with { Training = run.Training with { Steps = training.Step } };
            WholeFile.Write(Configuration, run.ToJson() + "\n");
        }
        using var scope = NewDisposeScope();
        Safetensors.Write(Weights, new Dictionary<string, Tensor>([.. network.state_dict(), .. training.MoreAverages()]));
        CheckpointFolder.Remove(Checkpoints);
        return new TrainedRun(run, network, reports);
    }

    /// <summary>Loads a finished run with its averaged weights.</summary>
    /// <param name="decay">The moving average to take; null for the run's own.</param>
    /// <exception cref="ArgumentException">The run kept no such average.</exception>
    public (TrainedRun Run, DataSplit Data) Load(double? decay = null)
    {
        RunConfiguration run = ReadConfiguration();
        if (decay is not null && decay != run.Training.EmaDecay && !run.Training.MoreEmaDecays.Contains(decay.Value))
            throw new ArgumentException($"{_path} kept no moving average of decay {decay}, but: {string.Join(", ", run.Training.MoreEmaDecays.Prepend(run.Training.EmaDecay))}. Name more before training, by training.more_ema_decays.");
        DataSplit data = run.LoadData();
        VelocityNetwork network = run.MakeNetwork(data.Train);
        Safetensors.ReadInto(Weights, network.state_dict());
        if (decay is not null && decay != run.Training.EmaDecay)
            Safetensors.ReadInto(Weights, network.named_parameters().ToDictionary(entry => TrainingRun.AverageName(decay.Value) + entry.name, entry => (Tensor)entry.parameter));
        network.eval();
        return (new TrainedRun(run, network, ReadMetrics()), data);
    }

    /// <summary>Takes away the lines that a run wrote after its checkpoint: it will write them again.</summary>
    private List<TrainingProgress> KeepMetrics(int lastStep)
    {
        List<TrainingProgress> kept = [.. ReadMetrics().Where(report => report.Step <= lastStep)];
        WholeFile.Write(Metrics, string.Concat(kept.Select(report => JsonSerializer.Serialize(report, LineFormat) + "\n")));
        return kept;
    }

    /// <summary>The reports, without a last line that the process was ended in.</summary>
    /// <exception cref="InvalidDataException">Another line is no report; the message names it.</exception>
    private List<TrainingProgress> ReadMetrics()
    {
        var reports = new List<TrainingProgress>();
        string[] lines = System.IO.File.Exists(Metrics) ? System.IO.File.ReadAllText(Metrics).Split('\n') : [""];
        for (int line = 0; line < lines.Length - 1; line++)
        {
            try
            {
                reports.Add(JsonSerializer.Deserialize<TrainingProgress>(lines[line], LineFormat));
            }
            catch (JsonException e)
            {
                throw Broken(line, e);
            }
            (TrainingProgress report, int before) = (reports[^1], line == 0 ? 0 : reports[line - 1].Step);
            if (report.Step <= before || !double.IsFinite(report.Loss) || !(report.StepsPerSecond > 0))
                throw Broken(line, null);
        }
        return reports;

        InvalidDataException Broken(int line, Exception? cause) =>
            new($"{Metrics}, line {line + 1} is no report of a step after those before it. Put the run's own file back, or take the line out.", cause);
    }
}
