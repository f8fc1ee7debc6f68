using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using FlowRuntime.CommandLine;

namespace FlowRuntime.TrainTool.Tests;

public sealed class InterruptionTests : IDisposable
{
    /// <summary>A process that runs longer hangs: it is ended, and its test fails.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("flow-train-interrupted").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task An_interrupted_run_leaves_a_checkpoint_and_says_how_to_go_on()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Sends a signal by Linux's means.");
        Assert.SkipWhen(IgnoresInterrupts(), "These tests were started deaf to interrupts, and so is what they start.");
        string run = Path.Combine(_folder, "run"), metrics = Path.Combine(run, "metrics.jsonl");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        using Process process = Start(Dotnet, Path.Combine(AppContext.BaseDirectory, "flow-train.dll"),
            "run", "--data", "moons", "--steps", "10000000", "--set", "network.width=16", "--out", run);
        try
        {
            Task<string> error = process.StandardError.ReadToEndAsync(patience.Token);
            while (!process.HasExited && !(File.Exists(metrics) && new FileInfo(metrics).Length > 0))
                await Task.Delay(50, patience.Token);
            using (Process kill = Start("/bin/sh", "-c", $"kill -INT {process.Id}"))
                await kill.WaitForExitAsync(patience.Token);
            await process.WaitForExitAsync(patience.Token);

            Assert.Equal((CommandHost.Interrupted, $"Interrupted. Go on with it by flow-train resume {run}.\n"), (process.ExitCode, await error));
        }
        finally
        {
            process.Kill(entireProcessTree: true); // one that has ended already takes no notice
        }
        Assert.Equal(["checkpoints", "config.json", "metrics.jsonl", "tensorboard"], Directory.GetFileSystemEntries(run).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        foreach (string[] command in (string[][])[["export", run, "--out", Path.Combine(_folder, "m.onnx")], ["run", "--data", "moons", "--steps", "1", "--out", run]])
        {
            TrainRun refused = await TrainRun.Of(command);
            Assert.Equal(CommandHost.BadInput, refused.ExitCode);
            Assert.Contains($"flow-train resume {run}", refused.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_killed_run_is_gone_on_with_as_if_it_had_never_stopped()
    {
        string[] arguments = ["run", "--data", "moons", "--steps", "3000", "--no-tune", "--set", "network.width=16", "--set", "training.batch_size=64", "--set", "training.checkpoint_every=130"];
        string killed = Path.Combine(_folder, "killed"), whole = Path.Combine(_folder, "whole"), metrics = Path.Combine(killed, "metrics.jsonl");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        using (Process process = Start(Dotnet, [Path.Combine(AppContext.BaseDirectory, "flow-train.dll"), .. arguments, "--out", killed]))
        {
            while (!process.HasExited && !(File.Exists(metrics) && File.ReadLines(metrics).Count() > 3))
                await Task.Delay(20, patience.Token);
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(patience.Token);
        }
        File.AppendAllText(metrics, "{\"step\": 4"); // the line that it was ended in
        TrainRun resumed = await TrainRun.Of("resume", killed, "--no-tune");
        Assert.Equal((CommandHost.Done, ""), (resumed.ExitCode, resumed.Error));
        Assert.Equal(CommandHost.Done, (await TrainRun.Of([.. arguments, "--out", whole])).ExitCode);

        Assert.Equal(File.ReadAllBytes(Path.Combine(whole, "weights.safetensors")), File.ReadAllBytes(Path.Combine(killed, "weights.safetensors")));
        Assert.Equal(Losses(whole), Losses(killed));
        Assert.Equal(Directory.GetFileSystemEntries(whole).Select(Path.GetFileName).Order(), Directory.GetFileSystemEntries(killed).Select(Path.GetFileName).Order());

        static (int, double)[] Losses(string run) =>
            [.. File.ReadLines(Path.Combine(run, "metrics.jsonl")).Select(line => JsonDocument.Parse(line).RootElement).Select(line => (line.GetProperty("step").GetInt32(), line.GetProperty("loss").GetDouble()))];
    }

    /// <summary>The dotnet that runs these tests: the runtime lies in shared/Microsoft.NETCore.App/VERSION under it.</summary>
    private static string Dotnet => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", "..", "dotnet"));

    private static Process Start(string file, params string[] arguments) => Process.Start(new ProcessStartInfo(file, arguments)
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        UseShellExecute = false,
    })!;

    private static bool IgnoresInterrupts()
    {
        const long Interrupt = 1 << 1; // SIGINT is signal 2
        string mask = File.ReadLines("/proc/self/status").First(line => line.StartsWith("SigIgn:", StringComparison.Ordinal)).Split('\t')[1];
        return (long.Parse(mask, NumberStyles.HexNumber, CultureInfo.InvariantCulture) & Interrupt) != 0;
    }
}
