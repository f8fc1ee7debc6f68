using System.Diagnostics;
using System.Text.Json;
using FlowRuntime.CommandLine;
using FlowRuntime.Sampling;
using FlowRuntime.Tool.Output;

namespace FlowRuntime.Tool.Jobs;

/// <summary>Draws the rows from one on, in order.</summary>
/// <param name="from">The first that is not there yet, counted from the job's own first.</param>
/// <param name="consumer">Takes each row.</param>
/// <param name="progress">Told how many rows ended since.</param>
internal delegate void DrawRows(long from, SampleConsumer consumer, IProgress<SamplingProgress> progress);

/// <summary>
/// Work that draws rows into an output and loses none: they are kept in FILE.partial as they come, and the output gets its name when all are there. What was interrupted, killed or ran out of
/// disk goes on where it was, since a row depends on its index and the settings alone.
/// </summary>
/// <param name="target">Where the rows go.</param>
/// <param name="rows">What a row is.</param>
/// <param name="count">Number of rows, at least 1.</param>
/// <param name="settings">All that the rows depend on.</param>
/// <param name="model">The model's file.</param>
/// <param name="arguments">The command line, for messages and for the file beside the output.</param>
internal sealed class RowJob(OutputTarget target, RowDescription rows, long count, SortedDictionary<string, string> settings, string model, string[] arguments)
{
    /// <summary>A process that is killed loses what it did since.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private long _done, _kept; // rows that are there, and those that the last checkpoint tells of
    private JobTotals _totals = new(0, 0, 0, 0, 0);

    /// <summary>Whether the output was there already, made by the same command.</summary>
    public bool WasComplete { get; private set; }

    /// <summary>Rows that an earlier run had drawn.</summary>
    public long Resumed { get; private set; }

    /// <summary>Draws what is missing and completes the output.</summary>
    /// <param name="draw">Draws rows.</param>
    /// <param name="report">Makes the report of what all of them cost.</param>
    /// <param name="resume">Whether to go on with what an earlier run left.</param>
    /// <param name="quiet">Whether to show no progress.</param>
    /// <param name="begin">Called before rows are drawn, once nothing is refused any more.</param>
    /// <exception cref="ArgumentException">There is unfinished work, which is not asked to be resumed, or other work than this.</exception>
    /// <exception cref="InterruptedWorkException">The user interrupted; the message says how to go on.</exception>
    public SampleReport Run(DrawRows draw, Func<JobTotals, SampleReport> report, bool resume, bool quiet, Action? begin = null)
    {
        if (target.IsStandardOutput)
        {
            begin?.Invoke();
            return report(Pour(draw));
        }
        if (resume && !File.Exists(target.Partial) && Complete(report) is { } earlier)
        {
            WasComplete = true;
            return earlier;
        }
        using (RowFile file = Open(resume))
        {
            try
            {
                Draw(draw, file, quiet, begin);
                SampleReport made = report(_totals);
                Finish(file, made);
                return made;
            }
            catch (OperationCanceledException e)
            {
                throw Keep(file) ? new InterruptedWorkException($"Interrupted. {Kept}", e) : e;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or OutOfMemoryException or InvalidOperationException)
            {
                // Not the command is at fault, but what happened since: it may be given again.
                string message = e switch
                {
                    OutOfMemoryException => CommandHost.OutOfMemory,
                    InvalidOperationException => CommandHost.OneLine(e.Message),
                    _ => $"{target.Path}: {CommandHost.OneLine(e.Message).TrimEnd('.')}{(CommandHost.IsNoSpace(e) ? ": free some space." : ".")}",
                };
                throw new InvalidOperationException(Keep(file) ? $"{message} {Kept}" : message, e);
            }
            catch
            {
                Keep(file);
                throw;
            }
        }
    }

    private string Kept => FormattableString.Invariant($"{_kept:N0} of {count:N0} rows are kept in {(File.Exists(target.Partial) ? target.Partial : target.Path)}; go on with: {ShellWords.Join(["flow", .. arguments, .. arguments.Contains("--resume") ? Array.Empty<string>() : ["--resume"]])}");

