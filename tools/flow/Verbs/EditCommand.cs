using System.CommandLine;
using System.Globalization;
using FlowRuntime.Tool.Arguments;
using FlowRuntime.Tool.Input;
using FlowRuntime.Tool.Jobs;
using FlowRuntime.Tool.Output;

namespace FlowRuntime.Tool.Verbs;

/// <summary><c>flow edit MODEL --in X --start T --out FILE</c>: noises data to a time and solves on from there.</summary>
internal sealed class EditCommand
{
    private readonly ModelArguments _model = new();
    private readonly DataArguments _data = new();
    private readonly Option<double> _start = new("--start") { Description = "Flow time to start from, between the model's start and end: the earlier, the more is new; 0.5 keeps the coarse features of most images.", Required = true };
    private readonly JobArguments _job = new("Number of rows. Default: all.", "The first row, from 0.");
    private readonly Option<ulong> _seed = new("--seed") { Description = "Seed of the noise." };
    private readonly ConditionArguments _conditions = new();
    private readonly SolverArguments _solver = new();

    public static Command Make() => new EditCommand().MakeCommand();

    private Command MakeCommand()
    {
        var command = new Command("edit", """
            Changes data: noises each row to a time of its path and solves on from there (SDEdit), under another class or condition if you like.

            Examples:
              flow edit digits.onnx --in threes.npy --start 0.3 --label 8 --out eights.png
              flow edit digits.onnx --in photo.png --start 0.6 --seed 4 --out varied.png
            """);
        _data.AddTo(command);
        command.Add(_start);
        _job.AddTo(command);
        command.Add(_seed);
        _conditions.AddTo(command);
        _solver.AddTo(command);
        _model.AddTo(command); // last: what a job is comes before what it runs on
        command.SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, cancellationToken)));
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        _job.Target(parsed);
        double start = parsed.GetRequiredValue(_start);
        using FlowModel model = _model.Open(parsed);
        if (!(start >= model.Start && start < model.End))
            throw new ArgumentException(FormattableString.Invariant($"--start: {start} is no time to start from. Give one from {model.Start} to below {model.End}."));
        using DataRows data = _data.Open(parsed, model);
        RowRange range = GivenRows.Range(data, _job.Count(parsed), _job.First(parsed), _job.Part(parsed));
        bool solverGiven = _solver.IsGiven(parsed);
        SamplingOptions options = _conditions.Read(parsed, model, model.Defaults with
        {
            Seed = parsed.GetValue(_seed),
            Solver = _solver.Read(parsed, model),
            Workers = _model.Workers(parsed),
            Slots = _model.Slots(parsed),
        });
        RowDescription rows = RowDescription.Of(model) with { Labels = ConditionArguments.Names(options, model), First = range.First };
        // A model's own number of steps is for the whole way: the library shortens it.
        DrawRange draw = GivenRows.InParts(model, data, options, (values, part) => model.Edit(values, start, solverGiven ? part : part with { Solver = null }, cancellationToken: cancellationToken));
        return new RowWork(model, rows, range, options, draw)
        {
            Start = solverGiven ? start : model.Start,
            Inputs = new Dictionary<string, string>(DataArguments.Identity(data)) { ["start"] = start.ToString("R", CultureInfo.InvariantCulture) },
        }.Run(parsed, _job, cancellationToken);
    }
}
