using System.Text;
using System.Text.Json.Nodes;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;
using FlowRuntime.Fields;
using FlowRuntime.Training.Data;
using SkiaSharp;

namespace FlowRuntime.TrainTool.Tests;

/// <summary>Runs on images of every kind of file, a few steps each, from the files to a model and its export.</summary>
public sealed class ImageDataTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flow-train-images").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Idx_files_are_trained_on_with_their_names_and_exported_again()
    {
        WriteIdx("train-images-idx3-ubyte", [30, 4, 6], i => i * 7);
        WriteIdx("train-labels-idx1-ubyte", [30], i => i % 2);
        WriteIdx("t10k-images-idx3-ubyte", [5, 4, 6], i => i * 3);
        WriteIdx("t10k-labels-idx1-ubyte", [5], i => i % 2);
        Done(await Run($"idx:{At("data")}", "--set", "class_names=[\"bag\",\"shoe\"]", "--set", "augmentation.flip=true", "--set", "augmentation.shift=1", "--set", "network.multipliers=[1,2]"));

        FlowCard card = CardFile.Read(At("run/model.onnx"));
        Assert.Equal([1, 4, 6], card.Sample.Shape);
        Assert.Equal(["bag", "shoe"], card.Conditions!.Classes!.Names);
        Assert.Equal(new ImageCard(-1, 1), card.Data!.Image);
        Assert.Equal(("data", null), (card.Provenance!.Data, card.Provenance.Licence));
        using (FlowModel model = FlowModel.Open(At("run/model.onnx")))
            Assert.All(model.Sample(4, new SamplingOptions { Labels = [0, 1] }).EnsureSuccess().Values, value => Assert.InRange(value, 0, 1));
        var saved = (JsonObject)JsonNode.Parse(File.ReadAllText(At("run/config.json")))!;
        Assert.Equal("{\"flip\":true,\"shift\":1,\"levels\":256}", saved["augmentation"]!.ToJsonString());
        Assert.False(saved.ContainsKey("as_images") || saved.ContainsKey("images"));

        Done(await TrainRun.Of("export", At("run"), "--out", At("again.onnx"), "--no-tune"));
        Assert.Equal(File.ReadAllBytes(At("run/model.onnx")), File.ReadAllBytes(At("again.onnx")));
        Done(await TrainRun.Of("run", "--config", At("run/config.json"), "--no-tune", "--out", At("second")));
        Assert.Equal(OnnxFile.GraphHash(At("run/model.onnx")), OnnxFile.GraphHash(At("second/model.onnx")));
    }

    [Fact]
    public async Task A_folder_of_images_is_trained_on_and_its_broken_files_are_told()
    {
        for (int i = 0; i < 8; i++)
            WritePicture($"data/{(i < 4 ? "cat" : "dog")}/{i}.png", (byte)(30 * i));
        File.WriteAllText(At("data/cat/broken.png"), "no image");
        TrainRun fatal = await Run($"images:{At("data")}");
        Assert.Equal(CommandHost.BadInput, fatal.ExitCode);
        Assert.Contains("broken.png is no image", Assert.Single(fatal.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.False(Directory.Exists(At("run")));

        TrainRun run = await Run($"images:{At("data")}", "--set", "images.size=5", "--set", "images.channels=grey", "--set", "images.bad_files=skip", "--set", "network.kind=mlp");
        Assert.Equal(CommandHost.Done, run.ExitCode);
        Assert.Contains("1 of 9 files were skipped", run.Error, StringComparison.Ordinal);
        FlowCard card = CardFile.Read(At("run/model.onnx"));
        Assert.Equal([1, 5, 5], card.Sample.Shape);
        Assert.Equal(["cat", "dog"], card.Conditions!.Classes!.Names);
        var saved = (JsonObject)JsonNode.Parse(File.ReadAllText(At("run/config.json")))!;
        Assert.Equal("{\"size\":5,\"channels\":\"grey\",\"bad_files\":\"skip\"}", saved["images"]!.ToJsonString());
    }

    [Fact]
    public async Task Images_are_learnt_under_the_rows_of_a_table()
    {
        for (int i = 0; i < 12; i++)
            WritePicture($"data/{i:D2}.png", (byte)(20 * i));
        File.WriteAllText(At("grey.csv"), "grey,one\n" + string.Concat(Enumerable.Range(0, 12).Select(i => $"{20 * i},1\n")));
        Done(await Run($"images:{At("data")}", "--conditions", $"csv:{At("grey.csv")}", "--set", "images.size=4", "--set", "images.channels=grey", "--set", "network.multipliers=[1]"));
        FlowCard card = CardFile.Read(At("run/model.onnx"));
        Assert.Equal(["grey", "one"], card.Conditions!.Vectors!.Single().Columns!.Names);
        Assert.Equal([110, 1], card.Conditions.Vectors!.Single().Columns!.Mean, (a, b) => Math.Abs(a - b) < 1e-9);
        var saved = (JsonObject)JsonNode.Parse(File.ReadAllText(At("run/config.json")))!;
        Assert.Equal($"csv:{At("grey.csv")}", (string)saved["conditions"]!);
        Dataset data = RunConfiguration.Read(At("run/config.json")).LoadData().Train;
        float[] images = data.InDataUnits();
        foreach ((int row, Condition condition) in data.Conditions(data.Count).Index())
            Assert.Equal(images[row * 16] * 255, 0.299 * condition.Vectors["condition"][0] + 58.7 + 22.8, 0.6); // the grey of each image's own red, green and blue

        string report = File.ReadAllText(At("run/report.html"));
        Assert.Contains("images:data", report, StringComparison.Ordinal);
        Assert.Contains("csv:grey.csv", report, StringComparison.Ordinal);
        Assert.DoesNotContain(_folder, report, StringComparison.Ordinal); // where files lie is nobody's business

        File.AppendAllText(At("grey.csv"), "1,1\n");
        Directory.Delete(At("run"), recursive: true);
        TrainRun refused = await Run($"images:{At("data")}", "--conditions", $"csv:{At("grey.csv")}");
        Assert.Equal(CommandHost.BadInput, refused.ExitCode);
        Assert.Contains("has 13 rows for 12 images of data", refused.Error, StringComparison.Ordinal);
        Assert.Contains("is about images:FOLDER and npy:FILE as images alone", (await Run("moons", "--conditions", $"csv:{At("grey.csv")}")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_array_is_images_where_that_is_asked_for_and_a_table_else()
    {
        byte[] header = [.. "{'descr': '|u1', 'fortran_order': False, 'shape': (20, 3, 2, 2), }".PadRight(117).Select(c => (byte)c), (byte)'\n'];
        File.WriteAllBytes(At("a.npy"), [0x93, .. Encoding.ASCII.GetBytes("NUMPY"), 1, 0, (byte)header.Length, 0, .. header, .. Enumerable.Range(0, 240).Select(i => (byte)i)]);
        Done(await Run($"npy:{At("a.npy")}", "--set", "as_images=true"));
        Assert.NotNull(CardFile.Read(At("run/model.onnx")).Data!.Image);
        Assert.True((bool)JsonNode.Parse(File.ReadAllText(At("run/config.json")))!["as_images"]!);
        Directory.Delete(At("run"), recursive: true);
        Done(await Run($"npy:{At("a.npy")}"));
        Assert.Null(CardFile.Read(At("run/model.onnx")).Data!.Image);
    }

    /// <summary>The command line after <c>run</c> ({0} is a folder of two images), and what its one line of error must hold.</summary>
    public static TheoryData<string, string> Mistakes => new()
    {
        { "--data idx:", "There is no data set 'idx:'" },
        { "--data idx:{0}/none", "There is no folder {0}/none" },
        { "--data idx:{0}", "{0} holds no train-images-idx3-ubyte" },
        { "--data images:{0}/none", "There is no folder {0}/none" },
        { "--data images:{0} --label-column x", "takes no label column ('x')" },
        { "--data images:{0} --set images.size=0", "field 'images.size' is 0. Give a number of pixels from 1 to 4096." },
        { "--data images:{0} --set images.channels=cmyk", "images.channels" },
        { "--data images:{0} --set class_names=[\"a\"]", "The setting 'class_names' is about idx:FOLDER alone" },
        { "--data idx:{0} --set images.size=3", "The setting 'images' is about images:FOLDER alone" },
        { "--data digits --set as_images=true", "The setting 'as_images' is about npy:FILE alone" },
        { "--data npy:{0}/a.npy --set as_images=true --label-column x0", "Images have no label column ('x0')" },
        { "--data images:{0} --set augmentation.shift=-1", "field 'augmentation.shift' is -1. Give a whole number of pixels" },
        { "--data images:{0} --set augmentation.shift=32", "A shift of 32 pixels would move images of 32 by 32 out of sight. Give at most 31." },
        { "--data moons --set augmentation.flip=true", "[2] are no images" },
    };

    [Theory, MemberData(nameof(Mistakes))]
    public async Task A_mistake_is_one_line_that_names_it_and_leaves_nothing(string commandLine, string expected)
    {
        WritePicture("data/a.png", 1);
        WritePicture("data/b.png", 2);
        TrainRun run = await TrainRun.Of(["run", "--out", At("run"), .. commandLine.Split(' ').Select(word => word.Replace("{0}", At("data"), StringComparison.Ordinal))]);
        Assert.Equal((CommandHost.BadInput, ""), (run.ExitCode, run.Output));
        Assert.Contains(expected.Replace("{0}", At("data"), StringComparison.Ordinal), Assert.Single(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.False(Directory.Exists(At("run")));
    }

    private Task<TrainRun> Run(string data, params string[] more) => TrainRun.Of(
        ["run", "--data", data, "--steps", "20", "--no-tune", "--set", "network.width=16", "--set", "training.batch_size=16", "--out", At("run"), .. more]);

    private static void Done(TrainRun run) => Assert.Equal((CommandHost.Done, ""), (run.ExitCode, run.Error));

    private void WriteIdx(string name, int[] sizes, Func<int, int> value)
    {
        Directory.CreateDirectory(At("data"));
        int count = sizes.Aggregate(1, (a, b) => a * b);
        File.WriteAllBytes(At($"data/{name}"), [0, 0, 8, (byte)sizes.Length, .. sizes.SelectMany(size => new byte[] { 0, 0, 0, (byte)size }), .. Enumerable.Range(0, count).Select(i => (byte)value(i))]);
    }

    private void WritePicture(string name, byte red)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(name))!);
        using var bitmap = new SKBitmap(6, 6);
        bitmap.Erase(new SKColor(red, 100, 200));
        using SKData png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        File.WriteAllBytes(At(name), png.ToArray());
    }

    private string At(string name) => Path.Combine(_folder, name);
}