    private void Draw(DrawRows draw, RowFile file, bool quiet, Action? begin)
    {
        if (_done == count)
            return;
        begin?.Invoke();
        long started = Stopwatch.GetTimestamp(), kept = started;
        JobTotals before = _totals;
        using var progress = new SamplingProgressBar(count, _done, quiet);
        draw(_done, Take, progress);

        void Take(in FinishedSample sample)
        {
            Add(sample, (ReadOnlySpan<float> values) => file.Append(values));
            long now = Stopwatch.GetTimestamp();
            _totals = _totals with { Seconds = before.Seconds + Stopwatch.GetElapsedTime(started, now).TotalSeconds };
            if (Stopwatch.GetElapsedTime(kept, now) < Interval)
                return;
            Checkpoint(file);
            kept = Stopwatch.GetTimestamp();
        }
    }

    /// <summary>Counts a row and hands its values on; a failed one's are NaN.</summary>
    private void Add(in FinishedSample sample, Action<ReadOnlySpan<float>> append)
    {
        bool failed = sample.Status != SampleStatus.Completed;
        Span<float> values = rows.Times > 0 ? sample.Trajectory : sample.State;
        if (failed)
            values.Fill(float.NaN);
        append(values);
        _done++;
        _totals = new JobTotals(_totals.Failed + (failed ? 1 : 0), _totals.Evaluations + sample.Evaluations, _totals.Accepted + sample.Accepted, _totals.Rejected + sample.Rejected, _totals.Seconds);
    }

    private RowFile Open(bool resume)
    {
        JobState? state = ReadState();
        if (state is null || !File.Exists(target.Partial))
            return OpenedAlone(() => RowFile.Create(target.Partial, rows, count));
        if (!resume)
            throw new ArgumentException(FormattableString.Invariant($"--out: {target.Partial} holds {state.Done:N0} of {state.Count:N0} rows of an unfinished run. Go on with it by --resume, or delete it and {target.PartialState}."));
        RequireSame(state.Settings, target.Partial);
        RowFile file = OpenedAlone(() => RowFile.Resume(target.Partial, rows, count, state.Done));
        (_done, _kept, Resumed, _totals) = (state.Done, state.Done, state.Done, state.Totals);
        return file;
    }

    private RowFile OpenedAlone(Func<RowFile> open)
    {
        try
        {
            return open();
        }
        catch (IOException e) when (CommandHost.IsInUse(e))
        {
            throw new ArgumentException($"--out: another run is writing {target.Path}. Wait for it, or give another name.", e);
        }
    }

