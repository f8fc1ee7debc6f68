using System.Text.Json.Nodes;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;
using FlowRuntime.Sampling;

namespace FlowRuntime.TrainTool.Tests;

/// <summary>Runs on every kind of data, a few steps each, from the data to a model and its export.</summary>
public sealed class DataTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flow-train-data").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_table_with_labels_is_trained_on_and_exported_again()
    {
        File.WriteAllText(At("flowers.csv"), "length,kind,width,height\n" + string.Concat(
            Enumerable.Range(0, 60).Select(i => FormattableString.Invariant($"{100 + i % 7},{(i % 3 == 0 ? "rose" : "aster")},{0.1 * (i % 5)},1\n"))));
        Done(await Run($"csv:{At("flowers.csv")}", "run", "--label-column", "kind"));

        var saved = (JsonObject)JsonNode.Parse(File.ReadAllText(At("run/config.json")))!;
        Assert.Equal(($"csv:{At("flowers.csv")}", "kind"), ((string)saved["data"]!, (string)saved["label_column"]!));
        FlowCard card = CardFile.Read(At("run/model.onnx"));
        Assert.Equal(["length", "width", "height"], card.Data!.Columns!.Names);
        Assert.Equal(["aster", "rose"], card.Conditions!.Classes!.Names);
        Assert.Equal(("flowers.csv", null), (card.Provenance!.Data, card.Provenance.Licence));
        Assert.DoesNotContain(_folder, await File.ReadAllTextAsync(At("run/model.onnx")), StringComparison.Ordinal);
        using (FlowModel model = FlowModel.Open(At("run/model.onnx")))
        {
            SampleBatch samples = model.Sample(20, new SamplingOptions { Labels = [0, 1] }).EnsureSuccess();
            Assert.Equal(3, samples.Dimension);
            Assert.InRange(samples.Values.Where((_, i) => i % 3 == 0).Average(), 95, 110); // in the table's units
        }

        Done(await TrainRun.Of("export", At("run"), "--out", At("again.onnx"), "--no-tune"));
        Assert.Equal(File.ReadAllBytes(At("run/model.onnx")), File.ReadAllBytes(At("again.onnx")));
        Done(await TrainRun.Of("run", "--config", At("run/config.json"), "--no-tune", "--out", At("second")));
        Assert.Equal(OnnxFile.GraphHash(At("run/model.onnx")), OnnxFile.GraphHash(At("second/model.onnx")));
    }

    [Theory]
    [InlineData("gaussian:1")]
    [InlineData("gaussian:5")]
    [InlineData("checkerboard")]
    public async Task A_run_on_points_of_any_dimension_leaves_a_picture_and_its_figures(string data)
    {
        TrainRun run = await Run(data, "run");
        Done(run);
        Assert.Contains("energy distance to held-out data", run.Output, StringComparison.Ordinal);
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(At("run/samples.png"))[..4]);
        Assert.Equal(data, CardFile.Read(At("run/model.onnx")).Provenance!.Data);
    }

    [Fact]
    public async Task A_table_of_three_rows_and_one_column_is_enough()
    {
        File.WriteAllText(At("few.csv"), "7\n8\n9\n");
        Done(await Run($"csv:{At("few.csv")}", "run"));
        File.WriteAllText(At("two.csv"), "x,y\n5,1\n5,1\n"); // constant, too
        Done(await Run($"csv:{At("two.csv")}", "constant"));
    }

    [Theory, InlineData("s-curve"), InlineData("spirals"), InlineData("pinwheel"), InlineData("swiss-roll"), InlineData("8gaussians"), InlineData("digits"), InlineData("gaussian:7")]
    public void Every_name_is_a_data_set_of_that_name(string spec) => Assert.Equal(spec, DataSource.Load(DataSource.Resolve(spec, null), null).Name);

    private Task<TrainRun> Run(string data, string folder, params string[] more) => TrainRun.Of(
        ["run", "--data", data, "--steps", "20", "--no-tune", "--set", "network.width=16", "--set", "training.batch_size=16", "--out", At(folder), .. more]);

    private static void Done(TrainRun run) => Assert.Equal((CommandHost.Done, ""), (run.ExitCode, run.Error));

    private string At(string name) => Path.Combine(_folder, name);
}
