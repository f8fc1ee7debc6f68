using FlowRuntime.Cards;
using FlowRuntime.CommandLine;
using FlowRuntime.Tests;

namespace FlowRuntime.Tool.Tests;

/// <summary>What fails below the tool, at a moment when its work is under way: network, disk, folder, streams. <c>tests/faults/run.sh</c> does the same at random moments.</summary>
public sealed class FaultTests : IDisposable
{
    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>The network fails for a state beyond 3, which among 1,000 samples' noise some have, and the first have not.</summary>
    [Fact]
    public async Task A_network_that_fails_in_the_midst_keeps_what_is_done_and_a_mended_one_does_not_go_on_with_it()
    {
        string model = _folder["model.onnx"];
        Write(model, FailsBeyond(3));
        string[] job = ["sample", model, "--count", "1000", "--seed", "1", "--workers", "1", "--slots", "4", "--method", "euler", "--steps", "2", "--out", _folder["a.npy"]];

        ToolRun failed = await ToolRun.InProcess(job);

        Assert.Equal((CommandHost.FailedAtWork, ""), (failed.ExitCode, failed.Output));
        Assert.Matches("^[^\n]*model.onnx: the network failed: [^\n]* [1-9][0-9]* of 1,000 rows are kept in [^\n]*a.npy.partial; go on with: flow sample [^\n]* --resume\n$", failed.Error);
        Assert.Equal(["a.npy.partial", "a.npy.partial.json", "model.onnx"], _folder.Entries);
        byte[] kept = await Bytes("a.npy.partial");
        Write(model, FailsBeyond(30));
        ToolRun mended = await ToolRun.InProcess([.. job, "--resume"]);
        Assert.Equal(CommandHost.BadInput, mended.ExitCode);
        Assert.Contains("was begun with graph ", mended.Error, StringComparison.Ordinal);
        Assert.Equal(kept, await Bytes("a.npy.partial"));
    }

    /// <summary>
    /// Seed of ONNX Runtime's random numbers, which every session begins anew: of these not the first call fails. Without a seed they are the process's own, and in one of
    /// fifty processes no run would ever come further.
    /// </summary>
    private const float Seed = 3;

    /// <summary>Each call fails with a chance of 2%, as that of a device with a loose plug.</summary>
    [Fact]
    public async Task A_network_that_fails_now_and_then_gives_the_rows_of_one_that_does_not()
    {
        string loose = _folder["loose.onnx"], sound = _folder["sound.onnx"];
        Write(loose, FailsAtRandom(1 / 0.98f));
        Write(sound, FailsAtRandom(1));
        string[] how = ["--count", "300", "--seed", "1", "--workers", "1", "--slots", "4", "--method", "euler", "--steps", "2", "--out"];
        (await ToolRun.InProcess(["sample", sound, .. how, _folder["sound.npy"]])).EnsureSuccess();
        int failures = 0;
        for (int run = 0; run < 100; run++)
        {
            ToolRun one = await ToolRun.InProcess(["sample", loose, .. how, _folder["loose.npy"], "--resume"]);
            if (one.ExitCode == CommandHost.Done)
                break;
            Assert.Equal(CommandHost.FailedAtWork, one.ExitCode);
            Assert.Contains("the network failed", one.Error, StringComparison.Ordinal);
            failures++;
        }
        Assert.InRange(failures, 1, 99);
        Assert.Equal(await Bytes("sound.npy"), await Bytes("loose.npy"));
    }

