using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using FlowRuntime.CommandLine;
using FlowRuntime.Sampling;

namespace FlowRuntime.TrainTool;

/// <summary><c>flow-train soak --runs N</c>: kills real runs at random moments, goes on with them, and compares them with one that was let be.</summary>
internal static class SoakCommand
{
    private const uint Stream = 0x50414B; // of the moments

    public static Command Make()
    {
        var runs = new Option<int>("--runs") { Description = "How many runs are killed.", DefaultValueFactory = _ => 20 };
        var kills = new Option<int>("--kills") { Description = "How often each of them is.", DefaultValueFactory = _ => 3 };
        var steps = new Option<int>("--steps") { Description = "Steps of a run.", DefaultValueFactory = _ => 3_000 };
        var threads = new Option<int>("--threads") { Description = "Threads of a run, one or two.", DefaultValueFactory = _ => 1 };
        var seed = new Option<ulong>("--seed") { Description = "Seed of the moments." };
        var minutes = new Option<double?>("--minutes") { Description = "Instead of this, watch one training of so many minutes: memory, handles and threads." };
        var command = new Command("soak", """
            Trains on moons in processes that are killed at random moments and gone on with by resume, and compares weights and losses with
            those of a run that was let be: they must be the same to the last bit. Takes some minutes.

            Examples:
              flow-train soak --runs 20
              flow-train soak --minutes 120
            """)
        {
            runs, kills, steps, threads, seed, minutes,
        };
        command.Hidden = true;
        command.SetAction((parsed, cancellationToken) => parsed.GetValue(minutes) is { } time ? LongTraining.Watch(time, Start, parsed.InvocationConfiguration.Output, cancellationToken) : Run(
            parsed.GetValue(runs), parsed.GetValue(kills), parsed.GetValue(steps), parsed.GetValue(threads), parsed.GetValue(seed), parsed.InvocationConfiguration.Output, cancellationToken));
        return command;
    }

    private static async Task<int> Run(int runs, int kills, int steps, int threads, ulong seed, TextWriter output, CancellationToken cancellationToken)
    {
        string folder = Directory.CreateTempSubdirectory("flow-soak").FullName, whole = Path.Combine(folder, "whole");
        string[] start = [
            "run", "--data", "moons", "--no-tune", "--steps", $"{steps}", "--set", "training.checkpoint_every=100", "--set", "training.more_ema_decays=[0.99]",
            "--set", $"training.threads={threads}", "--out"];
        int same = 0;
        bool finished = false;
        try
        {
            long began = Stopwatch.GetTimestamp();
            await Finish([.. start, whole], cancellationToken);
            double longest = Stopwatch.GetElapsedTime(began).TotalSeconds / Math.Max(1, kills) * 2; // on average, the kills share out the run
            for (int run = 0; run < runs; run++)
            {
                string killed = Path.Combine(folder, $"killed-{run}");
                string[] moments = await Kill(start, killed, [.. Enumerable.Range(run * kills, kills).Select(kill => longest * Philox4x32.Uniform(Philox4x32.Block((uint)kill, Stream, 0, 0, seed).X0))], cancellationToken);
                bool equal = Weights(whole).AsSpan().SequenceEqual(Weights(killed)) && Losses(whole).SequenceEqual(Losses(killed));
                same += equal ? 1 : 0;
                output.WriteLine($"run {run}, killed {string.Join(", ", moments)}: {(equal ? "weights and losses as if let be" : $"weights or losses DIFFER: see {killed}")}");
            }
            output.WriteLine($"{same} of {runs} runs ended with the weights and losses of the run that was let be.");
            finished = true;
        }
        finally
        {
            if (same == runs || !finished) // those that differ are left to be looked at
                Directory.Delete(folder, recursive: true);
        }
        return same == runs ? CommandHost.Done : CommandHost.FailedAtWork;
    }

    /// <summary>Kills a run after each of the times, and lets it finish then.</summary>
    /// <returns>When it was killed, and where its newest checkpoint stood.</returns>
    private static async Task<string[]> Kill(string[] start, string killed, double[] seconds, CancellationToken cancellationToken)
    {
        var moments = new List<string>();
        foreach (double wait in seconds)
        {
            if (File.Exists(Path.Combine(killed, "weights.safetensors")))
                break;
            using Process process = Start(Next());
            await Task.Delay(TimeSpan.FromSeconds(wait), cancellationToken);
            process.Kill();
            await process.WaitForExitAsync(cancellationToken);
            moments.Add(string.Create(CultureInfo.InvariantCulture, $"after {wait:F2} s at {LastStep(killed)}"));
        }
        if (!File.Exists(Path.Combine(killed, "model.onnx")))
            await Finish(Next(), cancellationToken);
        return [.. moments];

        // What was killed before its first checkpoint is started again.
        string[] Next() => Training.Checkpoints.CheckpointFolder.HoldsAny(Path.Combine(killed, "checkpoints")) || File.Exists(Path.Combine(killed, "weights.safetensors"))
            ? ["resume", killed, "--no-tune"] : [.. start, killed];
    }

    private static byte[] Weights(string run) => File.ReadAllBytes(Path.Combine(run, "weights.safetensors"));

    private static IEnumerable<string> Losses(string run) => File.ReadLines(Path.Combine(run, "metrics.jsonl")).Select(line => line.Split(",\"learning_rate\"")[0]);

    private static string LastStep(string run)
    {
        string checkpoints = Path.Combine(run, "checkpoints");
        return File.Exists(Path.Combine(run, "weights.safetensors")) ? "its end" : Directory.Exists(checkpoints) ? Directory.GetFiles(checkpoints).Select(Path.GetFileNameWithoutExtension).Max() ?? "none" : "none";
    }

    private static async Task Finish(string[] arguments, CancellationToken cancellationToken)
    {
        using Process process = Start(arguments);
        await process.WaitForExitAsync(cancellationToken);
        if (process.ExitCode != CommandHost.Done)
            throw new InvalidOperationException($"flow-train {string.Join(' ', arguments)} ended with {process.ExitCode}.");
    }

    private static Process Start(string[] arguments)
    {
        string program = Environment.ProcessPath!; // dotnet, or the program's own launcher
        string[] itself = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [Path.Combine(AppContext.BaseDirectory, "flow-train.dll")] : [];
        Process process = Process.Start(new ProcessStartInfo(program, [.. itself, .. arguments]) { RedirectStandardOutput = true, UseShellExecute = false })!;
        process.OutputDataReceived += (_, _) => { }; // a pipe that nobody reads fills up
        process.BeginOutputReadLine();
        return process;
    }
}
