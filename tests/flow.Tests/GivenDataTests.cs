using System.Globalization;
using FlowRuntime.CommandLine;
using FlowRuntime.Likelihood;
using FlowRuntime.Sampling;
using FlowRuntime.Tests;

namespace FlowRuntime.Tool.Tests;

/// <summary>The verbs that work on given data do what the library does, bit for bit, however the work is cut.</summary>
public sealed class GivenDataTests : IDisposable
{
    private const int Rows = 21;

    private readonly WorkFolder _folder = new();
    private readonly TemporaryFolder _models = new();

    public void Dispose()
    {
        _folder.Dispose();
        _models.Dispose();
    }

    public static TheoryData<string> Layouts => ["", "--slots 1 --workers 1", "--slots 2 --workers 1"];

    [Theory, MemberData(nameof(Layouts))]
    public async Task Encoding_is_the_librarys_and_noise_is_carried_back(string layout)
    {
        float[] data = await Digits();
        (await Run($"encode {Models.Digits} --in {_folder["x.npy"]} --label 3,7 --out {_folder["z.npy"]} {layout}")).EnsureSuccess();
        (await Run($"sample {Models.Digits} --noise {_folder["z.npy"]} --label 3,7 --out {_folder["again.npy"]} {layout}")).EnsureSuccess();

        using FlowModel model = FlowModel.Open(Models.Digits);
        var options = new SamplingOptions { Labels = [3, 7] };
        float[] noise = model.Encode(data, options).EnsureSuccess().Values;
        Assert.Equal(noise, NpyArray.Read(_folder["z.npy"]).Values);
        float[] again = NpyArray.Read(_folder["again.npy"]).Values;
        Assert.Equal(model.Decode(noise, options).EnsureSuccess().Values, again);
        // What the data are off by is the error of two solves at 1e-4; grey values of 0 and 1 were cut off there, and are hardest to find again.
        Assert.InRange(Math.Sqrt(data.Zip(again, (a, b) => (a - b) * (double)(a - b)).Average()), 0, 0.01);
    }

    [Theory, MemberData(nameof(Layouts))]
    public async Task Editing_and_completing_are_the_librarys(string layout)
    {
        float[] data = await Digits();
        bool[] known = [.. Enumerable.Range(0, 64).Select(i => i < 32)];
        await File.WriteAllTextAsync(_folder["mask.csv"], string.Join(',', known.Select(one => one ? "1" : "0")) + "\n", TestContext.Current.CancellationToken);
        (await Run($"edit {Models.Digits} --in {_folder["x.npy"]} --start 0.3 --label 8 --seed 2 --out {_folder["e.npy"]} {layout}")).EnsureSuccess();
        (await Run($"inpaint {Models.Digits} --in {_folder["x.npy"]} --mask {_folder["mask.csv"]} --label 3,7 --seed 2 --out {_folder["p.npy"]} {layout}")).EnsureSuccess();

        using FlowModel model = FlowModel.Open(Models.Digits);
        Assert.Equal(model.Edit(data, 0.3, new SamplingOptions { Seed = 2, Labels = [8] }).EnsureSuccess().Values, NpyArray.Read(_folder["e.npy"]).Values);
        float[] completed = NpyArray.Read(_folder["p.npy"]).Values;
        Assert.Equal(model.Inpaint(data, known, new SamplingOptions { Seed = 2, Labels = [3, 7] }).EnsureSuccess().Values, completed);
        Assert.All(Enumerable.Range(0, data.Length).Where(i => known[i % 64]), i => Assert.Equal(data[i], completed[i], 1e-6));
    }

    [Theory, MemberData(nameof(Layouts))]
    public async Task Interpolation_goes_from_each_row_to_the_next_as_the_librarys_does(string layout)
    {
        float[] data = await Digits();
        (await Run($"interpolate {Models.Digits} --in {_folder["x.npy"]} --frames 3 --out {_folder["i.npy"]} {layout}")).EnsureSuccess();
        for (int i = 0; i < 4; i++)
            (await Run($"interpolate {Models.Digits} --in {_folder["x.npy"]} --frames 3 --shard {i}/4 --out {_folder[$"i-{i}.npy"]} {layout}")).EnsureSuccess();

        using FlowModel model = FlowModel.Open(Models.Digits);
        float[] expected = model.Interpolate(data.AsSpan(..^64), data.AsSpan(64..), 3).EnsureSuccess().Values;
        Assert.Equal([(Rows - 1) * 3, 1, 8, 8], NpyArray.Read(_folder["i.npy"]).Shape);
        Assert.Equal(expected, NpyArray.Read(_folder["i.npy"]).Values);
        Assert.Equal(expected, Enumerable.Range(0, 4).SelectMany(i => NpyArray.Read(_folder[$"i-{i}.npy"]).Values)); // shards that begin within a pair
    }

