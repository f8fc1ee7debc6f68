using System.Globalization;
using System.Text.Json;
using FlowRuntime.Ode;
using FlowRuntime.Paths;
using SkiaSharp;

namespace FlowRuntime.Tool.Tests;

/// <summary>The files <c>flow sample</c> writes hold the runtime's samples.</summary>
public sealed class SampleFileTests : IDisposable
{
    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_npy_file_holds_the_samples_of_the_runtime_bit_for_bit()
    {
        (await ToolRun.InProcess("sample", Models.Digits, "--label", "3,7", "--count", "20", "--seed", "7", "--out", _folder["a.npy"])).EnsureSuccess();

        using FlowModel model = FlowModel.Open(Models.Digits);
        float[] expected = model.Sample(20, new SamplingOptions { Seed = 7, Labels = [3, 7] }, cancellationToken: TestContext.Current.CancellationToken).Values;
        NpyArray array = NpyArray.Read(_folder["a.npy"]);
        Assert.Equal([20, .. model.Card.Sample.Shape], array.Shape);
        Assert.Equal(expected, array.Values);
    }

    [Fact]
    public async Task Points_are_in_their_columns_units()
    {
        (await ToolRun.InProcess("sample", Models.Moons, "--count", "50", "--out", _folder["a.npy"])).EnsureSuccess();

        using FlowModel model = FlowModel.Open(Models.Moons);
        var columns = model.Card.Data!.Columns!;
        float[] states = OdeSolver.Solve(new OdeProblem
        {
            Field = model.Field,
            Count = 50,
            InitialState = (index, state) => Sampling.Noise.Fill(0, index, state),
            Solver = model.Defaults.Solver!,
            Path = ProbabilityPath.Of(model.Card.Path),
        }, cancellationToken: TestContext.Current.CancellationToken).Values;
        NpyArray array = NpyArray.Read(_folder["a.npy"]);
        Assert.Equal([50, 2], array.Shape);
        Assert.All(array.Values, (value, i) => Assert.Equal(columns.Mean[i % 2] + columns.Scale[i % 2] * states[i], value, 1e-5));
    }

    [Theory]
    [InlineData("")]
    [InlineData("--slots 1")]
    [InlineData("--slots 7 --workers 2")]
    [InlineData("--workers 3")]
    [InlineData("--threads 2")]
    public async Task Two_halves_are_the_whole_however_the_work_is_laid_out(string layout)
    {
        string[] common = ["sample", Models.Digits, "--label", "all", "--seed", "7"];
        string[] laidOut = [.. common, .. layout.Split(' ', StringSplitOptions.RemoveEmptyEntries)];

        (await ToolRun.InProcess([.. common, "--count", "100", "--out", _folder["whole.npy"]])).EnsureSuccess();
        (await ToolRun.InProcess([.. laidOut, "--count", "50", "--out", _folder["first.npy"]])).EnsureSuccess();
        (await ToolRun.InProcess([.. laidOut, "--count", "50", "--first", "50", "--out", _folder["second.npy"]])).EnsureSuccess();

        float[] halves = [.. NpyArray.Read(_folder["first.npy"]).Values, .. NpyArray.Read(_folder["second.npy"]).Values];
        Assert.Equal(NpyArray.Read(_folder["whole.npy"]).Values, halves);
    }

    [Fact]
    public async Task More_samples_than_are_drawn_at_a_time_follow_one_another_without_a_seam()
    {
        const int AtATime = (1 << 24) / 64; // the tool draws 2²⁴ values at a time
        string[] arguments = ["sample", Models.Digits, "--label", "all", "--method", "euler", "--steps", "1", "--json", "--out"];
        ToolRun many = (await ToolRun.InProcess([.. arguments, _folder["many.npy"], "--count", $"{AtATime + 2}"])).EnsureSuccess();
        (await ToolRun.InProcess([.. arguments, _folder["seam.npy"], "--first", $"{AtATime - 2}", "--count", "4"])).EnsureSuccess();

        NpyArray array = NpyArray.Read(_folder["many.npy"]);
        Assert.Equal(AtATime + 2, array.Shape[0]);
        Assert.Equal(NpyArray.Read(_folder["seam.npy"]).Values, array.Values[^(4 * 64)..]);
        using JsonDocument report = JsonDocument.Parse(many.Output);
        Assert.Equal(AtATime + 2, report.RootElement.GetProperty("evaluations").GetInt64());
    }

