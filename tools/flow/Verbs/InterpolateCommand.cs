using System.CommandLine;
using System.Globalization;
using FlowRuntime.Sampling;
using FlowRuntime.Tool.Arguments;
using FlowRuntime.Tool.Input;
using FlowRuntime.Tool.Jobs;
using FlowRuntime.Tool.Output;

namespace FlowRuntime.Tool.Verbs;

/// <summary><c>flow interpolate MODEL --in X --out FILE --frames N</c>: what lies between data, along great circles of the noise.</summary>
internal sealed class InterpolateCommand
{
    private const int MostFrames = 1000;

    private readonly ModelArguments _model = new();
    private readonly DataArguments _data = new();
    private readonly Option<int> _frames = new("--frames") { Description = "Frames from each row to the next, both ends included.", DefaultValueFactory = _ => 9 };
    private readonly JobArguments _job = new(count: null, first: null);
    private readonly ConditionArguments _conditions = new();
    private readonly SolverArguments _solver = new();

    public static Command Make() => new InterpolateCommand().MakeCommand();

    private Command MakeCommand()
    {
        var command = new Command("interpolate", """
            Draws what lies between data: each row and the next are carried to noise, frames are taken from the great circle between, and carried back.
            A picture has a line for each pair.

            Examples:
              flow interpolate digits.onnx --in digits.npy --frames 9 --out morph.png
              flow interpolate digits.onnx --in ends/ --frames 60 --out frames/
            """);
        _data.AddTo(command);
        command.Add(_frames);
        _job.AddTo(command);
        _conditions.AddTo(command);
        _solver.AddTo(command);
        _model.AddTo(command); // last: what a job is comes before what it runs on
        command.SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, cancellationToken)));
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        int frames = parsed.GetValue(_frames);
        if (frames is < 2 or > MostFrames)
            throw new ArgumentException($"--frames: {frames} is no number of frames. Give 2 to {MostFrames}.");
        _job.Target(parsed);
        using FlowModel model = _model.Open(parsed);
        using DataRows data = _data.Open(parsed, model);
        if (data.Count < 2)
            throw new ArgumentException($"--in: {data.Path} has one row, and there is nothing between it and another. Give two or more.");
        RowRange range = RowRange.Of((data.Count - 1) * frames, 0, _job.Part(parsed));
        SamplingOptions options = _conditions.Read(parsed, model, model.Defaults with
        {
            Solver = _solver.IsGiven(parsed) ? _solver.Read(parsed, model) : FlowModel.InverseSolver,
            Workers = _model.Workers(parsed),
            Slots = _model.Slots(parsed),
        });
        RowDescription rows = RowDescription.Of(model) with { First = range.First, GridColumns = frames };
        return new RowWork(model, rows, range, options, Draw(model, data, frames, options, cancellationToken))
        {
            Inputs = new Dictionary<string, string>(DataArguments.Identity(data)) { ["frames"] = frames.ToString(CultureInfo.InvariantCulture) },
        }.Run(parsed, _job, cancellationToken);
    }

    /// <summary>Draws frames from any one on, in parts of whole pairs; those of a pair before the first that is wanted are not handed out.</summary>
    private static DrawRange Draw(FlowModel model, DataRows data, int frames, SamplingOptions options, CancellationToken cancellationToken) => (index, count, consumer, progress) =>
    {
        int most = Math.Max(1, GivenRows.PartOf(model, options) / frames);
        long end = index + count;
        for (long at = index; at < end;)
        {
            long pair = at / frames;
            int pairs = (int)Math.Min(most, (end - 1) / frames - pair + 1);
            float[] values = new float[(pairs + 1L) * data.Length];
            data.Read(pair, values);
            SampleBatch batch = model.Interpolate(
                values.AsSpan(0, pairs * data.Length), values.AsSpan(data.Length), frames, options with { First = pair }, cancellationToken: cancellationToken);
            int skipped = (int)(at - pair * frames), wanted = (int)Math.Min(batch.Count - skipped, end - at);
            GivenRows.Hand(batch, skipped, wanted, consumer);
            at += wanted;
            progress?.Report(new SamplingProgress(at - index, count));
        }
    };
}
