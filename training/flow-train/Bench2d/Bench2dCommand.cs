using System.Collections.Concurrent;
using System.CommandLine;
using System.Text.Json;
using FlowRuntime.CommandLine;

namespace FlowRuntime.TrainTool.Bench2d;

/// <summary><c>flow-train bench-2d</c>: published protocols of the plane, as a table beside the published figures and the floors.</summary>
internal sealed class Bench2dCommand
{
    private static readonly string[] Parts = [CouplingSpeed.Name, PlaneBenchmark.Name, TongBenchmark.Name, ConditionsBenchmark.Name, BridgeBenchmark.Name];
    private static readonly JsonSerializerOptions Format = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    private readonly Option<string[]> _part = new("--part") { Description = $"Parts to run, of {string.Join(", ", Parts)}. Default: all.", DefaultValueFactory = _ => [], AllowMultipleArgumentsPerToken = true };
    private readonly Option<string[]> _task = new("--task") { Description = "Tasks to run, by name, such as moons-8gaussians or class. Default: all of the parts.", DefaultValueFactory = _ => [], AllowMultipleArgumentsPerToken = true };
    private readonly Option<string[]> _method = new("--method") { Description = "Ways to train, by name, such as OT-CFM or C2OT. Default: all of the tasks.", DefaultValueFactory = _ => [], AllowMultipleArgumentsPerToken = true };
    private readonly Option<int?> _seeds = new("--seeds") { Description = "Seeds of each task and method. Default: the protocol's, 5 (tong), 10 (conditions) and 1 (bridge)." };
    private readonly Option<int?> _steps = new("--steps") { Description = "Training steps. Default: the protocol's." };
    private readonly Option<string> _out = new("--out") { Description = "Folder for results.json, pictures and models. Default: bench-2d.", DefaultValueFactory = _ => "bench-2d" };
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object instead of the table." };

    public static Command Make() => new Bench2dCommand().MakeCommand();