    [Fact]
    public async Task Another_seed_gives_other_samples()
    {
        (await ToolRun.InProcess("sample", Models.Moons, "--count", "10", "--out", _folder["a.npy"])).EnsureSuccess();
        (await ToolRun.InProcess("sample", Models.Moons, "--count", "10", "--seed", "1", "--out", _folder["b.npy"])).EnsureSuccess();

        Assert.All(NpyArray.Read(_folder["a.npy"]).Values.Zip(NpyArray.Read(_folder["b.npy"]).Values), pair => Assert.NotEqual(pair.First, pair.Second));
    }

    [Fact]
    public async Task A_csv_file_has_the_columns_of_the_card_and_the_same_numbers()
    {
        (await ToolRun.InProcess("sample", Models.Moons, "--count", "30", "--out", _folder["a.csv"])).EnsureSuccess();
        (await ToolRun.InProcess("sample", Models.Moons, "--count", "30", "--out", _folder["a.npy"])).EnsureSuccess();

        using FlowModel model = FlowModel.Open(Models.Moons);
        string text = await File.ReadAllTextAsync(_folder["a.csv"], TestContext.Current.CancellationToken);
        Assert.DoesNotContain('\r', text);
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        string[] lines = text.TrimEnd('\n').Split('\n');
        Assert.Equal(string.Join(',', model.Card.Data!.Columns!.Names), lines[0]);
        Assert.Equal(31, lines.Length);
        Assert.All(lines, line => Assert.Equal(2, line.Split(',').Length));
        Assert.Equal(NpyArray.Read(_folder["a.npy"]).Values, Numbers(lines[1..]));
    }

    [Fact]
    public async Task Columns_without_names_are_numbered()
    {
        (await ToolRun.InProcess("sample", Models.Digits, "--count", "3", "--out", _folder["a.csv"])).EnsureSuccess();
        (await ToolRun.InProcess("sample", Models.Digits, "--count", "3", "--out", _folder["a.npy"])).EnsureSuccess();

        string[] lines = await File.ReadAllLinesAsync(_folder["a.csv"], TestContext.Current.CancellationToken);
        Assert.Equal(string.Join(',', Enumerable.Range(0, 64).Select(i => $"x{i}")), lines[0]);
        Assert.Equal(NpyArray.Read(_folder["a.npy"]).Values, Numbers(lines[1..]));
    }

    [Fact]
    public async Task A_column_name_with_a_comma_or_a_quote_is_quoted()
    {
        string model = _folder.CopyOf(Models.Moons, sidecar: """{"data": {"columns": {"names": ["width, cm", "the \"height\""]}}}""");

        (await ToolRun.InProcess("sample", model, "--count", "1", "--out", _folder["a.csv"])).EnsureSuccess();

        Assert.Equal("\"width, cm\",\"the \"\"height\"\"\"", (await File.ReadAllLinesAsync(_folder["a.csv"], TestContext.Current.CancellationToken))[0]);
    }

