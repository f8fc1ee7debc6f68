using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using FlowRuntime.CommandLine;
using FlowRuntime.Sampling;
using SkiaSharp;

namespace FlowRuntime.Tool.Tests;

/// <summary>Failures at work and interruptions.</summary>
public sealed class FailureTests : IDisposable
{
    /// <summary>A prior this wide sends the states of some samples beyond float32, and leaves the others finite.</summary>
    private const double PriorScale = 1e38;

    private const int Count = 60;

    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_failed_sample_is_a_row_of_NaN_and_the_others_are_as_they_would_be()
    {
        string path = OverflowingModel();
        string[] arguments = ["sample", path, "--count", $"{Count}", "--seed", "2", "--out"];
        ToolRun run = await ToolRun.InProcess([.. arguments, _folder["a.npy"], "--json"]);
        await ToolRun.InProcess([.. arguments, _folder["a.csv"]]);

        using FlowModel model = FlowModel.Open(path);
        SampleBatch batch = model.Sample(Count, new SamplingOptions { Seed = 2 }, cancellationToken: TestContext.Current.CancellationToken);
        float[] values = NpyArray.Read(_folder["a.npy"]).Values;
        string[] lines = await File.ReadAllLinesAsync(_folder["a.csv"], TestContext.Current.CancellationToken);
        Assert.InRange(batch.Failed, 1, Count - 1);
        float[] noise = new float[64];
        for (int i = 0; i < Count; i++)
        {
            float[] row = values[(i * 64)..((i + 1) * 64)];
            bool failed = batch.Status[i] != SampleStatus.Completed;
            Assert.All(row, (value, e) => Assert.Equal(failed ? float.NaN : batch[i][e], value));
            Assert.Equal(row, lines[i + 1].Split(',').Select(cell => float.Parse(cell, CultureInfo.InvariantCulture)));
            Noise.Fill(2, i, noise);
            if (noise.Any(value => !float.IsFinite((float)(PriorScale * value))))
                Assert.True(failed, $"Sample {i} starts beyond float32.");
        }
        Assert.Equal($"{batch.Failed} of {Count} samples failed; their rows are NaN.\n", run.Error);
        Assert.Equal(CommandHost.FailedAtWork, run.ExitCode);
        using JsonDocument report = JsonDocument.Parse(run.Output);
        Assert.Equal((Count, batch.Failed), (report.RootElement.GetProperty("samples").GetInt32(), report.RootElement.GetProperty("failed").GetInt32()));
        Assert.Contains("a.json", _folder.Entries);
    }

    [Fact]
    public async Task A_failed_image_is_magenta()
    {
        string path = OverflowingModel();
        ToolRun run = await ToolRun.InProcess("sample", path, "--count", $"{Count}", "--seed", "2", "--out", _folder["a.png"]);

        Assert.Equal(CommandHost.FailedAtWork, run.ExitCode);
        using FlowModel model = FlowModel.Open(path);
        SampleBatch batch = model.Sample(Count, new SamplingOptions { Seed = 2 }, cancellationToken: TestContext.Current.CancellationToken);
        using SKBitmap picture = SKBitmap.Decode(_folder["a.png"]);
        for (int i = 0; i < Count; i++)
        {
            bool magenta = picture.GetPixel(i % 8 * 68 + 36, i / 8 * 68 + 36) == new SKColor(255, 0, 255);
            Assert.Equal(batch.Status[i] != SampleStatus.Completed, magenta);
        }
    }

    [Fact]
    public async Task Even_when_every_sample_fails_the_files_are_there()
    {
        string path = _folder.CopyOf(Models.Moons, sidecar: """{"prior": {"scale": 1e300}}""");

        foreach (string name in new[] { "a.npy", "a.csv", "a.png" })
        {
            ToolRun run = await ToolRun.InProcess("sample", path, "--count", "5", "--out", _folder[name]);

            Assert.Equal((CommandHost.FailedAtWork, "5 of 5 samples failed; their rows are NaN.\n"), (run.ExitCode, run.Error));
            Assert.Contains(name, _folder.Entries);
        }
        Assert.All(NpyArray.Read(_folder["a.npy"]).Values, value => Assert.True(float.IsNaN(value)));
    }

