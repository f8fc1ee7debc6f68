using System.Diagnostics;
using System.Globalization;
using FlowRuntime.CommandLine;

namespace FlowRuntime.TrainTool.Tests;

public sealed class InterruptionTests : IDisposable
{
    /// <summary>A process that runs longer hangs: it is ended, and its test fails.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("flow-train-interrupted").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task An_interrupted_run_says_so_and_its_folder_may_be_used_again()
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

            Assert.Equal((CommandHost.Interrupted, "Interrupted.\n"), (process.ExitCode, await error));
        }
        finally
        {
            process.Kill(entireProcessTree: true); // one that has ended already takes no notice
        }
        Assert.Equal(["config.json", "metrics.jsonl"], Directory.GetFileSystemEntries(run).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        Assert.Equal(CommandHost.BadInput, (await TrainRun.Of("export", run, "--out", Path.Combine(_folder, "m.onnx"))).ExitCode);
        Assert.Equal(CommandHost.Done, (await TrainRun.Of("run", "--data", "moons", "--steps", "1", "--set", "network.width=16", "--out", run)).ExitCode);
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