    [Theory]
    [InlineData("--label all", 20, 10)] // a column for each class
    [InlineData("--label 3,1,4", 7, 3)]
    [InlineData("--label 3", 5, 3)]     // as square as can be
    [InlineData("", 10, 4)]
    public async Task A_picture_of_images_shows_every_sample_in_its_place(string labels, int count, int columns)
    {
        string[] arguments = ["sample", Models.Digits, "--count", $"{count}", .. labels.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--out"];

        (await ToolRun.InProcess([.. arguments, _folder["a.png"]])).EnsureSuccess();
        (await ToolRun.InProcess([.. arguments, _folder["a.npy"]])).EnsureSuccess();

        // 8×8 values become 64×64 pixels, with lines of 4 pixels around and between.
        const int Magnification = 8, Cell = 68, Line = 4;
        float[] values = NpyArray.Read(_folder["a.npy"]).Values;
        int rows = (count + columns - 1) / columns;
        using SKBitmap picture = SKBitmap.Decode(_folder["a.png"]);
        Assert.Equal((columns * Cell + Line, rows * Cell + Line), (picture.Width, picture.Height));
        SKColor line = picture.GetPixel(0, 0);
        for (int place = 0; place < rows * columns; place++)
        {
            (int left, int top) = (place % columns * Cell + Line, place / columns * Cell + Line);
            for (int y = 0; y < 64; y++)
            {
                for (int x = 0; x < 64; x++)
                {
                    SKColor expected = place < count ? Grey(values[place * 64 + y / Magnification * 8 + x / Magnification]) : line;
                    if (picture.GetPixel(left + x, top + y) != expected)
                        Assert.Fail($"Place {place}, pixel ({x}, {y}) is {picture.GetPixel(left + x, top + y)}, not {expected}.");
                }
            }
            Assert.Equal(line, picture.GetPixel(left - 1, top + 32));
            Assert.Equal(line, picture.GetPixel(left + 64, top + 32));
        }
    }

    [Fact]
    public async Task A_picture_of_points_has_ink_where_the_samples_are()
    {
        (await ToolRun.InProcess("sample", Models.Moons, "--count", "300", "--out", _folder["a.png"])).EnsureSuccess();
        (await ToolRun.InProcess("sample", Models.Moons, "--count", "300", "--out", _folder["a.npy"])).EnsureSuccess();

        using SKBitmap picture = SKBitmap.Decode(_folder["a.png"]);
        float[] values = NpyArray.Read(_folder["a.npy"]).Values;
        float[] x = [.. values.Where((_, i) => i % 2 == 0)], y = [.. values.Where((_, i) => i % 2 == 1)];
        // One scale for both axes; the wider extent fills the picture up to a margin; y points up.
        double scale = (picture.Width - 80) / Math.Max(x.Max() - x.Min(), y.Max() - y.Min());
        int inked = 0;
        for (int i = 0; i < x.Length; i++)
        {
            int column = (int)(picture.Width / 2.0 + (x[i] - (x.Max() + x.Min()) / 2) * scale);
            int row = (int)(picture.Height / 2.0 - (y[i] - (y.Max() + y.Min()) / 2) * scale);
            inked += picture.GetPixel(column, row) is { Blue: var blue, Red: var red } && blue > red ? 1 : 0;
        }
        Assert.Equal(x.Length, inked);
        Assert.InRange(picture.Pixels.Count(pixel => pixel == SKColors.White), picture.Pixels.Length / 2, picture.Pixels.Length - 1);
    }

    [Fact]
    public async Task An_earlier_file_of_that_name_is_replaced()
    {
        await File.WriteAllTextAsync(_folder["a.csv"], new string('x', 100_000), TestContext.Current.CancellationToken);

        (await ToolRun.InProcess("sample", Models.Moons, "--count", "1", "--out", _folder["a.csv"])).EnsureSuccess();

        Assert.Equal(2, (await File.ReadAllLinesAsync(_folder["a.csv"], TestContext.Current.CancellationToken)).Length);
        Assert.Equal(["a.csv", "a.json"], _folder.Entries);
    }

    private static float[] Numbers(IEnumerable<string> lines) =>
        [.. lines.SelectMany(line => line.Split(',')).Select(cell => float.Parse(cell, CultureInfo.InvariantCulture))];

    private static SKColor Grey(float value)
    {
        byte level = (byte)MathF.Round(255 * value);
        return new SKColor(level, level, level);
    }
}
