using System.CommandLine;
using System.Text.Json;
using FlowRuntime.CommandLine;
using FlowRuntime.Sampling;
using FlowRuntime.Tool.Input;
using FlowRuntime.Tool.Jobs;
using FlowRuntime.Tool.Output;

namespace FlowRuntime.Tool.Verbs;

/// <summary><c>flow join PART… --out FILE</c>: puts the shards of a job together.</summary>
internal static class JoinCommand
{
    private const int ValuesAtATime = 1 << 20;

    public static Command Make()
    {
        var parts = new Argument<string[]>("PARTS") { Description = "The .npy files of all shards, in any order, each with the .json that came with it.", Arity = ArgumentArity.OneOrMore };
        var output = new Option<string>("--out") { Description = "File to write: .npy, .csv, .png, or a folder with / at its end.", Required = true };
        var resume = new Option<bool>("--resume") { Description = "Go on with what an interrupted run left." };
        var json = new Option<bool>("--json") { Description = "Print one JSON object and nothing else." };
        var command = new Command("join", """
            Puts the shards of a job together: the rows are those of one run, in any form.

            Examples:
              flow join part-0.npy part-1.npy part-2.npy --out points.npy
              flow join part-*.npy --out points.csv
            """)
        {
            parts, output, resume, json,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            var target = OutputTarget.Of(parsed.GetRequiredValue(output), format: null, shard: null);
            if (target.IsStandardOutput)
                throw new ArgumentException("--out: rows are joined into a file. Name one.");
            target.RequireWritable();
            SampleReport report = Join([.. parsed.GetRequiredValue(parts).Select(Part.Read)], target, parsed.GetValue(resume), [.. parsed.Tokens.Select(token => token.Value)], cancellationToken);
            parsed.InvocationConfiguration.Output.WriteLine(parsed.GetValue(json) ? JsonSerializer.Serialize(report, ToolJson.Default.SampleReport)
                : FormattableString.Invariant($"{report.Samples:N0} samples: {report.Out}"));
            return Task.FromResult(report.Failed == 0 ? CommandHost.Done : CommandHost.FailedAtWork);
        });
        return command;
    }

    private static SampleReport Join(Part[] parts, OutputTarget target, bool resume, string[] arguments, CancellationToken cancellationToken)
    {
        Part[] ordered = [.. parts.OrderBy(part => part.Shard.Index)];
        Part first = ordered[0];
        foreach (Part part in ordered)
            RequireSame(first, part);
        int[] missing = [.. Enumerable.Range(0, first.Shard.Count).Except(ordered.Select(part => part.Shard.Index))];
        if (missing.Length > 0)
            throw new ArgumentException($"PARTS: shards {string.Join(", ", missing.Take(8))}{(missing.Length > 8 ? ", …" : "")} of {first.Shard.Count} are missing.");
        if (ordered.Length > first.Shard.Count)
            throw new ArgumentException($"PARTS: there are {ordered.Length} files of {first.Shard.Count} shards. Name each once.");

        RowDescription rows = first.Made.Rows;
        long count = ordered.Sum(part => part.Made.Report.Samples);
        if (target.Format is OutputFormat.Png or OutputFormat.Folder)
            Pictures.RequireDrawable(rows, count, target.Format);
        if (target.Format == OutputFormat.Csv && rows.Times > 0)
            throw new ArgumentException("--out: a .csv holds samples, not their states on the way. Write .npy.");
        var settings = new SortedDictionary<string, string>(first.Made.Settings, StringComparer.Ordinal) { ["shard"] = "none" };
        SampleReport one = first.Made.Report;
        SampleReport report = new(
            count, Sum(part => part.Failed), Sum(part => part.Evaluations), Sum(part => part.Accepted), Sum(part => part.Rejected), ordered.Sum(part => part.Made.Report.Seconds),
            count / ordered.Sum(part => part.Made.Report.Seconds), one.Method, one.Provider, one.Seed, one.First, target.Path);
        var job = new RowJob(target, rows, count, settings, first.Made.Model, arguments);
        return job.Run((from, consumer, progress) => Copy(ordered, rows, from, consumer, progress, cancellationToken), _ => report, resume, quiet: true);

        long Sum(Func<SampleReport, long> cost) => ordered.Sum(part => cost(part.Made.Report));
    }

    private static void RequireSame(Part first, Part part)
    {
        foreach (string name in first.Made.Settings.Keys.Union(part.Made.Settings.Keys).Where(name => name != "shard").Order(StringComparer.Ordinal))
        {
            string? here = part.Made.Settings.GetValueOrDefault(name), there = first.Made.Settings.GetValueOrDefault(name);
            if (here != there)
                throw new ArgumentException($"PARTS: {part.Path} was made with {name} {here ?? "(none)"}, and {first.Path} with {there ?? "(none)"}: they are of different jobs.");
        }
        if (part.Shard.Count != first.Shard.Count)
            throw new ArgumentException($"PARTS: {part.Path} is one of {part.Shard.Count} shards, and {first.Path} one of {first.Shard.Count}: they do not fit together.");
    }

    private static void Copy(Part[] parts, RowDescription rows, long from, SampleConsumer consumer, IProgress<SamplingProgress> progress, CancellationToken cancellationToken)
    {
        int most = Math.Max(1, ValuesAtATime / rows.Length);
        float[] values = new float[(long)most * rows.Length];
        long index = 0;
        foreach (Part part in parts)
        {
            using var data = new NpyRows(part.Path, rows.ArrayShape, image: false);
            if (data.Count != part.Made.Report.Samples)
                throw new InvalidDataException($"{part.Path} has {data.Count} rows, and its .json tells of {part.Made.Report.Samples}. Draw it again.");
            for (long row = Math.Max(0, from - index); row < data.Count; row += most)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int here = (int)Math.Min(most, data.Count - row);
                data.Read(row, values.AsSpan(0, here * rows.Length));
                for (int i = 0; i < here; i++)
                {
                    Span<float> one = values.AsSpan(i * rows.Length, rows.Length);
                    consumer(new FinishedSample { Index = index + row + i, Status = SampleStatus.Completed, State = one, Trajectory = one });
                }
            }
            index += data.Count;
            progress.Report(new SamplingProgress(index - from, index - from));
        }
    }

    /// <summary>A shard's file, and how it was made.</summary>
    private sealed record Part(string Path, OutputProvenance Made, Shard Shard)
    {
        public static Part Read(string path)
        {
            if (!path.EndsWith(".npy", StringComparison.OrdinalIgnoreCase))
                throw new ArgumentException($"PARTS: {path} is no .npy file. Draw the shards as .npy; the whole may have any form.");
            if (!File.Exists(path))
                throw new ArgumentException($"PARTS: there is no file {path}.");
            string beside = System.IO.Path.ChangeExtension(path, ".json");
            if (!File.Exists(beside))
                throw new ArgumentException($"PARTS: {path} has no {System.IO.Path.GetFileName(beside)} beside it, which tells how it was made. Put it there.");
            try
            {
                OutputProvenance? made = JsonSerializer.Deserialize(File.ReadAllText(beside), ToolJson.Default.OutputProvenance);
                if (made is not { Settings: not null, Rows.Shape: not null, Report: not null })
                    throw new JsonException("it has not all fields");
                if (!made.Rows.IsSound || made.Report.Samples < 1)
                    throw new JsonException("it tells of rows that there cannot be");
                string shard = made.Settings.GetValueOrDefault("shard") ?? "none";
                return new Part(path, made, shard == "none" ? new Shard(0, 1) : Shard.Parse(shard));
            }
            catch (Exception e) when (e is JsonException or ArgumentException)
            {
                throw new InvalidDataException($"PARTS: {beside} is garbled: {CommandHost.OneLine(e.Message)}.", e);
            }
        }
    }
}
