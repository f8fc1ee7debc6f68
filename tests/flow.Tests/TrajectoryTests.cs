using FlowRuntime.CommandLine;
using FlowRuntime.Sampling;
using SkiaSharp;

namespace FlowRuntime.Tool.Tests;

/// <summary><c>flow sample --trajectory N</c>: each sample at N times from noise to data. And files that grow while samples are drawn.</summary>
public sealed class TrajectoryTests : IDisposable
{
    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("")]
    [InlineData("--method rk4 --steps 7")]
    public async Task States_run_from_the_noise_in_data_units_to_the_sample_bit_for_bit(string solver)
    {
        const int Count = 6, Times = 5;
        string[] arguments = ["sample", Models.Moons, "--count", $"{Count}", "--seed", "3", .. solver.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--out"];
        (await ToolRun.InProcess([.. arguments, _folder["t.npy"], "--trajectory", $"{Times}"])).EnsureSuccess();
        (await ToolRun.InProcess([.. arguments, _folder["a.npy"]])).EnsureSuccess();

        NpyArray states = NpyArray.Read(_folder["t.npy"]);
        float[] samples = NpyArray.Read(_folder["a.npy"]).Values;
        Assert.Equal([Count, Times, 2], states.Shape);
        using FlowModel model = FlowModel.Open(Models.Moons);
        var columns = model.Card.Data!.Columns!;
        float[] noise = new float[2];
        for (int i = 0; i < Count; i++)
        {
            Noise.Fill(3, i, noise);
            for (int e = 0; e < 2; e++)
            {
                Assert.Equal(columns.Mean[e] + columns.Scale[e] * noise[e], states.Values[i * Times * 2 + e], 1e-5);
                Assert.Equal(samples[2 * i + e], states.Values[i * Times * 2 + (Times - 1) * 2 + e]);
            }
        }
    }

    [Fact]
    public async Task A_film_strip_shows_a_sample_a_row_and_a_time_a_column()
    {
        const int Count = 3, Times = 4, Cell = 68, Line = 4;
        string[] arguments = ["sample", Models.Digits, "--label", "all", "--count", $"{Count}", "--trajectory", $"{Times}", "--out"];
        (await ToolRun.InProcess([.. arguments, _folder["t.npy"]])).EnsureSuccess();
        (await ToolRun.InProcess([.. arguments, _folder["t.png"]])).EnsureSuccess();

        float[] values = NpyArray.Read(_folder["t.npy"]).Values;
        using SKBitmap picture = SKBitmap.Decode(_folder["t.png"]);
        Assert.Equal((Times * Cell + Line, Count * Cell + Line), (picture.Width, picture.Height));
        for (int place = 0; place < Count * Times; place++)
        {
            for (int value = 0; value < 64; value++)
            {
                byte level = (byte)MathF.Round(255 * values[place * 64 + value]);
                SKColor there = picture.GetPixel(place % Times * Cell + Line + value % 8 * 8 + 4, place / Times * Cell + Line + value / 8 * 8 + 4);
                Assert.Equal(new SKColor(level, level, level), there);
            }
        }
    }

    [Theory]
    [InlineData("moons", "t.csv", "Write .npy")]
    [InlineData("digits", "t.csv", "Write .npy")]
    public async Task A_trajectory_does_not_go_into_a_table(string model, string name, string cure)
    {
        ToolRun run = await ToolRun.InProcess("sample", model == "moons" ? Models.Moons : Models.Digits, "--count", "3", "--trajectory", "3", "--out", _folder[name]);

        Assert.Equal((CommandHost.BadInput, ""), (run.ExitCode, run.Output));
        Assert.Matches("^--trajectory: [^\n]*\n$", run.Error);
        Assert.Contains(cure, run.Error, StringComparison.Ordinal);
        Assert.Empty(_folder.Entries);
    }

    [Theory]
    [InlineData("a.npy")]
    [InlineData("a.csv")]
    public async Task A_file_is_complete_and_in_order_however_the_work_is_laid_out(string name)
    {
        string[] arguments = ["sample", Models.Moons, "--count", "5000", "--quality", "draft", "--out", _folder[name]];
        (await ToolRun.InProcess([.. arguments, "--workers", "1"])).EnsureSuccess();
        byte[] expected = await File.ReadAllBytesAsync(_folder[name], TestContext.Current.CancellationToken);

        (await ToolRun.InProcess([.. arguments, "--workers", "3", "--slots", "7"])).EnsureSuccess();

        Assert.Equal(expected, await File.ReadAllBytesAsync(_folder[name], TestContext.Current.CancellationToken));
        Assert.Equal(2, _folder.Entries.Count()); // it and the file beside it
    }
}
