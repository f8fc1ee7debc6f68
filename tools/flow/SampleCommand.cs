using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;
using FlowRuntime.Fields;
using FlowRuntime.Sampling;
using FlowRuntime.Tool.Output;

namespace FlowRuntime.Tool;

/// <summary><c>flow sample MODEL --out FILE</c>: draws samples.</summary>
internal sealed class SampleCommand
{
    /// <summary>Values drawn at a time; more samples are drawn in parts, which changes nothing about them.</summary>
    private const int MostTimes = 1000;

    private readonly Argument<string> _model = new("MODEL") { Description = "The .onnx file." };
    private readonly Option<string> _out = new("--out") { Description = "File to write: .npy, .csv or .png (a grid of images, or a scatter of points).", Required = true };
    private readonly Option<long> _count = new("--count") { Description = "Number of samples.", DefaultValueFactory = _ => 100 };
    private readonly Option<ulong> _seed = new("--seed") { Description = "Seed of all randomness." };
    private readonly Option<long> _first = new("--first") { Description = "Index of the first sample; sample i is the same whichever run draws it." };
    private readonly Option<string?> _label = new("--label") { Description = "Class labels, by name or number, separated by commas and taken in turn; or 'all'." };
    private readonly Option<string?> _condition = new("--condition") { Description = "Condition vectors, taken in turn: numbers as 21.5,0.4 or by name as temperature=21.5,humidity=0.4, several separated by ';', or a .csv file of them." };
    private readonly Option<double?> _guidance = new("--guidance") { Description = "Scale of classifier-free guidance; 1 is none." };
    private readonly Option<string?> _guidanceInterval = new("--guidance-interval") { Description = "Times A,B between which there is guidance. Default: all." };
    private readonly Option<double?> _guidanceRescale = new("--guidance-rescale") { Description = "Share, from 0 to 1, to which a guided prediction keeps the spread of the plain one." };
    private readonly Option<string?> _negative = new("--negative") { Description = "Class that guidance leads away from. Default: no class." };
    private readonly SolverArguments _solver = new();
    private readonly Option<int?> _trajectory = new("--trajectory") { Description = "Record each sample at this many times from noise to data: a film strip (.png of images) or all states (.npy)." };
    private readonly Option<string> _provider = new("--provider") { Description = "Execution provider: auto, cpu, cuda, directml, coreml, …", DefaultValueFactory = _ => new FlowModelOptions().Provider };
    private readonly Option<bool> _requireProvider = new("--require-provider") { Description = "Fail instead of falling back to the CPU." };
    private readonly Option<int?> _threads = new("--threads") { Description = "Threads inside one network call." };
    private readonly Option<int?> _workers = new("--workers") { Description = "Threads that solve." };
    private readonly Option<int?> _slots = new("--slots") { Description = "Samples a worker solves side by side." };
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object and nothing else." };

    public static Command Make() => new SampleCommand().MakeCommand();