    [Theory]
    [InlineData("a.npy.partial.json.new", "a.npy")] // how far it is cannot be written
    [InlineData("a.csv.new", "a.csv")]
    [InlineData("a.json.new", "a.csv")]
    public async Task What_could_not_be_written_is_gone_on_with(string obstacle, string name)
    {
        string[] job = ["sample", Models.Moons, "--count", "20", "--out", _folder[name], "--resume"];
        Directory.CreateDirectory(_folder[obstacle]);
        ToolRun failed = await ToolRun.InProcess(job);
        Assert.Equal((CommandHost.FailedAtWork, ""), (failed.ExitCode, failed.Output));
        Assert.Matches($"^{_folder[name]}: [^\n]+\n$", failed.Error);
        bool kept = failed.Error.Contains("20 of 20 rows are kept", StringComparison.Ordinal);
        Assert.Equal(obstacle != "a.npy.partial.json.new", kept);
        Assert.Equal(kept, _folder.Entries.Contains($"{name}.partial"));

        Directory.Delete(_folder[obstacle]);
        (await ToolRun.InProcess(job)).EnsureSuccess();

        Assert.Equal(new[] { name, "a.json" }.Order(StringComparer.Ordinal), _folder.Entries);
    }

    /// <summary>As where the process is killed between the two.</summary>
    [Fact]
    public async Task An_array_without_the_file_beside_it_is_completed()
    {
        string[] job = ["sample", Models.Moons, "--count", "20", "--out", _folder["a.npy"], "--resume"];
        Directory.CreateDirectory(_folder["a.json.new"]);
        ToolRun failed = await ToolRun.InProcess(job);
        Assert.Equal(CommandHost.FailedAtWork, failed.ExitCode);
        Assert.Contains("20 of 20 rows are kept in " + _folder["a.npy"] + ";", failed.Error, StringComparison.Ordinal);
        Assert.Equal(["a.json.new", "a.npy", "a.npy.partial.json"], _folder.Entries);

        Directory.Delete(_folder["a.json.new"]);
        Assert.Contains("complete already", (await ToolRun.InProcess(job)).EnsureSuccess().Output, StringComparison.Ordinal);
        Assert.Equal(["a.json", "a.npy"], _folder.Entries);
    }

    [Fact]
    public async Task Joining_goes_on_where_it_failed()
    {
        string[] job = ["sample", Models.Moons, "--count", "20", "--out"];
        for (int i = 0; i < 2; i++)
            (await ToolRun.InProcess([.. job, _folder[$"{i}.npy"], "--shard", $"{i}/2"])).EnsureSuccess();
        (await ToolRun.InProcess([.. job, _folder["whole.csv"]])).EnsureSuccess();
        string[] join = ["join", _folder["0.npy"], _folder["1.npy"], "--out", _folder["joined.csv"]];
        Directory.CreateDirectory(_folder["joined.csv.new"]);
        ToolRun failed = await ToolRun.InProcess(join);
        Assert.Equal(CommandHost.FailedAtWork, failed.ExitCode);
        Assert.EndsWith($"go on with: flow {string.Join(' ', join)} --resume\n", failed.Error, StringComparison.Ordinal);

        Directory.Delete(_folder["joined.csv.new"]);
        (await ToolRun.InProcess([.. join, "--resume"])).EnsureSuccess();

        Assert.Equal(await Bytes("whole.csv"), await Bytes("joined.csv"));
        Assert.DoesNotContain(_folder.Entries, entry => entry.Contains("partial", StringComparison.Ordinal));
    }

