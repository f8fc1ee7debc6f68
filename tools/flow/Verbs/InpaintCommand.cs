using System.CommandLine;
using FlowRuntime.CommandLine;
using FlowRuntime.Tool.Arguments;
using FlowRuntime.Tool.Input;
using FlowRuntime.Tool.Jobs;
using FlowRuntime.Tool.Output;

namespace FlowRuntime.Tool.Verbs;

/// <summary><c>flow inpaint MODEL --in X --mask M --out FILE</c>: draws what is missing of data.</summary>
internal sealed class InpaintCommand
{
    private readonly ModelArguments _model = new();
    private readonly DataArguments _data = new();
    private readonly Option<string> _mask = new("--mask")
    {
        Description = "What is known and kept: a .npy, .csv or .png file in which it is not 0 (or brighter than half), one row for all or one for each; or the names of known columns, separated by commas.",
        Required = true,
    };

    private readonly JobArguments _job = new("Number of rows. Default: all.", "The first row, from 0.");
    private readonly Option<ulong> _seed = new("--seed") { Description = "Seed of the noise." };
    private readonly ConditionArguments _conditions = new();
    private readonly SolverArguments _solver = new();

    public static Command Make() => new InpaintCommand().MakeCommand();

    private Command MakeCommand()
    {
        var command = new Command("inpaint", """
            Draws what is missing of data: what the mask marks is kept, the rest is drawn to fit it.

            Examples:
              flow inpaint digits.onnx --in threes.npy --mask upper-half.png --label 3 --out completed.png
              flow inpaint weather.onnx --in days.csv --mask temperature,humidity --out completed.csv
            """);
        _data.AddTo(command);
        command.Add(_mask);
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
        using FlowModel model = _model.Open(parsed);
        using DataRows data = _data.Open(parsed, model);
        using DataRows mask = Mask(parsed, model, data);
        RowRange range = GivenRows.Range(data, _job.Count(parsed), _job.First(parsed), _job.Part(parsed));
        SamplingOptions options = _conditions.Read(parsed, model, model.Defaults with
        {
            Seed = parsed.GetValue(_seed),
            Solver = _solver.Read(parsed, model),
            Workers = _model.Workers(parsed),
            Slots = _model.Slots(parsed),
        });
        RowDescription rows = RowDescription.Of(model) with { Labels = ConditionArguments.Names(options, model), First = range.First };
        DrawRange draw = GivenRows.InParts(model, data, options, (values, part) =>
            model.Inpaint(values, Known(mask, part.First, values.Length / data.Length), part, cancellationToken: cancellationToken));
        return new RowWork(model, rows, range, options, draw)
        {
            Inputs = new Dictionary<string, string>(DataArguments.Identity(data)) { ["mask"] = $"{parsed.GetValue(_mask)} {mask.Hash()}" },
        }.Run(parsed, _job, cancellationToken);
    }

    private DataRows Mask(ParseResult parsed, FlowModel model, DataRows data)
    {
        try
        {
            return CommandHost.Checked("--mask", () => MaskFile.Read(parsed.GetRequiredValue(_mask), model, data.Count));
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"--mask: {e.Message}", e);
        }
    }

    /// <summary>What is known of some rows; where the mask has one row it is that of all.</summary>
    private static bool[] Known(DataRows mask, long first, int count)
    {
        float[] values = new float[(mask.Count == 1 ? 1 : count) * mask.Length];
        mask.Read(mask.Count == 1 ? 0 : first, values);
        return [.. values.Select(value => mask is PictureRows ? value > 0.5f : value != 0)];
    }
}