    [Theory]
    [InlineData("a.npy")]
    [InlineData("a.csv")]
    [InlineData("a.png")]
    public async Task A_full_disk_is_told_in_one_line_and_leaves_nothing(string name)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Makes a small file system of its own by Linux's means.");
        const string OwnFileSystem = """exec unshare --user --map-root-user --mount /bin/sh -c 'mount -t tmpfs -o size=64k none "$2" 2>&1 || exit 77; """;
        string disk = Directory.CreateDirectory(_folder["disk"]).FullName;
        Assert.SkipWhen((await ToolRun.InShell($"{OwnFileSystem}exit 0' \"$0\" \"$1\" \"$2\"", disk)).ExitCode != 0, "This system lets no user mount a file system.");

        ToolRun run = await ToolRun.InShell(
            $"""{OwnFileSystem}"$0" "$1" sample "$3" --count 3000 --method euler --steps 1 --out "$2/$4"; code=$?; ls -A "$2"; exit $code' "$0" "$@" """,
            disk, Models.Digits, name);

        Assert.Equal("", run.Output); // nor does ls find anything
        Assert.Matches("^[^\n]+\n$", run.Error);
        Assert.Contains("No space left", run.Error, StringComparison.Ordinal);
        Assert.Contains("free some space", run.Error, StringComparison.Ordinal);
        Assert.Contains(name, run.Error, StringComparison.Ordinal);
        Assert.Equal(CommandHost.FailedAtWork, run.ExitCode);
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task An_interruption_before_the_first_sample_leaves_nothing(string signal)
    {
        ToolRun run = await Interrupted(signal, "--count 10000000 --steps 100000", after: "a.npy.partial");

        Assert.Equal((CommandHost.Interrupted, "", "Interrupted.\n"), (run.ExitCode, run.Output, run.Error));
        Assert.Empty(_folder.Entries);
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    [InlineData("HUP")]
    public async Task An_interruption_keeps_what_there_is_and_tells_how_to_go_on(string signal)
    {
        const string Arguments = "--count 1000000 --seed 5 --slots 4 --workers 1";

        ToolRun run = await Interrupted(signal, Arguments, after: "a.npy.partial.json");

        Assert.Equal((CommandHost.Interrupted, ""), (run.ExitCode, run.Output));
        Match said = Regex.Match(run.Error, @"^Interrupted\. ([0-9,]+) of 1,000,000 rows are kept in (\S+); go on with: flow (.*)\n$");
        Assert.True(said.Success, run.Error);
        Assert.Equal(_folder["a.npy.partial"], said.Groups[2].Value);
        Assert.Equal($"sample {Models.Digits} {Arguments} --out {_folder["a.npy"]} --resume", said.Groups[3].Value);
        Assert.Equal(["a.npy.partial", "a.npy.partial.json"], _folder.Entries);
        int kept = int.Parse(said.Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
        Assert.InRange(kept, 1, 999_999);
        // Even unfinished it is an array that is read, and the rows that are kept are right.
        using FlowModel model = FlowModel.Open(Models.Digits);
        kept = Math.Min(kept, 100);
        float[] expected = model.Sample(kept, new SamplingOptions { Seed = 5 }, cancellationToken: TestContext.Current.CancellationToken).Values;
        Assert.Equal(expected, NpyArray.Read(_folder["a.npy.partial"]).Values[..(64 * kept)]);
    }

    /// <summary>Sends a signal to <c>flow sample</c> on the digits soon after a file of its work is there.</summary>
    private async Task<ToolRun> Interrupted(string signal, string arguments, string after)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Sends signals by Linux's means.");
        Assert.SkipWhen(Ignores(signal), "These tests were started deaf to the signal, and so is what they start.");
        Process process = ToolRun.StartProcess(["sample", Models.Digits, .. arguments.Split(' '), "--out", _folder["a.npy"]]);
        return await ToolRun.Finished(process, async () =>
        {
            while (!File.Exists(_folder[after]) && !process.HasExited)
                await Task.Delay(20, TestContext.Current.CancellationToken);
            await Task.Delay(200, TestContext.Current.CancellationToken);
            Assert.False(process.HasExited);
            await ToolRun.InShell($"kill -{signal} {process.Id}");
        });
    }

    private string OverflowingModel() =>
        _folder.CopyOf(Models.Digits, sidecar: $$"""{"prior": {"scale": {{PriorScale.ToString("R", CultureInfo.InvariantCulture)}} } }""");

    private static bool Ignores(string signal)
    {
        int number = signal switch { "HUP" => 1, "INT" => 2, _ => 15 };
        string mask = File.ReadLines("/proc/self/status").First(line => line.StartsWith("SigIgn:", StringComparison.Ordinal)).Split('\t')[1];
        return (long.Parse(mask, NumberStyles.HexNumber, CultureInfo.InvariantCulture) >> (number - 1) & 1) != 0;
    }
}
