using System.Diagnostics;
using System.Text.Json;
using CsCheck;
using FlowRuntime.CommandLine;
using FlowRuntime.Tool.Jobs;

namespace FlowRuntime.Tool.Tests;

/// <summary>Jobs in shards, killed and resumed: the rows are those of one run, byte for byte.</summary>
public sealed class JobTests : IDisposable
{
    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Shards_tile_the_rows_in_order_and_differ_by_one_row_at_most() =>
        Gen.Select(Gen.Long[1, 1L << 50], Gen.Int[1, 40]).Where((rows, count) => count <= rows).Sample((rows, count) =>
        {
            long next = 0;
            var sizes = new List<long>();
            for (int i = 0; i < count; i++)
            {
                (long from, long size) = new Shard(i, count).Of(rows);
                Assert.Equal(next, from);
                sizes.Add(size);
                next = from + size;
            }
            return next == rows && sizes.Max() - sizes.Min() <= 1;
        });

    [Theory]
    [InlineData(1, "npy")]
    [InlineData(3, "npy")]
    [InlineData(7, "npy")]
    [InlineData(3, "csv")]
    [InlineData(3, "png")]
    public async Task Shards_put_together_are_one_run(int shards, string form)
    {
        string[] job = ["sample", Models.Digits, "--label", "3,1,4", "--count", "50", "--first", "10", "--seed", "7", "--out"];
        (await ToolRun.InProcess([.. job, _folder[$"whole.{form}"]])).EnsureSuccess();
        string[] parts = [.. Enumerable.Range(0, shards).Select(i => _folder[$"part-{i}.npy"])];
        for (int i = 0; i < shards; i++)
            (await ToolRun.InProcess([.. job, parts[i], "--shard", $"{i}/{shards}"])).EnsureSuccess();

        (await ToolRun.InProcess(["join", .. parts.Reverse(), "--out", _folder[$"joined.{form}"]])).EnsureSuccess();

        Assert.Equal(await Bytes($"whole.{form}"), await Bytes($"joined.{form}"));
        Assert.Equal(Cost("whole"), Cost("joined"));
    }