    [Theory]
    [InlineData(false, "", 2)]
    [InlineData(false, "--divergence exact --slots 1 --workers 1", 2)]
    [InlineData(true, "--divergence hutchinson --probes 3 --seed 5", 3)]
    [InlineData(true, "--probes 3 --seed 5 --slots 1 --workers 1", 3)]
    public async Task Densities_are_the_librarys(bool probe, string arguments, int columns)
    {
        string path = Symmetric(probe);
        float[] data = new float[2 * 30];
        Noise.Fill(seed: 1, index: 0, data);
        await File.WriteAllLinesAsync(_folder["points.csv"], data.Chunk(2).Select(row => FormattableString.Invariant($"{row[0]:R},{row[1]:R}")), TestContext.Current.CancellationToken);

        (await Run($"likelihood {path} --in {_folder["points.csv"]} --out {_folder["l.csv"]} {arguments}")).EnsureSuccess();

        using FlowModel model = FlowModel.Open(path);
        LikelihoodBatch batch = model.LogLikelihood(data, new LikelihoodOptions { Probes = probe ? 3 : 1, Seed = probe ? 5u : 0 }).EnsureSuccess();
        string[] lines = await File.ReadAllLinesAsync(_folder["l.csv"], TestContext.Current.CancellationToken);
        Assert.Equal(columns == 3 ? "log_density,bits_per_dimension,standard_error" : "log_density,bits_per_dimension", lines[0]);
        float[][] told = [.. lines.Skip(1).Select(line => line.Split(',').Select(cell => float.Parse(cell, CultureInfo.InvariantCulture)).ToArray())];
        Assert.Equal(batch.LogDensities.Select(value => (float)value), told.Select(row => row[0]));
        Assert.Equal(batch.BitsPerDimension.Select(value => (float)value), told.Select(row => row[1]));
        if (columns == 3)
            Assert.Equal(batch.StandardErrors!.Select(value => (float)value), told.Select(row => row[2]));
    }

    [Fact]
    public async Task A_way_to_the_divergence_that_the_model_has_not_is_refused()
    {
        await File.WriteAllTextAsync(_folder["points.csv"], "1,2\n", TestContext.Current.CancellationToken);

        foreach ((string model, string arguments, string words) in new[]
        {
            (Symmetric(probe: false), "--divergence hutchinson", "flow-train export --divergence hutchinson"),
            (Symmetric(probe: false), "--probes 4", "exactly"),
            (Symmetric(probe: true), "--divergence exact", "flow-train export --divergence exact"),
            (Models.Moons, "", "no divergence output"),
        })
        {
            ToolRun run = await Run($"likelihood {model} --in {_folder["points.csv"]} --out {_folder["l.csv"]} {arguments}");
            Assert.Equal((CommandHost.BadInput, ""), (run.ExitCode, run.Output));
            Assert.Contains(words, run.Error, StringComparison.Ordinal);
        }
        Assert.Equal(["points.csv"], _folder.Entries);
    }

    [Fact]
    public async Task A_table_is_read_by_the_names_of_its_columns_wherever_they_stand()
    {
        await File.WriteAllTextAsync(_folder["plain.csv"], "0.5,-0.25\n1.5,0.75\n", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(_folder["named.csv"], "label,y,\"x\"\none,-0.25,0.5\n\"two, or so\",0.75,1.5\n", TestContext.Current.CancellationToken);

        (await Run($"encode {Models.Moons} --in {_folder["plain.csv"]} --out {_folder["a.npy"]}")).EnsureSuccess();
        (await Run($"encode {Models.Moons} --in {_folder["named.csv"]} --out {_folder["b.npy"]}")).EnsureSuccess();
        (await Run($"inpaint {Models.Moons} --in {_folder["named.csv"]} --mask y --out {_folder["c.csv"]}")).EnsureSuccess();

        Assert.Equal(NpyArray.Read(_folder["a.npy"]).Values, NpyArray.Read(_folder["b.npy"]).Values);
        string[] completed = await File.ReadAllLinesAsync(_folder["c.csv"], TestContext.Current.CancellationToken);
        double[] kept = [.. completed.Skip(1).Select(line => double.Parse(line.Split(',')[1], CultureInfo.InvariantCulture))];
        Assert.Equal(-0.25, kept[0], 1e-6); // into the network's units and back
        Assert.Equal(0.75, kept[1], 1e-6);
    }

    [Fact]
    public async Task Pictures_that_the_tool_wrote_are_data_again_within_half_a_grey_level()
    {
        (await Run($"sample {Models.Digits} --label 3 --count 5 --out {_folder["threes/"]}")).EnsureSuccess();
        (await Run($"sample {Models.Digits} --label 3 --count 5 --out {_folder["threes.npy"]}")).EnsureSuccess();
        // With nothing to draw, completing hands the data through.
        await File.WriteAllTextAsync(_folder["all.csv"], string.Join(',', Enumerable.Repeat("1", 64)), TestContext.Current.CancellationToken);
        (await Run($"inpaint {Models.Digits} --in {_folder["threes/"]} --mask {_folder["all.csv"]} --out {_folder["read.npy"]}")).EnsureSuccess();

        Assert.Equal(["000000.png", "000001.png", "000002.png", "000003.png", "000004.png", "samples.json"],
            Directory.EnumerateFiles(_folder["threes"]).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
        Assert.All(NpyArray.Read(_folder["threes.npy"]).Values.Zip(NpyArray.Read(_folder["read.npy"]).Values), pair => Assert.InRange(pair.Second - pair.First, -0.51 / 255, 0.51 / 255));
    }

    private string Symmetric(bool probe) => TinyModel.Write(_models, probe ? "estimate.onnx" : "exact.onnx", TinyModel.Symmetric(0.3f, -0.5f, probe, column: true),
        TinyModel.Card with { Inputs = new("t", "x", probe ? "e" : null), Outputs = new("v", "divergence") });

    /// <summary>Digits drawn from the model, as x.npy.</summary>
    private async Task<float[]> Digits()
    {
        (await Run($"sample {Models.Digits} --label 3,7 --count {Rows} --seed 1 --out {_folder["x.npy"]}")).EnsureSuccess();
        return NpyArray.Read(_folder["x.npy"]).Values;
    }

    private static Task<ToolRun> Run(string commandLine) => ToolRun.InProcess(commandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
