using System.Text.Json;
using FlowRuntime.CommandLine;
using FlowRuntime.Training;
using FlowRuntime.Training.Checkpoints;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using static TorchSharp.torch;

namespace FlowRuntime.TrainTool;

/// <summary>
/// The folder of a run: <c>config.json</c> (complete), <c>metrics.jsonl</c> (a line every 50 steps),
/// <c>weights.safetensors</c> (the averaged weights), and what the run leaves to look at.
/// </summary>
internal sealed class RunFolder(string path)
{
    private static readonly JsonSerializerOptions LineFormat = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public string File(string name) => Path.Combine(path, name);

    public string Model => File("model.onnx");

    private string Configuration => File("config.json");

    private string Weights => File("weights.safetensors");

    /// <summary>Makes the folder for a new run.</summary>
    /// <param name="option">The option that named it, for messages.</param>
    /// <param name="path">The folder.</param>
    /// <param name="replace">Whether a finished run there is written over.</param>
    /// <exception cref="ArgumentException">The folder holds a finished run, or cannot be made.</exception>
    public static RunFolder Create(string option, string path, bool replace)
    {
        var folder = new RunFolder(path);
        if (!replace && System.IO.File.Exists(folder.Weights))
            throw new ArgumentException($"{option}: {path} holds a finished run already. Name another folder.");
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ArgumentException($"{option}: the folder {path} cannot be made: {e.Message}", e);
        }
        CommandHost.RequireWritable(option, folder.Configuration);
        return folder;
    }

    /// <summary>Opens the folder of a finished run.</summary>
    /// <exception cref="ArgumentException">The folder holds no finished run.</exception>
    public static RunFolder Open(string path)
    {
        var folder = new RunFolder(path);
        if (!System.IO.File.Exists(folder.Configuration) || !System.IO.File.Exists(folder.Weights))
            throw new ArgumentException($"{path} holds no finished run: {Path.GetFileName(folder.Configuration)} or {Path.GetFileName(folder.Weights)} is missing. Make one with flow-train run.");
        return folder;
    }

    /// <summary>Trains by the configuration and leaves the run's files.</summary>
    /// <param name="run">The configuration.</param>
    /// <param name="data">The rows to learn.</param>
    /// <param name="display">Shows the progress.</param>
    /// <param name="cancellationToken">Ends the training after the step under way.</param>
    /// <returns>The trained network, and its progress.</returns>
    public (VelocityNetwork Network, List<TrainingProgress> Progress) Train(
        RunConfiguration run, Dataset data, TrainingDisplay display, CancellationToken cancellationToken)
    {
        WholeFile.Write(Configuration, run.ToJson() + "\n");
        System.IO.File.Delete(Weights);
        VelocityNetwork network = run.MakeNetwork(data);
        var reports = new List<TrainingProgress>();
        using (var metrics = new StreamWriter(File("metrics.jsonl")) { AutoFlush = true, NewLine = "\n" })
        {
            display.Show(run.Training.Steps, show => Trainer.Train(network, new ConditionalFlowMatching(data, run.MakeObjective(), run.Training.Seed), run.Training, report =>
            {
                reports.Add(report);
                metrics.WriteLine(JsonSerializer.Serialize(report, LineFormat));
                show(report);
            }, cancellationToken));
        }
        Safetensors.Write(Weights, Tensors(network));
        return (network, reports);
    }

    /// <summary>Loads the run's network with its averaged weights.</summary>
    public (RunConfiguration Run, Dataset Data, VelocityNetwork Network) Load()
    {
        RunConfiguration run = RunConfiguration.Read(Configuration);
        Dataset data = run.LoadData().Train;
        VelocityNetwork network = run.MakeNetwork(data);
        Safetensors.ReadInto(Weights, Tensors(network));
        network.eval();
        return (run, data, network);
    }

    private static Dictionary<string, Tensor> Tensors(VelocityNetwork network) => network.state_dict();
}
