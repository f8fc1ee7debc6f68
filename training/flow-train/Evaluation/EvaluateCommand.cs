using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using FlowRuntime.CommandLine;
using FlowRuntime.Sampling;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Evaluation;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Onnx;
using FlowRuntime.TrainTool.Pictures;

namespace FlowRuntime.TrainTool.Evaluation;

/// <summary><c>flow-train evaluate RUN</c>: how good a run's exported model is.</summary>
internal sealed class EvaluateCommand
{
    private const int GridColumns = 10;
    private const int DefaultLevels = 256; // of files of bytes

    private static readonly JsonSerializerOptions Format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // é and ± stay readable in a file
        WriteIndented = true,
    };

    private readonly Argument<string> _run = new("RUN") { Description = "The folder of a run." };
    private readonly Option<string?> _model = new("--model") { Description = "The exported model to judge. Default: the run's model.onnx." };
    private readonly Option<int> _samples = new("--samples") { Description = "Number of samples, of the classes in turn.", DefaultValueFactory = _ => 1_000 };
    private readonly Option<double> _guidance = new("--guidance") { Description = "Scale of guidance of further samples, where there are classes; 1 for none.", DefaultValueFactory = _ => 2 };
    private readonly Option<int> _densities = new("--densities") { Description = "Number of held-out rows whose density is followed; 0 for none.", DefaultValueFactory = _ => 100 };
    private readonly Option<int> _classifierSteps = new("--classifier-steps") { Description = "Training steps of the classifier, of 128 images each.", DefaultValueFactory = _ => ClassifierTraining.DefaultSteps };
    private readonly Option<ulong> _seed = new("--seed") { Description = "Seed of the samples and probes.", DefaultValueFactory = _ => 1 };

    public static Command Make() => new EvaluateCommand().MakeCommand();

    private Command MakeCommand()
    {
        var command = new Command("evaluate", """
            Judges a run's exported model by samples drawn through the runtime, each figure beside what real data get in the samples'
            place. Images with classes are judged by a classifier that is trained for it (classifier.onnx in the run's folder): share
            of right classes, Fréchet distance, precision and recall in its features. Other data: distances of transport and kernels.
            Then how near samples are to what was trained on, held-out densities, evaluations and samples a second.
            The figures stay in evaluation.json, the pictures in evaluation*.png.

            Example:
              flow-train evaluate runs/mnist --samples 1000 --guidance 2
            """)
        {
            _run, _model, _samples, _guidance, _densities, _classifierSteps, _seed,
        };
        command.SetAction((parsed, cancellationToken) => Task.Run(() => Evaluate(parsed, cancellationToken), cancellationToken));
        return command;
    }

    private int Evaluate(ParseResult parsed, CancellationToken cancellationToken)
    {
        (int count, double guidance, int densities, ulong seed) = (parsed.GetValue(_samples), parsed.GetValue(_guidance), parsed.GetValue(_densities), parsed.GetValue(_seed));
        if (count < 10)
            throw new ArgumentException($"--samples: {count} samples say nothing. Give at least 10.");
        if (!double.IsFinite(guidance))
            throw new ArgumentException($"--guidance: {guidance} is no scale. Give a finite number, such as 2.");
        if (densities < 0)
            throw new ArgumentException($"--densities: {densities} is no number of rows. Give at least 0.");
        if (parsed.GetValue(_classifierSteps) < 1)
            throw new ArgumentException($"--classifier-steps: {parsed.GetValue(_classifierSteps)} is no number of steps. Give at least 1.");
        using RunFolder folder = RunFolder.Open(parsed.GetRequiredValue(_run), write: true);
        TextWriter status = parsed.InvocationConfiguration.Error;
        (TrainedRun trained, DataSplit split) = folder.Load();
        using (trained)
        {
            using FlowModel model = FlowModel.Open(parsed.GetValue(_model) ?? folder.Model);
            using Classifier? classifier = OpenClassifier(folder, trained.Configuration.Training.Threads, split.Train, parsed.GetValue(_classifierSteps), status, cancellationToken);
            var evaluation = new ModelEvaluation(model, split, classifier, count, seed);
            var figures = new List<Figure>();
            bool classes = split.Train.ClassNames is not null;
            foreach (double scale in classes && guidance != 1 ? new[] { 1, guidance } : [1])
            {
                status.WriteLine(string.Create(CultureInfo.InvariantCulture, $"drawing {count} samples{(scale == 1 ? "" : $" at guidance {scale}")} …"));
                (SampleBatch samples, IReadOnlyList<Figure> found) = evaluation.Sample(scale, cancellationToken);
                figures.AddRange(found);
                if (model.Card.Data?.Image is not null)
                    SaveGrid(samples, Math.Max(1, split.Train.ClassNames?.Count ?? 1), folder.File(scale == 1 ? "evaluation.png" : "evaluation-guided.png"));
            }
            if (densities > 0)
            {
                status.WriteLine($"following {Math.Min(densities, split.HeldOut.Count)} held-out densities …");
                using FlowModel density = OpenDensity(folder, trained, split.Train);
                figures.Add(evaluation.Density(density, densities, trained.Configuration.Augmentation?.Levels ?? DefaultLevels, cancellationToken));
            }
            WholeFile.Write(folder.Evaluation, JsonSerializer.Serialize(new { samples = count, seed, figures }, Format) + "\n");
            WriteTable(parsed.InvocationConfiguration.Output, figures);
        }
        return CommandHost.Done;
    }

    /// <summary>The run's classifier, trained where the folder has none; null for data that are no images with classes.</summary>
    private static Classifier? OpenClassifier(RunFolder folder, int threads, Dataset data, int steps, TextWriter status, CancellationToken cancellationToken)
    {
        if (data.Shape.Count != 3 || data.ClassNames is null)
            return null;
        string path = folder.File("classifier.onnx");
        if (!File.Exists(path))
        {
            status.WriteLine("training a classifier …");
            ClassifierTraining.Train(data, path, steps, threads, cancellationToken);
        }
        return new Classifier(path, data.Shape, data.ClassNames.Count);
    }

    /// <summary>The run's model with its divergence, exported where the folder has none.</summary>
    private static FlowModel OpenDensity(RunFolder folder, TrainedRun trained, Dataset data)
    {
        string path = folder.File("density.onnx");
        if (!File.Exists(path))
        {
            DivergenceKind kind = data.Dimension <= Divergence.LargestExact ? DivergenceKind.Exact : DivergenceKind.Hutchinson;
            OnnxExporter.Export(trained.Network, ModelCards.Of(trained.Configuration, data), path, kind);
        }
        return FlowModel.Open(path);
    }

    /// <summary>One class a row, as the classes were drawn in turn.</summary>
    private static void SaveGrid(SampleBatch samples, int classes, string path)
    {
        int columns = Math.Min(GridColumns, samples.Count / classes);
        if (columns == 0)
            return;
        int[] places = [.. Enumerable.Range(0, classes * columns).Select(i => i % columns * classes + i / columns)];
        ImagePicture.Save(path, RealRows.Choose(samples.Values, places, samples.Dimension), samples.Shape, columns);
    }

    private static void WriteTable(TextWriter output, IReadOnlyList<Figure> figures)
    {
        int width = figures.Max(figure => figure.Name.Length) + 2;
        output.WriteLine($"{"".PadRight(width)}{"model",12}{"real",12}");
        foreach (Figure figure in figures)
        {
            string floor = figure.Floor is { } real ? string.Create(CultureInfo.InvariantCulture, $"{real,12:G4}") : new string(' ', 12);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{figure.Name.PadRight(width)}{figure.Value,12:G4}{floor}   {figure.Note}").TrimEnd());
        }
    }
}