    /// <summary>Pictures of a folder have their names when they are whole; here the second cannot be written.</summary>
    [Fact]
    public async Task A_picture_of_a_folder_is_whole_or_not_there()
    {
        Directory.CreateDirectory(_folder["a/000001.png.new"]);
        ToolRun failed = await ToolRun.InProcess("sample", Models.Digits, "--count", "3", "--out", _folder["a"] + "/");
        Assert.Equal(CommandHost.FailedAtWork, failed.ExitCode);
        Assert.Equal(["000000.png", "000001.png.new", "samples.partial", "samples.partial.json"], Entries("a"));

        Directory.Delete(_folder["a/000001.png.new"]);
        (await ToolRun.InProcess("sample", Models.Digits, "--count", "3", "--out", _folder["a"] + "/", "--resume")).EnsureSuccess();
        Assert.Equal(["000000.png", "000001.png", "000002.png", "samples.json"], Entries("a"));

        IEnumerable<string?> Entries(string name) => Directory.GetFileSystemEntries(_folder[name]).Select(Path.GetFileName).Order(StringComparer.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_is_removed_is_a_failure_at_work()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Removes files that are open.");
        Directory.CreateDirectory(_folder["gone"]);
        ToolRun run = await ToolRun.Finished(
            ToolRun.StartProcess("sample", Models.Moons, "--count", "2000000", "--workers", "1", "--slots", "4", "--out", _folder["gone/a.npy"]),
            async () =>
            {
                while (!File.Exists(_folder["gone/a.npy.partial"]))
                    await Task.Delay(20, TestContext.Current.CancellationToken);
                Directory.Delete(_folder["gone"], recursive: true);
            });
        Assert.Equal((CommandHost.FailedAtWork, ""), (run.ExitCode, run.Output)); // not 2, upon which a cluster would give the job up
        Assert.Matches("^[^\n]*gone/a.npy: [^\n]+\n$", run.Error);
    }

    [Theory]
    [InlineData("sample \"$2\" --count 20000 --out - > /dev/full", CommandHost.FailedAtWork, "^No space left on device[^\n]*\n$")]
    [InlineData("sample \"$2\" --count 20000 --format npy --out - > /dev/full", CommandHost.FailedAtWork, "^No space left on device[^\n]*\n$")]
    [InlineData("inspect nothing 2> /dev/full", CommandHost.BadInput, "^$")]
    [InlineData("inspect 2> /dev/full", CommandHost.BadInput, "^$")]
    public async Task Streams_that_take_nothing_do_not_change_the_exit_code(string command, int exitCode, string error)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Linux has a file that is always full.");
        ToolRun run = await ToolRun.InShell($"\"$0\" \"$1\" {command}", Models.Moons);
        Assert.Equal((exitCode, ""), (run.ExitCode, run.Output));
        Assert.Matches(error, run.Error);
    }

    [Fact]
    public async Task A_limit_on_the_size_of_files_is_told_instead_of_ending_the_process()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Sets a limit by Linux's means.");
        // .NET starts under such a limit where it may map memory as both writable and executable.
        ToolRun run = await ToolRun.InShell("ulimit -f 2; export DOTNET_EnableWriteXorExecute=0; \"$0\" \"$1\" sample \"$2\" --count 3000 --out \"$3\"", Models.Moons, _folder["a.npy"]);
        Assert.Equal((CommandHost.FailedAtWork, ""), (run.ExitCode, run.Output));
        Assert.Matches("^File too large[^\n]*\n$", run.Error);
        Assert.Empty(_folder.Entries);
    }

    private Task<byte[]> Bytes(string name) => File.ReadAllBytesAsync(_folder[name], TestContext.Current.CancellationToken);

    private static void Write(string path, byte[] graph)
    {
        File.WriteAllBytes(path, graph);
        CardFile.Write(path, TinyModel.Card);
    }

    /// <summary>v = t x + f, where f is 0 and is asked for in a row of its table that is not there for values beyond a limit.</summary>
    private static byte[] FailsBeyond(float limit) => TinyModel.TimesTimePlus(
        [],
        [
            TinyModel.Node("Abs", ["x"], "size"), TinyModel.Node("Div", ["size", "limit"], "number"), TinyModel.Cast("number", TinyModel.Int64, "index"),
            TinyModel.Node("Gather", ["table", "index"], "f"),
        ],
        TinyModel.Floats("limit", [], limit), TinyModel.Floats("table", [1], 0));

    /// <summary>v = t x + f, where f is 0 and is asked for in a row of its table that is not there for a random number from 1 to a most.</summary>
    private static byte[] FailsAtRandom(float most) => TinyModel.TimesTimePlus(
        [],
        [
            TinyModel.Node("RandomUniformLike", ["table"], "uniform", TinyModel.Attribute("seed", Seed)), TinyModel.Node("Mul", ["uniform", "most"], "number"), TinyModel.Cast("number", TinyModel.Int64, "index"),
            TinyModel.Node("Gather", ["table", "index"], "f"),
        ],
        TinyModel.Floats("most", [], most), TinyModel.Floats("table", [1], 0));
}
