using System.CommandLine;
using FlowRuntime.CommandLine;
using FlowRuntime.Sampling;
using FlowRuntime.Tool.Arguments;
using FlowRuntime.Tool.Input;
using FlowRuntime.Tool.Jobs;
using FlowRuntime.Tool.Output;

namespace FlowRuntime.Tool.Verbs;

/// <summary><c>flow sample MODEL --out FILE</c>: draws samples.</summary>
internal sealed class SampleCommand
{
    private const long DefaultCount = 100;
    private const int MostTimes = 1000;

    private readonly ModelArguments _model = new();
    private readonly JobArguments _job = new($"Number of samples, {DefaultCount} where nothing is said.", "Index of the first sample; sample i is the same whichever run draws it.");
    private readonly Option<ulong> _seed = new("--seed") { Description = "Seed of all randomness." };
    private readonly ConditionArguments _conditions = new();
    private readonly SolverArguments _solver = new();
    private readonly Option<int?> _trajectory = new("--trajectory") { Description = "Record each sample at this many times from noise to data: a film strip (.png) or all states (.npy)." };
    private readonly Option<string?> _noise = new("--noise") { Description = "Start from this noise, a .npy file as 'flow encode' writes it, instead of the seed's." };

    public static Command Make() => new SampleCommand().MakeCommand();

    private Command MakeCommand()
    {
        var command = new Command("sample", """
            Draws samples from a model.

            Examples:
              flow sample digits.onnx --label all --out digits.png
              flow sample digits.onnx --label 3,7 --count 1000 --seed 7 --out digits.npy
              flow sample digits.onnx --label all --count 10 --trajectory 9 --out film.png
              flow sample digits.onnx --label 3 --count 50 --out threes/
              flow sample moons.onnx --count 1000000 --shard 3/16 --resume --out part-3.npy
              flow sample weather.onnx --condition temperature=21.5,humidity=0.4 --out days.csv
              flow sample moons.onnx --count 5000 --method rk4 --steps 20 --out - | head
            """);
        _job.AddTo(command);
        command.Add(_seed);
        _conditions.AddTo(command);
        _solver.AddTo(command);
        command.Add(_trajectory);
        command.Add(_noise);
        _model.AddTo(command); // last: what a job is comes before what it runs on
        command.SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, cancellationToken)));
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        long? count = _job.Count(parsed);
        long first = _job.First(parsed);
        _job.Target(parsed);
        using FlowModel model = _model.Open(parsed);
        SamplingOptions options = _conditions.Read(parsed, model, model.Defaults with
        {
            Seed = parsed.GetValue(_seed),
            // Noise that data were carried to is carried back as exactly.
            Solver = _solver.IsGiven(parsed) || parsed.GetValue(_noise) is null ? _solver.Read(parsed, model) : FlowModel.InverseSolver,
            Workers = _model.Workers(parsed),
            Slots = _model.Slots(parsed),
        });
        if (parsed.GetValue(_trajectory) is { } times)
            options = options with { TrajectoryTimes = TrajectoryTimes(times, model) };
        using DataRows? noise = parsed.GetValue(_noise) is { } path ? CommandHost.Checked("--noise", () => NoiseIn(path, model)) : null;
        RowRange range = noise is null ? RowRange.Of(count ?? DefaultCount, first, _job.Part(parsed)) : GivenRows.Range(noise, count, first, _job.Part(parsed));
        RowDescription rows = RowDescription.Of(model) with
        {
            Times = options.TrajectoryTimes.Count,
            Labels = ConditionArguments.Names(options, model),
            First = range.First,
            GridColumns = options.Labels.Count > 1 ? options.Labels.Count : options.Conditions.Count > 1 ? options.Conditions.Count : null,
        };
        DrawRange draw = noise is null
            ? (index, number, consumer, progress) => model.Stream(number, consumer, options with { First = index }, SampleOrder.Index, progress, cancellationToken)
            : GivenRows.InParts(model, noise, options, (values, part) => model.Decode(values, part, cancellationToken: cancellationToken));
        var work = new RowWork(model, rows, range, options, draw);
        if (noise is not null)
            work = work with { Inputs = new Dictionary<string, string> { ["noise"] = noise.Hash() } };
        return work.Run(parsed, _job, cancellationToken);
    }

    private static NpyRows NoiseIn(string path, FlowModel model) => File.Exists(path)
        ? new NpyRows(path, model.Card.Sample.Shape, image: false) : throw new ArgumentException($"there is no file {path}.");

    /// <summary>Times at equal distances from noise to data, both included.</summary>
    private static double[] TrajectoryTimes(int count, FlowModel model)
    {
        if (count is < 2 or > MostTimes)
            throw new ArgumentException($"--trajectory: {count} is no number of times. Give 2 to {MostTimes}.");
        double start = model.Start, end = model.End;
        return [.. Enumerable.Range(0, count).Select(i => i == count - 1 ? end : start + (end - start) * i / (count - 1))];
    }
}