    [Fact]
    public async Task What_does_not_belong_together_is_not_joined()
    {
        string[] job = ["sample", Models.Moons, "--count", "20", "--out"];
        for (int i = 0; i < 3; i++)
            (await ToolRun.InProcess([.. job, _folder[$"{i}.npy"], "--shard", $"{i}/3"])).EnsureSuccess();
        (await ToolRun.InProcess([.. job, _folder["other.npy"], "--shard", "2/3", "--seed", "1"])).EnsureSuccess();
        (await ToolRun.InProcess([.. job, _folder["half.npy"], "--shard", "1/2"])).EnsureSuccess();
        File.Copy(_folder["1.npy"], _folder["bare.npy"]);
        string[] before = [.. _folder.Entries];

        await Refused("shards 1 of 3 are missing", "0.npy", "2.npy");
        await Refused("other.npy was made with seed 1", "0.npy", "1.npy", "other.npy");
        await Refused("half.npy is one of 2 shards", "0.npy", "half.npy", "2.npy");
        await Refused("bare.npy has no bare.json", "0.npy", "bare.npy", "2.npy");
        await Refused("Name each once", "0.npy", "1.npy", "2.npy", "1.npy");
        Assert.Equal(before, _folder.Entries);

        async Task Refused(string words, params string[] parts)
        {
            ToolRun run = await ToolRun.InProcess(["join", .. parts.Select(part => _folder[part]), "--out", _folder["joined.npy"]]);
            Assert.Equal((CommandHost.BadInput, ""), (run.ExitCode, run.Output));
            Assert.Contains(words, run.Error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("npy", 2)]
    [InlineData("csv", 1)]
    public async Task Killed_again_and_again_and_resumed_it_is_one_run(string form, int kills)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Kills by Linux's means.");
        string[] job = ["sample", Models.Moons, "--count", "20000", "--seed", "3", "--quality", "fine", "--out"];
        string[] slowly = ["--resume", "--workers", "1", "--slots", "1"]; // the layout of the work is no setting of the data
        (await ToolRun.InProcess([.. job, _folder[$"whole.{form}"]])).EnsureSuccess();
        string state = _folder[$"killed.{form}.partial.json"];
        long kept = 0;

        for (int kill = 0; kill < kills; kill++)
        {
            using Process process = ToolRun.StartProcess([.. job, _folder[$"killed.{form}"], .. slowly]);
            while (!process.HasExited && Done() <= kept) // until there is a new checkpoint
                await Task.Delay(20, TestContext.Current.CancellationToken);
            Assert.False(process.HasExited, "It was done before it was killed: draw more.");
            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            kept = Done();
        }
        ToolRun run = (await ToolRun.AsProcess([.. job, _folder[$"killed.{form}"], "--resume"])).EnsureSuccess();

        Assert.Contains($"; {kept:N0} were there already", run.Output, StringComparison.Ordinal);
        Assert.Equal(await Bytes($"whole.{form}"), await Bytes($"killed.{form}"));
        Assert.Equal(Cost("whole"), Cost("killed"));
        Assert.Equal(4, _folder.Entries.Count());

        long Done()
        {
            try
            {
                using JsonDocument document = JsonDocument.Parse(File.ReadAllText(state));
                return document.RootElement.GetProperty("done").GetInt64();
            }
            catch (FileNotFoundException)
            {
                return 0;
            }
        }
    }

    [Fact]
    public async Task What_is_complete_is_left_as_it_is()
    {
        string[] job = ["sample", Models.Moons, "--count", "30", "--resume", "--out", _folder["a.npy"]];
        (await ToolRun.InProcess(job)).EnsureSuccess(); // there is nothing: it begins
        DateTime written = File.GetLastWriteTimeUtc(_folder["a.npy"]);

        ToolRun run = (await ToolRun.InProcess(job)).EnsureSuccess();

        Assert.Contains("complete already", run.Output, StringComparison.Ordinal);
        Assert.Equal(written, File.GetLastWriteTimeUtc(_folder["a.npy"]));
        Assert.Equal(["a.json", "a.npy"], _folder.Entries);
    }

    [Theory]
    [InlineData("--count 30 --seed 1", "seed")]
    [InlineData("--count 31", "count")]
    [InlineData("--count 30 --first 1", "first")]
    [InlineData("--count 30 --rtol 1e-3", "solver")]
    [InlineData("--count 30 --shard 0/2", "shard")]
    public async Task What_others_drew_is_not_gone_on_with(string arguments, string setting)
    {
        (await ToolRun.InProcess("sample", Models.Moons, "--count", "30", "--out", _folder["a.npy"])).EnsureSuccess();
        byte[] before = await Bytes("a.npy");

        ToolRun run = await ToolRun.InProcess(["sample", Models.Moons, .. arguments.Split(' '), "--resume", "--out", _folder["a.npy"]]);

        Assert.Equal((CommandHost.BadInput, ""), (run.ExitCode, run.Output));
        Assert.Contains($"was begun with {setting} ", run.Error, StringComparison.Ordinal);
        Assert.Equal(before, await Bytes("a.npy"));
        Assert.Equal(["a.json", "a.npy"], _folder.Entries);
    }

    [Fact]
    public async Task Unfinished_work_is_neither_overwritten_nor_trusted_blindly()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Interrupts by Linux's means.");
        string[] job = ["sample", Models.Moons, "--count", "2000000", "--workers", "1", "--slots", "4", "--out", _folder["a.npy"]];
        using (Process process = ToolRun.StartProcess(job))
        {
            while (!File.Exists(_folder["a.npy.partial.json"]) && !process.HasExited)
                await Task.Delay(20, TestContext.Current.CancellationToken);
            // While one run writes, no other does.
            ToolRun second = await ToolRun.InProcess([.. job, "--resume"]);
            Assert.Equal(CommandHost.BadInput, second.ExitCode);
            Assert.Contains("another run is writing", second.Error, StringComparison.Ordinal);
            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        string[] before = [.. _folder.Entries];
        Assert.Equal(["a.npy.partial", "a.npy.partial.json"], before);

        ToolRun anew = await ToolRun.InProcess(job);
        Assert.Equal(CommandHost.BadInput, anew.ExitCode);
        Assert.Contains("of an unfinished run. Go on with it by --resume, or delete it", anew.Error, StringComparison.Ordinal);
        await using (FileStream partial = File.OpenWrite(_folder["a.npy.partial"]))
            partial.SetLength(1000);
        ToolRun shorter = await ToolRun.InProcess([.. job, "--resume"]);
        Assert.Equal(CommandHost.BadInput, shorter.ExitCode);
        Assert.Contains("delete both and begin anew", shorter.Error, StringComparison.Ordinal);
        await File.WriteAllTextAsync(_folder["a.npy.partial.json"], "{", TestContext.Current.CancellationToken);
        ToolRun garbled = await ToolRun.InProcess([.. job, "--resume"]);
        Assert.Equal(CommandHost.BadInput, garbled.ExitCode);
        Assert.Contains("a.npy.partial.json is garbled", garbled.Error, StringComparison.Ordinal);
        Assert.Equal(before, _folder.Entries);
    }

    private Task<byte[]> Bytes(string name) => File.ReadAllBytesAsync(_folder[name], TestContext.Current.CancellationToken);

    private (long Samples, long Evaluations, long Accepted, long Rejected) Cost(string name)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(_folder[name + ".json"]));
        JsonElement report = document.RootElement.GetProperty("report");
        long Number(string field) => report.GetProperty(field).GetInt64();
        return (Number("samples"), Number("evaluations"), Number("accepted"), Number("rejected"));
    }
}