    private Command MakeCommand()
    {
        var command = new Command("sample", """
            Draws samples from a model.

            Examples:
              flow sample digits.onnx --label all --out digits.png
              flow sample digits.onnx --label 3,7 --count 1000 --seed 7 --out digits.npy
              flow sample digits.onnx --label all --count 10 --trajectory 9 --out film.png
              flow sample weather.onnx --condition temperature=21.5,humidity=0.4 --out days.csv
              flow sample moons.onnx --count 5000 --method rk4 --steps 20 --out moons.csv
            """)
        {
            _model, _out, _count, _seed, _first, _label, _condition, _guidance, _guidanceInterval, _guidanceRescale, _negative, _trajectory,
            _provider, _requireProvider, _threads, _workers, _slots, _json,
        };
        _solver.AddTo(command);
        command.SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, cancellationToken)));
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        long count = parsed.GetValue(_count);
        if (count < 1)
            throw new ArgumentException($"--count: {count} is no number of samples. Give at least 1.");
        string outPath = parsed.GetRequiredValue(_out);
        SampleFile.RequireKnown(outPath);
        CommandHost.RequireWritable("--out", outPath);
        CommandHost.RequireWritable("--out", ProvenanceOf(outPath));
        var modelOptions = new FlowModelOptions { Provider = parsed.GetValue(_provider)!, RequireProvider = parsed.GetValue(_requireProvider) };
        if (parsed.GetValue(_threads) is { } threads)
            modelOptions = CommandHost.Checked("--threads", () => modelOptions with { Threads = threads });
        using FlowModel model = FlowModel.Open(parsed.GetRequiredValue(_model), modelOptions);
        if (model.ProviderReport.FellBack)
            parsed.InvocationConfiguration.Error.WriteLine($"Runs on {model.ProviderReport}.");
        if (model.Card.Hints is not null && !model.HintsApply)
            parsed.InvocationConfiguration.Error.WriteLine("The card's hints were measured on another graph and are ignored; 'flow tune' measures them anew.");
        SamplingOptions options = Options(parsed, model);

        TextWriter output = parsed.InvocationConfiguration.Output;
        bool json = parsed.GetValue(_json);
        SampleReport report = Draw(model, options, count, outPath, json, cancellationToken);
        WriteProvenance(model, outPath, report);
        if (json)
            output.WriteLine(JsonSerializer.Serialize(report, ToolJson.Default.SampleReport));
        else
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{report.Samples} samples in {report.Seconds:G3} s ({report.SamplesPerSecond:N0}/s, {(double)report.Evaluations / report.Samples:F1} evaluations each) by {report.Method} on {report.Provider}: {report.Out}"));
        if (report.Failed == 0)
            return CommandHost.Done;
        parsed.InvocationConfiguration.Error.WriteLine($"{report.Failed} of {report.Samples} samples failed; their rows are NaN.");
        return CommandHost.FailedAtWork;
    }

    private SamplingOptions Options(ParseResult parsed, FlowModel model)
    {
        SamplingOptions options = model.Defaults with { Seed = parsed.GetValue(_seed), Solver = _solver.Read(parsed, model) };
        options = CommandHost.Checked("--first", () => options with { First = parsed.GetValue(_first) });
        if (parsed.GetValue(_label) is { } labels)
            options = options with { Labels = CommandHost.Checked("--label", () => Labels(labels, model)) };
        if (parsed.GetValue(_condition) is { } conditions)
            options = options with { Conditions = CommandHost.Checked("--condition", () => ConditionArgument.Read(conditions, model)) };
        if (options.Labels.Count == 0 && options.Conditions.Count == 0)
            options = options with { Guidance = Guidance.None }; // the model's own guidance is for its classes and conditions
        if (parsed.GetValue(_guidance) is { } guidance)
            options = CommandHost.Checked("--guidance", () => options with { Guidance = options.Guidance with { Scale = guidance } });
        if (parsed.GetValue(_guidanceInterval) is { } interval)
            options = CommandHost.Checked("--guidance-interval", () => options with { Guidance = options.Guidance with { Interval = Interval(interval) } });
        if (parsed.GetValue(_guidanceRescale) is { } rescale)
            options = CommandHost.Checked("--guidance-rescale", () => options with { Guidance = options.Guidance with { Rescale = rescale } });
        if (parsed.GetValue(_negative) is { } negative)
            options = options with { Guidance = options.Guidance with { Negative = new Condition { Label = CommandHost.Checked("--negative", () => Label(negative, model)) } } };
        if (options.Guidance.Scale == 1 && options.Guidance != Guidance.None)
            throw new ArgumentException("--guidance: an interval, a rescaling or a negative class changes nothing without it. Give its scale, such as 2.");
        if (parsed.GetValue(_trajectory) is { } times)
            options = options with { TrajectoryTimes = TrajectoryTimes(times, model) };
        if (parsed.GetValue(_workers) is { } workers)
            options = CommandHost.Checked("--workers", () => options with { Workers = workers });
        if (parsed.GetValue(_slots) is { } slots)
            options = CommandHost.Checked("--slots", () => options with { Slots = slots });
        return options;
    }

    private static int[] Labels(string text, FlowModel model) => text == "all" && model.Card.Conditions?.Classes is { } classes
        ? [.. Enumerable.Range(0, classes.Names.Count)]
        : [.. text.Split(',', StringSplitOptions.TrimEntries).Select(label => Label(label, model))];

    private static int Label(string text, FlowModel model)
    {
        if (model.Card.Conditions?.Classes is not { } classes)
            throw new ArgumentException($"{model.Path} has no classes. Leave the option out.");
        int named = classes.Names.ToList().IndexOf(text);
        if (named >= 0)
            return named;
        if (int.TryParse(text, CultureInfo.InvariantCulture, out int number) && number >= 0 && number < classes.Names.Count)
            return number;
        throw new ArgumentException($"there is no class '{text}'. {model.Path} has {string.Join(", ", classes.Names)} (0 to {classes.Names.Count - 1}).");
    }

    private static (double Start, double End) Interval(string text) =>
        text.Split(',') is [var start, var end] && double.TryParse(start, CultureInfo.InvariantCulture, out double first) && double.TryParse(end, CultureInfo.InvariantCulture, out double last)
            ? (first, last) : throw new ArgumentException($"'{text}' are no two times. Give A,B, such as 0.2,0.8.");

    /// <summary>Times at equal distances from noise to data, both included.</summary>
    private static double[] TrajectoryTimes(int count, FlowModel model)
    {
        if (count is < 2 or > MostTimes)
            throw new ArgumentException($"--trajectory: {count} is no number of times. Give 2 to {MostTimes}.");
        double start = model.Start, end = model.End;
        return [.. Enumerable.Range(0, count).Select(i => i == count - 1 ? end : start + (end - start) * i / (count - 1))];
    }

    private static SampleReport Draw(
        FlowModel model, SamplingOptions options, long count, string outPath, bool quiet, CancellationToken cancellationToken)
    {
        int times = options.TrajectoryTimes.Count;
        int? columns = times > 0 ? times : options.Labels.Count > 1 ? options.Labels.Count : options.Conditions.Count > 1 ? options.Conditions.Count : null;
        using SampleFile file = SampleFile.Open(outPath, model, count, times, columns);
        long failed = 0;
        long started = Stopwatch.GetTimestamp();
        using var progress = new SamplingProgressBar(count, quiet);
        SamplingStatistics statistics = model.Stream(count, Write, options, SampleOrder.Index, progress, cancellationToken);
        file.Complete();
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        return new SampleReport(
            count, failed, statistics.Evaluations, statistics.Accepted, statistics.Rejected, seconds, count / seconds,
            options.Solver!.MethodName, model.ProviderReport.Chosen, options.Seed, options.First, outPath);

        void Write(in FinishedSample sample)
        {
            if (sample.Status != SampleStatus.Completed)
            {
                failed++;
                sample.State.Fill(float.NaN);
            }
            file.Append(times > 0 ? sample.Trajectory : sample.State);
        }
    }

    private static void WriteProvenance(FlowModel model, string outPath, SampleReport report)
    {
        string path = ProvenanceOf(outPath);
        string software = $"FlowRuntime {typeof(FlowModel).Assembly.GetName().Version!.ToString(3)}";
        var provenance = new OutputProvenance(
            model.Path, OnnxFile.GraphHash(model.Path), Environment.GetCommandLineArgs()[1..], software,
            DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture), report);
        WholeFile.Write(path, JsonSerializer.Serialize(provenance, ToolJson.Default.OutputProvenance) + "\n");
    }

    /// <summary>The file beside an output that says how it was made.</summary>
    private static string ProvenanceOf(string outPath) => Path.ChangeExtension(outPath, ".json");
}
