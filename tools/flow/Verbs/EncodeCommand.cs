using System.CommandLine;
using FlowRuntime.Tool.Arguments;
using FlowRuntime.Tool.Input;
using FlowRuntime.Tool.Jobs;
using FlowRuntime.Tool.Output;

namespace FlowRuntime.Tool.Verbs;

/// <summary><c>flow encode MODEL --in X --out Z.npy</c>: carries data to the noise they come from.</summary>
internal sealed class EncodeCommand
{
    private readonly ModelArguments _model = new();
    private readonly DataArguments _data = new();
    private readonly JobArguments _job = new("Number of rows. Default: all.", "The first row, from 0.");
    private readonly ConditionArguments _conditions = new();
    private readonly SolverArguments _solver = new();

    public static Command Make() => new EncodeCommand().MakeCommand();

    private Command MakeCommand()
    {
        var command = new Command("encode", """
            Carries data to the noise they come from, by the reverse solve. 'flow sample --noise' carries it back.

            Examples:
              flow encode digits.onnx --in digits.npy --label 3,7 --out noise.npy
              flow sample digits.onnx --noise noise.npy --label 3,7 --out again.png
            """);
        _data.AddTo(command);
        _job.AddTo(command);
        _conditions.AddTo(command);
        _solver.AddTo(command);
        _model.AddTo(command); // last: what a job is comes before what it runs on
        command.SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, cancellationToken)));
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        _job.Target(parsed);
        using FlowModel model = _model.Open(parsed);
        using DataRows data = _data.Open(parsed, model);
        RowRange range = GivenRows.Range(data, _job.Count(parsed), _job.First(parsed), _job.Part(parsed));
        SamplingOptions options = _conditions.Read(parsed, model, model.Defaults with
        {
            Solver = _solver.IsGiven(parsed) ? _solver.Read(parsed, model) : FlowModel.InverseSolver,
            Workers = _model.Workers(parsed),
            Slots = _model.Slots(parsed),
        });
        int[] shape = [.. model.Card.Sample.Shape];
        var rows = new RowDescription(shape, [.. Enumerable.Range(0, model.Field.Dimension).Select(i => $"z{i}")]) { First = range.First };
        DrawRange draw = GivenRows.InParts(model, data, options, (values, part) => model.Encode(values, part, cancellationToken: cancellationToken));
        return new RowWork(model, rows, range, options, draw) { Inputs = DataArguments.Identity(data) }.Run(parsed, _job, cancellationToken);
    }
}
