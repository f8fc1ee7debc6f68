using System.CommandLine;
using System.Globalization;
using FlowRuntime.CommandLine;
using FlowRuntime.Likelihood;
using FlowRuntime.Sampling;
using FlowRuntime.Tool.Arguments;
using FlowRuntime.Tool.Input;
using FlowRuntime.Tool.Jobs;
using FlowRuntime.Tool.Output;

namespace FlowRuntime.Tool.Verbs;

/// <summary><c>flow likelihood MODEL --in X --out logp.csv</c>: the log-density of data under the model.</summary>
internal sealed class LikelihoodCommand
{
    private const string Exact = "exact", Hutchinson = "hutchinson";

    private readonly ModelArguments _model = new();
    private readonly DataArguments _data = new();
    private readonly Option<string?> _divergence = new("--divergence") { Description = "exact or hutchinson (estimated by random probes). Default: what the model has." };
    private readonly Option<int?> _probes = new("--probes") { Description = "Probes a row, for a model that estimates: the mean of that many solves, with its standard error." };
    private readonly Option<int?> _levels = new("--levels") { Description = "Levels of a pixel, such as 256 for bytes: the density is then that of the levels, by uniform dequantisation." };
    private readonly JobArguments _job = new("Number of rows. Default: all.", "The first row, from 0.");
    private readonly Option<ulong> _seed = new("--seed") { Description = "Seed of probes and dequantisation." };
    private readonly ConditionArguments _conditions = new();
    private readonly SolverArguments _solver = new();

    public static Command Make() => new LikelihoodCommand().MakeCommand();

    private Command MakeCommand()
    {
        var command = new Command("likelihood", """
            Tells the log-density of data under the model, in nats and in bits a value; the model must have a divergence output (flow-train export --divergence).

            Examples:
              flow likelihood moons.onnx --in points.csv --out logp.csv
              flow likelihood digits.onnx --in digits.npy --label 3 --levels 17 --probes 8 --out logp.csv
            """);
        _data.AddTo(command);
        command.Add(_divergence);
        command.Add(_probes);
        command.Add(_levels);
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
        if (_job.Target(parsed).Format is OutputFormat.Png or OutputFormat.Folder)
            throw new ArgumentException("--out: densities are no pictures. Write .csv or .npy.");
        using FlowModel model = _model.Open(parsed);
        using DataRows data = _data.Open(parsed, model);
        RowRange range = GivenRows.Range(data, _job.Count(parsed), _job.First(parsed), _job.Part(parsed));
        SamplingOptions options = _conditions.Read(parsed, model, model.Defaults with
        {
            Seed = parsed.GetValue(_seed),
            Solver = _solver.IsGiven(parsed) ? _solver.Read(parsed, model) : LikelihoodProblem.DefaultSolver,
            Workers = _model.Workers(parsed),
            Slots = _model.Slots(parsed),
        });
        var how = new LikelihoodOptions
        {
            Labels = options.Labels,
            Conditions = options.Conditions,
            Guidance = options.Guidance,
            Seed = options.Seed,
            Solver = options.Solver,
            Workers = options.Workers,
            Slots = options.Slots,
        };
        if (parsed.GetValue(_levels) is { } levels)
            how = CommandHost.Checked("--levels", () => how with { Levels = levels });
        int probes = Probes(parsed, model);
        how = CommandHost.Checked("--probes", () => how with { Probes = probes });

        string[] columns = ["log_density", "bits_per_dimension", .. how.Probes > 1 ? new[] { "standard_error" } : []];
        var rows = new RowDescription([columns.Length], columns) { Labels = ConditionArguments.Names(options, model), First = range.First };
        return new RowWork(model, rows, range, options, Draw(model, data, how, options, columns.Length, cancellationToken))
        {
            Inputs = new Dictionary<string, string>(DataArguments.Identity(data))
            {
                ["probes"] = how.Probes.ToString(CultureInfo.InvariantCulture),
                ["levels"] = how.Levels?.ToString(CultureInfo.InvariantCulture) ?? "none",
            },
        }.Run(parsed, _job, cancellationToken);
    }

    /// <summary>Probes a row; refuses a way to the divergence that the model has not.</summary>
    private int Probes(ParseResult parsed, FlowModel model)
    {
        if (model.Card.Outputs.Divergence is null)
            throw new ArgumentException($"{model.Path} has no divergence output, by which a density is followed. Export it with flow-train export --divergence exact, or hutchinson.");
        bool estimates = model.Card.Inputs.Probe is not null;
        string has = estimates ? Hutchinson : Exact;
        if (parsed.GetValue(_divergence) is { } asked && asked != has)
        {
            throw new ArgumentException(asked is Exact or Hutchinson
                ? $"--divergence: {model.Path} was exported with the divergence '{has}'. Leave the option out, or export it with flow-train export --divergence {asked}."
                : $"--divergence: there is no '{asked}'. Choose {Exact} or {Hutchinson}.");
        }
        if (parsed.GetValue(_probes) is not { } probes)
            return 1;
        return estimates || probes == 1 ? probes : throw new ArgumentException($"--probes: {model.Path} gives its divergence exactly; one solve a row is all there is. Leave the option out.");
    }

    private static DrawRange Draw(FlowModel model, DataRows data, LikelihoodOptions how, SamplingOptions options, int width, CancellationToken cancellationToken) => (index, count, consumer, progress) =>
    {
        int most = (int)Math.Min(count, GivenRows.PartOf(model, options));
        float[] values = new float[(long)most * data.Length], row = new float[width];
        for (long done = 0; done < count;)
        {
            int here = (int)Math.Min(most, count - done);
            Span<float> part = values.AsSpan(0, here * data.Length);
            data.Read(index + done, part);
            LikelihoodBatch batch = model.LogLikelihood(part, how with { First = index + done }, cancellationToken);
            for (int i = 0; i < here; i++)
            {
                (row[0], row[1]) = ((float)batch.LogDensities[i], (float)batch.BitsPerDimension[i]);
                if (batch.StandardErrors is { } errors)
                    row[2] = (float)errors[i];
                consumer(new FinishedSample { Index = index + done + i, Status = batch.Status[i], Time = batch.Times[i], Evaluations = batch.Evaluations[i], State = row });
            }
            done += here;
            progress?.Report(new SamplingProgress(done, count));
        }
    };
}
