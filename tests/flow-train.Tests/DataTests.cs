using System.Text.Json.Nodes;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;
using FlowRuntime.Fields;
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

    [Fact]
    public async Task A_table_with_conditions_is_learnt_under_them()
    {
        // y = 3 c + noise of 0.1, with c from 10 to 12: under c the mean is 3 c.
        File.WriteAllText(At("line.csv"), "c,y\n" + string.Concat(Enumerable.Range(0, 2000).Select(i =>
            FormattableString.Invariant($"{10 + i * 7919 % 2000 / 1000.0},{3 * (10 + i * 7919 % 2000 / 1000.0) + 0.1 * Math.Sin(i * 12.9898)}\n"))));
        Done(await TrainRun.Of("run", "--data", $"csv:{At("line.csv")}", "--condition-columns", "c", "--steps", "1500", "--out", At("run"), "--set", "objective.coupling=conditional-optimal-transport", "--set", "training.batch_size=128"));

        var saved = (JsonObject)JsonNode.Parse(File.ReadAllText(At("run/config.json")))!;
        Assert.Equal("c", (string)saved["condition_columns"]![0]!);
        using FlowModel model = FlowModel.Open(At("run/model.onnx"));
        Assert.Equal(["y"], model.Card.Data!.Columns!.Names);
        Assert.True(model.HintsApply);
        foreach (float c in new[] { 10.2f, 11, 11.8f })
        {
            var condition = new Condition { Vectors = new Dictionary<string, float[]> { ["condition"] = [c] } };
            float[] values = model.Sample(200, new SamplingOptions { Conditions = [condition] }).EnsureSuccess().Values;
            Assert.InRange(values.Average(), 3 * c - 0.12, 3 * c + 0.12);
            Assert.InRange(values.Max() - values.Min(), 0, 1.5); // all of the data: 6
        }
        float[] all = model.Sample(300).EnsureSuccess().Values;
        Assert.InRange(all.Average(), 32.5, 33.5);
        Assert.True(all.Max() - all.Min() > 4);

        Assert.Equal(CommandHost.Done, (await TrainRun.Of("evaluate", At("run"), "--samples", "200", "--densities", "20")).ExitCode);
        var evaluation = (JsonObject)JsonNode.Parse(File.ReadAllText(At("run/evaluation.json")))!;
        double density = (double)evaluation["figures"]!.AsArray().Single(figure => (string)figure!["name"]! == "negative log-likelihood")!["value"]!;
        Assert.InRange(density, -1.6, -0.4); // of 0.1 sin: −0.9 at its evenest, and 1.8 for y without its condition
        Done(await TrainRun.Of("export", At("run"), "--out", At("int8.onnx"), "--precision", "int8", "--max-change", "1", "--no-tune"));
        TrainRun refused = await TrainRun.Of("run", "--data", "moons", "--condition-columns", "c", "--out", At("none"));
        Assert.Equal(CommandHost.BadInput, refused.ExitCode);
        Assert.Contains("'moons' takes no condition columns ('c'); tables do", refused.Error, StringComparison.Ordinal);
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
