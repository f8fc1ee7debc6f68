using System.Diagnostics;
using System.Globalization;
using System.Threading.Channels;

namespace FlowRuntime.Bench.Hostile;

/// <summary>How a model ended.</summary>
/// <param name="Index">Its index.</param>
/// <param name="Kind">What was done to it.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Message">What was said.</param>
/// <param name="Kept">The file, where it ended the process or exceeded a limit.</param>
internal sealed record TriedModel(long Index, string Kind, string Outcome, string Message, string? Kept);

/// <summary>Opens hostile models in child processes, many in each; where one dies or exceeds a limit, the next one goes on behind it.</summary>
/// <param name="seed">Seed of the models.</param>
/// <param name="time">Processor time that a model may take; it may wait ten times as long for a busy machine.</param>
/// <param name="memory">Bytes that a child may take.</param>
/// <param name="keep">Folder for the files of those that did not end well.</param>
internal sealed class ChildTrial(int seed, TimeSpan time, long memory, string keep)
{
    private const long Batch = 500;
    private const double MostWaits = 10;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);

    public IEnumerable<TriedModel> Run(long from, long count, CancellationToken cancellationToken)
    {
        for (long next = from; next < from + count;)
        {
            long expected = next;
            foreach (TriedModel model in RunChild(next, Math.Min(Batch, from + count - next), cancellationToken))
            {
                // What an earlier model has done to the process is not this one's: it is tried again alone.
                TriedModel told = model.Kept is null || model.Index == expected ? model : Alone(model, cancellationToken);
                yield return told;
                next = model.Index + 1;
            }
        }
    }

    private TriedModel Alone(TriedModel model, CancellationToken cancellationToken)
    {
        TriedModel alone = RunChild(model.Index, 1, cancellationToken).Single();
        return alone.Kept is not null ? alone : model with { Outcome = $"{model.Outcome}, not alone" };
    }

    private List<TriedModel> RunChild(long first, long count, CancellationToken cancellationToken)
    {
        var tried = new List<TriedModel>();
        string file = Path.Combine(keep, $"at-work-{Environment.ProcessId}.onnx");
        using Process child = Start(first, count, file);
        try
        {
            var lines = Channel.CreateUnbounded<string>();
            child.OutputDataReceived += (_, line) =>
            {
                if (line.Data is null)
                    lines.Writer.Complete();
                else
                    lines.Writer.TryWrite(line.Data);
            };
            string lastWords = "";
            child.ErrorDataReceived += (_, line) => lastWords = lastWords.Length == 0 ? line.Data ?? "" : lastWords;
            child.BeginOutputReadLine();
            child.BeginErrorReadLine();
            (long Index, string Kind)? under = null;
            long since = Stopwatch.GetTimestamp();
            TimeSpan worked = TimeSpan.Zero;
            string? limit = null;
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (lines.Reader.TryRead(out string? line))
                {
                    string[] parts = line.Split('\t');
                    long index = long.Parse(parts[1], CultureInfo.InvariantCulture);
                    if (parts[0] == OpenedFiles.Begin)
                        under = (index, parts[2]);
                    else if (under is { } done)
                        (tried, under) = ([.. tried, new TriedModel(index, done.Kind, parts[2], parts.ElementAtOrDefault(3) ?? "", null)], null);
                    (since, worked) = (Stopwatch.GetTimestamp(), Taken(child).Time);
                    continue;
                }
                if (lines.Reader.Completion.IsCompleted)
                    break;
                if (under is not null && limit is null)
                {
                    (TimeSpan now, long bytes) = Taken(child);
                    limit = now - worked > time || Stopwatch.GetElapsedTime(since) > MostWaits * time ? "hang" : bytes > memory ? "memory" : null;
                    if (limit is not null)
                        child.Kill();
                }
                Thread.Sleep(Look);
            }
            child.WaitForExit();
            if (under is { } last)
            {
                string outcome = limit ?? $"crash: {Signal(child.ExitCode)}";
                string kept = Path.Combine(keep, $"{seed}-{last.Index}-{outcome.Replace(": ", "-", StringComparison.Ordinal).Replace(' ', '-')}.onnx");
                File.Move(file, kept, overwrite: true);
                tried.Add(new TriedModel(last.Index, last.Kind, outcome, lastWords, kept));
            }
            else if (tried.Count < count)
            {
                throw new InvalidOperationException($"The child process ended with {child.ExitCode} after model {first + tried.Count - 1}: {lastWords}");
            }
            return tried;
        }
        finally
        {
            if (!child.HasExited)
                child.Kill();
            File.Delete(file);
        }
    }

    private Process Start(long first, long count, string file)
    {
        string program = Environment.ProcessPath!;
        string[] self = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [typeof(ChildTrial).Assembly.Location] : [];
        string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
        return Process.Start(new ProcessStartInfo(program, [.. self, "fuzz", "--seed", Number(seed), "--from", Number(first), "--count", Number(count), "--child", file])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
    }

    private static (TimeSpan Time, long Bytes) Taken(Process child)
    {
        try
        {
            child.Refresh();
            return (child.TotalProcessorTime, child.WorkingSet64);
        }
        catch (InvalidOperationException)
        {
            return default; // it has just ended
        }
    }

    private static string Signal(int exitCode) => exitCode switch
    {
        128 + 4 => "SIGILL",
        128 + 6 => "SIGABRT",
        128 + 8 => "SIGFPE",
        128 + 9 => "SIGKILL",
        128 + 11 => "SIGSEGV",
        _ => $"exit code {exitCode}",
    };
}
