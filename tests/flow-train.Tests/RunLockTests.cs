using System.Diagnostics;
using FlowRuntime.CommandLine;

namespace FlowRuntime.TrainTool.Tests;

/// <summary>Of two processes on one run's folder, the second is told who has it, and changes nothing.</summary>
public sealed class RunLockTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly string _folder = Directory.CreateTempSubdirectory("flow-train-lock").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_second_process_is_refused_while_the_first_lives_and_a_killed_one_locks_nothing()
    {
        string run = Path.Combine(_folder, "run");
        string[] begin = ["run", "--data", "moons", "--steps", "10000000", "--set", "network.width=16", "--set", "pictures.every=0", "--set", "training.checkpoint_every=200", "--out", run];
        using (Trainer first = await Trainer.Start(run, begin))
        {
            foreach (string[] command in (string[][])[begin, ["resume", run], ["run", "--data", "digits", "--out", run], ["demo", "--out", run]])
            {
                TrainRun second = await Trainer.ToItsEnd(command);
                Assert.Equal((CommandHost.BadInput, ""), (second.ExitCode, second.Output));
                string line = Assert.Single(second.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
                Assert.Contains($"{run} is being written by process {first.Id} on {Environment.MachineName} since ", line, StringComparison.Ordinal);
                Assert.EndsWith("Wait until it ends, or end it; or name another folder.", line, StringComparison.Ordinal);
            }
            Assert.False(first.HasEnded);
        } // killed
        Assert.True(File.Exists(Path.Combine(run, "run.lock")));
        string newest = Directory.GetFiles(Path.Combine(run, "checkpoints"), "*.safetensors").Max()!;
        using (Trainer second = await Trainer.Start(run, "resume", run))
        {
            TrainRun refused = await TrainRun.Of("resume", run);
            Assert.Equal(CommandHost.BadInput, refused.ExitCode);
            Assert.Contains($"process {second.Id} on ", refused.Error, StringComparison.Ordinal);
        }
        Assert.True(string.CompareOrdinal(Directory.GetFiles(Path.Combine(run, "checkpoints"), "*.safetensors").Max(), newest) >= 0);
    }

    [Fact]
    public async Task What_writes_into_a_finished_run_is_refused_while_another_does_and_what_reads_it_is_not()
    {
        string run = Path.Combine(_folder, "run");
        Assert.Equal(CommandHost.Done, (await TrainRun.Small(run, "--no-tune", "--set", "pictures.every=0")).ExitCode);
        string[] files = Files(run);
        Assert.DoesNotContain("run.lock", files);
        using (RunFolder.Open(run, write: true))
        {
            foreach (string[] command in (string[][])[["report", run], ["evaluate", run, "--samples", "10", "--densities", "0"], ["run", "--data", "moons", "--out", run]])
            {
                TrainRun refused = await TrainRun.Of(command);
                Assert.Equal(CommandHost.BadInput, refused.ExitCode);
                Assert.Contains($"{run} is being written by process {Environment.ProcessId} on ", refused.Error, StringComparison.Ordinal);
            }
            Assert.Equal(CommandHost.Done, (await TrainRun.Of("export", run, "--no-tune", "--out", Path.Combine(_folder, "m.onnx"))).ExitCode);
        }
        Assert.Equal(files, Files(run));
    }

    [Fact]
    public async Task Never_two_have_a_lock_however_it_passes_from_hand_to_hand()
    {
        int holders = 0, taken = 0;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (int i = 0; i < 100; i++)
            {
                try
                {
                    using var held = RunLock.Take(_folder);
                    Assert.Equal(1, Interlocked.Increment(ref holders));
                    Interlocked.Increment(ref taken);
                    Thread.Yield();
                    Interlocked.Decrement(ref holders);
                }
                catch (ArgumentException e)
                {
                    Assert.StartsWith($"{_folder} is being written by ", e.Message, StringComparison.Ordinal);
                }
            }
        })));
        Assert.True(taken > 0);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    private static string[] Files(string run) => [.. Directory.GetFiles(run).Select(Path.GetFileName).Order(StringComparer.Ordinal)!];

    /// <summary>A process of the trainer; it is killed when it is done with.</summary>
    private sealed class Trainer : IDisposable
    {
        private readonly Process _process;

        private Trainer(string[] arguments) => _process = Process.Start(new ProcessStartInfo(Dotnet, [Path.Combine(AppContext.BaseDirectory, "flow-train.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        })!;

        public int Id => _process.Id;

        public bool HasEnded => _process.HasExited;

        private static string Dotnet => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", "..", "dotnet"));

        /// <summary>Starts one, and waits until it has trained some steps.</summary>
        public static async Task<Trainer> Start(string run, params string[] arguments)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            patience.CancelAfter(Patience);
            string metrics = Path.Combine(run, "metrics.jsonl");
            var trainer = new Trainer(arguments);
            try
            {
                while (!(File.Exists(Path.Combine(run, "run.lock.holder")) && File.ReadAllText(Path.Combine(run, "run.lock.holder")).StartsWith($"process {trainer.Id} ", StringComparison.Ordinal)
                    && File.Exists(metrics) && new FileInfo(metrics).Length > 0))
                {
                    Assert.False(trainer.HasEnded);
                    await Task.Delay(50, patience.Token);
                }
                return trainer;
            }
            catch
            {
                trainer.Dispose();
                throw;
            }
        }

        /// <summary>What one answers that runs to its end.</summary>
        public static async Task<TrainRun> ToItsEnd(params string[] arguments)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            patience.CancelAfter(Patience);
            using var trainer = new Trainer(arguments);
            Task<string> output = trainer._process.StandardOutput.ReadToEndAsync(patience.Token), error = trainer._process.StandardError.ReadToEndAsync(patience.Token);
            await trainer._process.WaitForExitAsync(patience.Token);
            return new TrainRun(trainer._process.ExitCode, await output, await error);
        }

        public void Dispose()
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
            _process.Dispose();
        }
    }
}
