using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.IO.Hashing;
using System.Text.Json;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;
using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;
using FlowRuntime.Tool.Arguments;
using FlowRuntime.Tool.Output;

namespace FlowRuntime.Tool.Jobs;

/// <summary>Draws some rows, in order.</summary>
/// <param name="index">Index of the first of them.</param>
/// <param name="count">How many.</param>
/// <param name="consumer">Takes each row.</param>
/// <param name="progress">Told how many ended.</param>
internal delegate void DrawRange(long index, long count, SampleConsumer consumer, IProgress<SamplingProgress>? progress);

/// <summary>What the verbs that draw rows have in common, once they know what to draw: the memory it needs, its cost told ahead, the job, its report.</summary>
/// <param name="Model">The model.</param>
/// <param name="Rows">What a row is.</param>
/// <param name="Range">Which rows.</param>
/// <param name="Options">How they are solved; the solver stands in them.</param>
/// <param name="Draw">Draws them.</param>
internal sealed record RowWork(FlowModel Model, RowDescription Rows, RowRange Range, SamplingOptions Options, DrawRange Draw)
{
    /// <summary>A job of fewer rows is not worth a trial of the memory it takes.</summary>
    private const int FewestForTrial = 64;

    /// <summary>More bytes than the header of an array has.</summary>
    private const int MostBefore = 1 << 16;

    /// <summary>A trial that tells the cost of a job takes at least this long, where the job does.</summary>
    private static readonly TimeSpan TrialTime = TimeSpan.FromSeconds(1);

    /// <summary>Time at which a solve starts, for its grid.</summary>
    public double Start { get; init; } = Model.Start;

    /// <summary>What the rows depend on besides model, solver, conditions and seed, such as the data that were given.</summary>
    public IReadOnlyDictionary<string, string> Inputs { get; init; } = new Dictionary<string, string>();

    /// <summary>Does the work, or tells its cost.</summary>
    /// <returns>The exit code.</returns>
    public int Run(ParseResult parsed, JobArguments job, CancellationToken cancellationToken)
    {
        OutputTarget target = job.Target(parsed);
        if (target.Format is OutputFormat.Png or OutputFormat.Folder)
            Pictures.RequireDrawable(Rows, Range.Count, target.Format);
        if (target.Format == OutputFormat.Csv && Rows.Times > 0)
            throw new ArgumentException("--trajectory: a .csv holds samples, not their states on the way. Write .npy.");
        if (Range.Count > (long.MaxValue - MostBefore) / Rows.Bytes)
            throw new ArgumentException($"--count: {Range.Count} rows of {Rows.Bytes} bytes are more than a file can hold.");
        SolveLayout layout = Model.LayoutOf(Range.Count, Options);
        bool dryRun = job.DryRun(parsed);
        long memory = dryRun || Range.Count >= FewestForTrial ? MemoryNeeds.OfSolve(Model, layout, guided: Options.Guidance != Guidance.None) : layout.BufferBytes;
        if (target.Format == OutputFormat.Png)
            memory += Pictures.MemoryFor(Rows, Range.Count);
        if (dryRun)
        {
            ModelArguments.TellDifferences(Model, parsed);
            return Tell(Estimate(target, layout, memory), job.Json(parsed), parsed.InvocationConfiguration.Output);
        }
        MemoryNeeds.Require(memory, layout);

        var rowJob = new RowJob(target, Rows, Range.Count, Settings(parsed, job), Model.Path, [.. parsed.Tokens.Select(token => token.Value)]);
        SampleReport report = rowJob.Run(
            (from, consumer, progress) => Draw(Range.First + from, Range.Count - from, consumer, progress), totals => Report(totals, target), job.Resume(parsed), job.Json(parsed),
            () => ModelArguments.TellDifferences(Model, parsed));
        cancellationToken.ThrowIfCancellationRequested();
        return Tell(report, rowJob, job.Json(parsed), parsed, target);
    }

    private SampleReport Report(JobTotals totals, OutputTarget target) => new(
        Range.Count, totals.Failed, totals.Evaluations, totals.Accepted, totals.Rejected, totals.Seconds, Range.Count / totals.Seconds,
        Options.Solver!.MethodName, Model.ProviderReport.Chosen, Options.Seed, Range.First, target.Path);

    private static int Tell(SampleReport report, RowJob job, bool json, ParseResult parsed, OutputTarget target)
    {
        // Where the rows went to stdout, what is said of them goes to stderr.
        TextWriter output = target.IsStandardOutput ? parsed.InvocationConfiguration.Error : parsed.InvocationConfiguration.Output;
        if (json)
        {
            output.WriteLine(JsonSerializer.Serialize(report, ToolJson.Default.SampleReport));
        }
        else
        {
            string earlier = job.WasComplete ? "; complete already" : job.Resumed > 0 ? FormattableString.Invariant($"; {job.Resumed:N0} were there already") : "";
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{report.Samples:N0} samples in {Quantity.Time(report.Seconds)} ({Quantity.Rate(report.SamplesPerSecond)}, {(double)report.Evaluations / report.Samples:F1} evaluations each) by {report.Method} on {report.Provider}: {report.Out}{earlier}"));
        }
        if (report.Failed == 0)
            return CommandHost.Done;
        parsed.InvocationConfiguration.Error.WriteLine($"{report.Failed} of {report.Samples} samples failed; their rows are NaN.");
        return CommandHost.FailedAtWork;
    }