    private Command MakeCommand()
    {
        var command = new Command("bench-2d", """
            Trains by the protocols published for points in the plane, and tells the figures beside the published ones and the floors.
            All of it takes some hours on two processors; a network is trained on each.

            Examples:
              flow-train bench-2d --part speed plane
              flow-train bench-2d --part tong --task moons-8gaussians --seeds 2
            """)
        {
            _part, _task, _method, _seeds, _steps, _out, _json,
        };
        command.SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, cancellationToken)));
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        string[] parts = parsed.GetValue(_part) is { Length: > 0 } some ? some : Parts, tasks = parsed.GetValue(_task)!, methods = parsed.GetValue(_method)!;
        string? unknown = parts.FirstOrDefault(part => !Parts.Contains(part));
        if (unknown is not null)
            throw new ArgumentException($"--part: there is no part '{unknown}'. Choose of: {string.Join(", ", Parts)}.");
        int? seeds = parsed.GetValue(_seeds), steps = parsed.GetValue(_steps);
        if (seeds < 1)
            throw new ArgumentException($"--seeds: {seeds} is no number of seeds. Give at least 1.");
        if (steps < 1)
            throw new ArgumentException($"--steps: {steps} is no number of steps. Give at least 1.");
        string folder = parsed.GetValue(_out)!;
        bool json = parsed.GetValue(_json);
        TextWriter output = parsed.InvocationConfiguration.Output;

        List<Job> jobs = [.. Jobs(folder, seeds, steps).Where(job => parts.Contains(job.Part) && (tasks.Length == 0 || tasks.Contains(job.Task)) && (methods.Length == 0 || methods.Contains(job.Method)))];
        bool all = tasks.Length == 0 && methods.Length == 0;
        if (jobs.Count == 0 && !(all && parts.Contains(CouplingSpeed.Name)))
            throw new ArgumentException($"{(tasks.Length > 0 ? "--task" : "--method")}: there is no {string.Join(", ", [.. tasks, .. methods])} in {string.Join(", ", parts)}.");
        using RunFolder locked = RunFolder.Create("--out", folder, replace: true);
        var figures = new List<Figure>();
        if (parts.Contains(CouplingSpeed.Name) && all) // first and alone: what is timed must not be disturbed
            figures.AddRange(CouplingSpeed.Run(steps ?? 3_000, cancellationToken));
        if (!json)
            WriteTable(output, figures);

        var done = new Dictionary<Job, IReadOnlyList<Figure>>();
        var told = new Lock();
        var options = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken };
        Parallel.ForEach(Partitioner.Create(jobs, EnumerablePartitionerOptions.NoBuffering), options, job =>
        {
            IReadOnlyList<Figure> made = [.. job.Run(cancellationToken)];
            lock (told) // with the entry too: of two jobs that end at once only the later may see their group complete
            {
                done[job] = made;
                Job[] group = [.. jobs.Where(other => (other.Part, other.Task, other.Method) == (job.Part, job.Task, job.Method))];
                if (!group.All(done.ContainsKey))
                    return;
                List<Figure> joined = [.. Enumerable.Range(0, done[job].Count).Select(i =>
                    done[job][i] with { Values = [.. group.Select(other => done[other][i].Values[0])] })];
                figures.AddRange(joined);
                if (!json)
                    WriteTable(output, joined);
                WholeFile.Write(Path.Combine(folder, "results.json"), ToJson(figures) + "\n");
            }
        });
        WholeFile.Write(Path.Combine(folder, "results.json"), ToJson(figures) + "\n");
        if (json)
            output.WriteLine(ToJson(figures));
        return CommandHost.Done;
    }

    private static IEnumerable<Job> Jobs(string folder, int? seeds, int? steps)
    {
        foreach (string data in PlaneBenchmark.DataSets)
            yield return new Job(PlaneBenchmark.Name, data, "defaults", 0, token => PlaneBenchmark.Run(data, folder, steps ?? 20_000, token));
        foreach (string task in TongBenchmark.Tasks.OrderBy(task => task == "moons-8gaussians" ? 0 : 1)) // the one with head-room first
        {
            string[] methods = ["I-CFM", "OT-CFM", "I-CFM + recipe", "OT-CFM + recipe"];
            foreach (string method in task == "moons-8gaussians" ? methods : ["FM", .. methods]) // FM starts from noise alone
            {
                for (int seed = 0; seed < (seeds ?? 5); seed++)
                {
                    int number = seed;
                    yield return new Job(TongBenchmark.Name, task, method, seed, token => TongBenchmark.Run(task, method, number, steps ?? 20_000, token));
                }
            }
        }
        foreach ((string task, string method, _) in ConditionsBenchmark.Runs)
        {
            for (int seed = 0; seed < (seeds ?? 10); seed++)
            {
                int number = seed;
                yield return new Job(ConditionsBenchmark.Name, task, method, seed, token => ConditionsBenchmark.Run(task, method, number, steps ?? 20_000, token));
            }
        }
        foreach (int dimension in BridgeBenchmark.Dimensions)
        {
            foreach (int batches in new[] { 1, 8 })
            {
                for (int seed = 0; seed < (seeds ?? 1); seed++)
                {
                    int number = seed;
                    yield return new Job(BridgeBenchmark.Name, $"d = {dimension}", $"{batches} batches coupled", seed, token => BridgeBenchmark.Run(dimension, batches, number, steps ?? 10_000, token));
                }
            }
        }
    }

    private static void WriteTable(TextWriter output, IEnumerable<Figure> figures)
    {
        foreach (Figure figure in figures)
            output.WriteLine(figure);
    }

    private static string ToJson(IEnumerable<Figure> figures) => JsonSerializer.Serialize(new { figures }, Format);

    /// <summary>One training to judge.</summary>
    private sealed record Job(string Part, string Task, string Method, int Seed, Func<CancellationToken, IEnumerable<Figure>> Run);
}
