using System.CommandLine;
using System.Diagnostics;
using FlowRuntime.CommandLine;
using FlowRuntime.Sampling;

namespace FlowRuntime.TrainTool;

/// <summary><c>flow-train soak --kills N</c>: kills a real run at random moments, goes on with it, and compares it with one that was let be.</summary>
internal static class SoakCommand
{
    private const uint Stream = 0x50414B; // of the moments

    public static Command Make()
    {
        var kills = new Option<int>("--kills") { Description = "How often the run is killed.", DefaultValueFactory = _ => 20 };
        var steps = new Option<int>("--steps") { Description = "Steps of the run.", DefaultValueFactory = _ => 20_000 };
        var seed = new Option<ulong>("--seed") { Description = "Seed of the moments." };
        var command = new Command("soak", """
            Trains on moons in processes that are killed at random moments and gone on with by resume, and compares weights and losses with
            those of a run that was let be: they must be the same to the last bit. Takes some minutes.

            Example:
              flow-train soak --kills 20
            """)
        {
            kills, steps, seed,
        };
        command.Hidden = true;
        command.SetAction((parsed, cancellationToken) => Run(
            parsed.GetValue(kills), parsed.GetValue(steps), parsed.GetValue(seed), parsed.InvocationConfiguration.Output, cancellationToken));
        return command;
    }

    private static async Task<int> Run(int kills, int steps, ulong seed, TextWriter output, CancellationToken cancellationToken)
    {
        string folder = Directory.CreateTempSubdirectory("flow-soak").FullName;
        string whole = Path.Combine(folder, "whole"), killed = Path.Combine(folder, "killed");
        string[] start = ["run", "--data", "moons", "--no-tune", "--steps", $"{steps}", "--set", "training.checkpoint_every=100", "--set", "training.more_ema_decays=[0.99]", "--out"];
        try
        {
            long began = Stopwatch.GetTimestamp();
            await Finish([.. start, whole], cancellationToken);
            double longest = Stopwatch.GetElapsedTime(began).TotalSeconds / Math.Max(1, kills) * 2; // on average, the kills share out the run
            for (int kill = 0; kill < kills && !File.Exists(Path.Combine(killed, "weights.safetensors")); kill++)
            {
                double wait = longest * Philox4x32.Uniform(Philox4x32.Block((uint)kill, Stream, 0, 0, seed).X0);
                using Process process = Start(Next());
                await Task.Delay(TimeSpan.FromSeconds(wait), cancellationToken);
                process.Kill();
                await process.WaitForExitAsync(cancellationToken);
                output.WriteLine(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"killed after {wait:F2} s, at step {LastStep(killed)}"));
            }
            if (!File.Exists(Path.Combine(killed, "model.onnx")))
                await Finish(Next(), cancellationToken);
            bool same = Weights(whole).AsSpan().SequenceEqual(Weights(killed)) && Losses(whole).SequenceEqual(Losses(killed));
            output.WriteLine(same ? "Weights and losses are those of the run that was let be." : $"Weights or losses DIFFER: see {folder}.");
            if (same)
                Directory.Delete(folder, recursive: true);
            return same ? CommandHost.Done : CommandHost.FailedAtWork;
        }
        catch (OperationCanceledException)
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }

        // What was killed before its first checkpoint is started again.
        string[] Next() => Training.Checkpoints.CheckpointFolder.HoldsAny(Path.Combine(killed, "checkpoints")) || File.Exists(Path.Combine(killed, "weights.safetensors"))
            ? ["resume", killed, "--no-tune"] : [.. start, killed];
    }

    private static byte[] Weights(string run) => File.ReadAllBytes(Path.Combine(run, "weights.safetensors"));

    private static IEnumerable<string> Losses(string run) => File.ReadLines(Path.Combine(run, "metrics.jsonl")).Select(line => line.Split(",\"learning_rate\"")[0]);

    private static string LastStep(string run)
    {
        string checkpoints = Path.Combine(run, "checkpoints");
        return Directory.Exists(checkpoints) ? Directory.GetFiles(checkpoints).Select(Path.GetFileNameWithoutExtension).Max() ?? "none" : "none";
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