    private JobState? ReadState()
    {
        if (!File.Exists(target.PartialState))
            return null;
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(target.PartialState), ToolJson.Default.JobState) is { Settings: not null, Totals: not null } state
                && state.Done >= 0 && state.Done <= state.Count ? state : throw new JsonException("it has not all fields");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{target.PartialState} is garbled: {CommandHost.OneLine(e.Message)}. Delete it and {target.Partial} to begin anew.", e);
        }
    }

    /// <summary>The report of the complete output where it is that of this very job; null where there is none.</summary>
    private SampleReport? Complete(Func<JobTotals, SampleReport> report)
    {
        if (ReadState() is { } state && state.Done == state.Count && File.Exists(target.Path))
        {
            // The process was ended after it gave the array its name and before it said how it was made.
            RequireSame(state.Settings, target.Path);
            SampleReport made = report(state.Totals);
            WriteProvenance(made);
            File.Delete(target.PartialState);
            return made;
        }
        if (target.Format != OutputFormat.Folder && !File.Exists(target.Path))
            return null;
        if (!File.Exists(target.Provenance))
            return target.Format == OutputFormat.Folder ? null : throw new ArgumentException($"--resume: {target.Path} is there, and without {target.Provenance} nothing tells how it was made. Leave --resume out to replace it.");
        try
        {
            OutputProvenance earlier = JsonSerializer.Deserialize(File.ReadAllText(target.Provenance), ToolJson.Default.OutputProvenance)!;
            RequireSame(earlier.Settings, target.Path);
            return earlier.Report;
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{target.Provenance} is garbled: {CommandHost.OneLine(e.Message)}. Leave --resume out to replace {target.Path}.", e);
        }
    }

    private void RequireSame(SortedDictionary<string, string>? begun, string path)
    {
        foreach (string name in settings.Keys.Union(begun?.Keys ?? Enumerable.Empty<string>()).Order(StringComparer.Ordinal))
        {
            string? here = settings.GetValueOrDefault(name), there = begun?.GetValueOrDefault(name);
            if (here != there)
                throw new ArgumentException($"--resume: {path} was begun with {name} {there ?? "(none)"}, and this command has {here ?? "(none)"}. Repeat the command as it was, or leave --resume out and give another name.");
        }
    }

    /// <summary>Writes down how far the rows are, after they have reached the disk.</summary>
    private void Checkpoint(RowFile file)
    {
        file.Flush();
        WholeFile.Write(target.PartialState, JsonSerializer.Serialize(new JobState(arguments, settings, rows, count, _done, _totals), ToolJson.Default.JobState) + "\n");
        _kept = _done;
    }

    /// <summary>Keeps what there is for a later run, where there is any.</summary>
    /// <returns>Whether there is.</returns>
    private bool Keep(RowFile file)
    {
        try
        {
            if (_done > 0)
            {
                Checkpoint(file);
                return true;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            // The disk takes no more: what the last checkpoint says still holds, and the failure that led here is the one to report.
            if (File.Exists(target.PartialState))
                return true;
        }
        try
        {
            Discard(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Nor does it let anything be removed.
        }
        return false;
    }

    private void Discard(RowFile file)
    {
        try
        {
            file.Dispose();
        }
        catch (IOException)
        {
            // What could not be written is given up.
        }
        File.Delete(target.Partial);
        File.Delete(target.PartialState);
    }

    /// <summary>Gives the output its form and name, and says beside it how it was made.</summary>
    private void Finish(RowFile file, SampleReport made)
    {
        Checkpoint(file); // once the output has its name, this alone tells how it was made until the file beside it does
        if (target.Format == OutputFormat.Npy)
        {
            file.Dispose();
            File.Move(target.Partial, target.Path, overwrite: true);
        }
        else
        {
            Rendering.Write(target, rows, count, file);
        }
        WriteProvenance(made);
        Discard(file);
    }

    private void WriteProvenance(SampleReport made) =>
        WholeFile.Write(target.Provenance, JsonSerializer.Serialize(OutputProvenance.Of(model, arguments, settings, rows, made), ToolJson.Default.OutputProvenance) + "\n");

    /// <summary>Writes the rows to stdout as they come.</summary>
    private JobTotals Pour(DrawRows draw)
    {
        using Stream output = StandardOutput.Open();
        long started = Stopwatch.GetTimestamp();
        try
        {
            if (target.Format == OutputFormat.Npy)
            {
                using var buffered = new BufferedStream(output, 1 << 16);
                buffered.Write(NpyHeader.Of(rows, count));
                draw(0, (in FinishedSample sample) => Add(sample, values => buffered.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values))), new SamplingProgressBar(count, 0, quiet: true));
            }
            else
            {
                using var csv = new CsvRows(output, rows);
                csv.WriteHeader();
                draw(0, (in FinishedSample sample) => Add(sample, values => csv.Write(values)), new SamplingProgressBar(count, 0, quiet: true));
            }
        }
        catch (IOException e) when (!CommandHost.IsNoSpace(e))
        {
            throw new InvalidOperationException($"--out -: who reads stdout has gone after {_done:N0} of {count:N0} rows.", e);
        }
        return _totals with { Seconds = Stopwatch.GetElapsedTime(started).TotalSeconds };
    }
}
