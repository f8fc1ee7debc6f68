using System.Globalization;
using FlowRuntime.Ode;
using FlowRuntime.Training;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Onnx;
using FlowRuntime.TrainTool.Pictures;

namespace FlowRuntime.TrainTool;

/// <summary>
/// Pictures of samples while a training is under way, <c>pictures/step-00001000.png</c> and so on: always from the same noise and classes, by the
/// moving average that would be exported then, with the same few solver steps.
/// </summary>
/// <remarks>They are drawn through an export like the last one, of a second network: the training does not notice, and an export that would be refused in the end is so at the first picture.</remarks>
internal sealed class TrainingPictures : IDisposable
{
    private const int InTraining = 10;
    private const int LeastSteps = 200;

    private readonly string _folder;
    private readonly RunConfiguration _run;
    private readonly DataSplit _data;
    private readonly TrainingRun _training;
    private readonly VelocityNetwork _network;
    private int _part, _last; // of a training that ends on time: the part of it that is over, and the step of the last picture

    /// <param name="folder">The folder, which is made with the first picture.</param>
    /// <param name="run">The run's configuration.</param>
    /// <param name="data">Its data.</param>
    /// <param name="training">The training, which may be under way already.</param>
    public TrainingPictures(string folder, RunConfiguration run, DataSplit data, TrainingRun training)
    {
        (_folder, _run, _data, _training) = (folder, run, data, training);
        _network = run.MakeNetwork(data.Train);
        _network.eval();
        (_part, _last) = (Part, training.Step);
        foreach (string unfinished in Directory.Exists(folder) ? Directory.GetFiles(folder, "step-*.png.new").Concat(Directory.GetFiles(folder, "model.*")) : [])
            File.Delete(unfinished); // of a process that was ended while it drew
    }

    /// <summary>How a picture is solved: at a fixed cost.</summary>
    public static FixedSteps Solver { get; } = new(ButcherTableau.Midpoint, 10);

    /// <summary>Draws a picture where one is due after the step that was done.</summary>
    /// <returns>The .png file; null where none was due.</returns>
    public string? Draw()
    {
        if (!IsDue())
            return null;
        Directory.CreateDirectory(_folder);
        string model = Path.Combine(_folder, "model.onnx"), picture = Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"step-{_training.Step:D8}.png"));
        try
        {
            _training.CopyAverageTo(_network);
            OnnxExporter.Export(_network, ModelCards.Of(_run, _data.Train), model);
            using FlowModel opened = FlowModel.Open(model);
            SamplePicture.Save(picture, opened, _data, Solver, CancellationToken.None); // an interrupted training ends with its checkpoint
        }
        finally
        {
            File.Delete(model);
        }
        return picture;
    }

    /// <summary>The pictures of a folder, in the order of their steps.</summary>
    /// <param name="folder">The folder, which need not exist.</param>
    public static IReadOnlyList<(int Step, string File)> Of(string folder)
    {
        var pictures = new List<(int Step, string File)>();
        foreach (string file in Directory.Exists(folder) ? Directory.GetFiles(folder, "step-*.png") : [])
        {
            if (int.TryParse(Path.GetFileNameWithoutExtension(file)["step-".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out int step))
                pictures.Add((step, file));
        }
        return [.. pictures.OrderBy(picture => picture.Step)];
    }

    /// <summary>Removes the pictures of a folder, and the folder where nothing else is in it.</summary>
    /// <param name="folder">The folder, which need not exist.</param>
    public static void Remove(string folder)
    {
        foreach ((_, string file) in Of(folder))
            File.Delete(file);
        if (Directory.Exists(folder) && !Directory.EnumerateFileSystemEntries(folder).Any())
            Directory.Delete(folder);
    }

    public void Dispose() => _network.Dispose();

    private int Part => (int)((long)InTraining * _training.Step / _training.Steps);

    private bool IsDue()
    {
        if (_run.Pictures?.Every is { } every)
            return every > 0 && _training.Step % every == 0;
        if (_run.Training.Minutes is null)
            return _training.Step % Math.Max(LeastSteps, _training.Steps / InTraining) == 0;
        if (Part == _part || _training.Step < _last + LeastSteps)
            return false;
        (_part, _last) = (Part, _training.Step);
        return true;
    }
}