    /// <summary>Solves more and more rows until the time they take tells that of all.</summary>
    private CostEstimate Estimate(OutputTarget target, SolveLayout layout, long memory)
    {
        long tried = Math.Min(Range.Count, layout.Workers), evaluations;
        TimeSpan time;
        while (true)
        {
            evaluations = 0;
            long started = Stopwatch.GetTimestamp();
            Draw(Range.First, tried, (in FinishedSample sample) => evaluations += sample.Evaluations, null);
            time = Stopwatch.GetElapsedTime(started);
            if (tried == Range.Count || time >= TrialTime)
                break;
            tried = (long)Math.Min(Range.Count, tried * Math.Clamp(1.5 * TrialTime / time, 2, 16));
        }
        double seconds = time.TotalSeconds / tried * Range.Count;
        long bytes = Range.Count * Rows.Bytes; // of a picture or table before it has its form, which the disk holds, too
        return new CostEstimate(
            Range.Count, (double)evaluations / tried, seconds, tried / time.TotalSeconds, bytes, target.IsStandardOutput ? null : FreeSpace.Beside(target.Path),
            memory, MemoryNeeds.Available, layout.Workers, layout.Slots, Options.Solver!.MethodName, Model.ProviderReport.Chosen, target.Path);
    }

    private static int Tell(CostEstimate cost, bool json, TextWriter output)
    {
        if (json)
        {
            output.WriteLine(JsonSerializer.Serialize(cost, ToolJson.Default.CostEstimate));
            return CommandHost.Done;
        }
        string disk = cost.FreeBytes is { } free ? $" of {Quantity.Bytes(free)} that are free" : "";
        NamedLines.Write(output,
        [
            ("samples", string.Create(CultureInfo.InvariantCulture, $"{cost.Samples:N0} by {cost.Method} on {cost.Provider}, {cost.EvaluationsPerSample:F1} evaluations each")),
            ("time", $"about {Quantity.Time(cost.Seconds)}, {Quantity.Rate(cost.SamplesPerSecond)}"),
            ("memory", $"about {Quantity.Bytes(cost.MemoryBytes)} of {Quantity.Bytes(cost.AvailableMemoryBytes)} that are free, for {cost.Workers} workers with {cost.Slots} samples each"),
            ("disk", $"{Quantity.Bytes(cost.OutputBytes)}{disk}: {cost.Out}"),
        ]);
        output.WriteLine("Nothing was written.");
        return CommandHost.Done;
    }

    /// <summary>All that the rows depend on, so that a run never goes on with the rows of another.</summary>
    private SortedDictionary<string, string> Settings(ParseResult parsed, JobArguments job)
    {
        FlowCard card = Model.Card with { Provenance = null };
        var settings = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["verb"] = parsed.CommandResult.Command.Name,
            ["graph"] = Model.GraphHash,
            ["card"] = Hash(JsonSerializer.SerializeToUtf8Bytes(card, ToolJson.Default.FlowCard)),
            ["software"] = typeof(FlowModel).Assembly.GetName().Version!.ToString(3),
            ["provider"] = Model.ProviderReport.Chosen,
            ["count"] = Range.Whole.ToString(CultureInfo.InvariantCulture),
            ["first"] = job.First(parsed).ToString(CultureInfo.InvariantCulture),
            ["shard"] = job.Part(parsed)?.ToString() ?? "none",
            ["seed"] = Options.Seed.ToString(CultureInfo.InvariantCulture),
            ["solver"] = SolverText.Of(Options.Solver!, Start, Model.End),
            ["guidance"] = GuidanceText(Options.Guidance),
            ["labels"] = Options.Labels.Count == 0 ? "none" : string.Join(",", Options.Labels),
            ["conditions"] = Options.Conditions.Count == 0 ? "none" : string.Join(";", Options.Conditions.Select(condition => string.Join(",", condition.Vectors.SelectMany(vector => vector.Value).Select(value => value.ToString("R", CultureInfo.InvariantCulture))))),
            ["trajectory"] = Rows.Times.ToString(CultureInfo.InvariantCulture),
        };
        foreach ((string name, string value) in Inputs)
            settings[name] = value;
        return settings;
    }

    private static string GuidanceText(Guidance guidance) => guidance == Guidance.None ? "none" : string.Create(CultureInfo.InvariantCulture,
        $"{guidance.Scale:R}{(guidance.Interval is { } times ? $" from {times.Start:R} to {times.End:R}" : "")}{(guidance.Rescale > 0 ? $", rescaled {guidance.Rescale:R}" : "")}{(guidance.Negative is { } negative ? $", away from class {negative.Label}" : "")}");

    private static string Hash(byte[] content) => Convert.ToHexStringLower(XxHash128.Hash(content));
}
