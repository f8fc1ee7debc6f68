using System.Buffers.Binary;
using FlowRuntime.CommandLine;
using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.TrainTool.Tests;

/// <summary>An export that cannot be made is refused in one line and leaves nothing.</summary>
public sealed class ExportTests : IClassFixture<ExportTests.Trained>, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flow-train-export").FullName;

    public ExportTests(Trained trained)
    {
        Directory.CreateDirectory(At("run"));
        foreach (string file in Directory.GetFiles(trained.Run))
            File.Copy(file, Path.Combine(At("run"), Path.GetFileName(file)));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>A run of one step, trained once: each test has a copy of its own.</summary>
    public sealed class Trained : IAsyncLifetime
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("flow-train-exported").FullName;

        public string Run => Path.Combine(_folder, "run");

        public async ValueTask InitializeAsync() =>
            Assert.Equal(CommandHost.Done, (await TrainRun.Of("run", "--data", "moons", "--steps", "1", "--set", "network.width=16", "--no-tune", "--out", Run)).ExitCode);

        public ValueTask DisposeAsync()
        {
            Directory.Delete(_folder, recursive: true);
            return ValueTask.CompletedTask;
        }
    }

    [Theory]
    [InlineData("noise,steps")]
    [InlineData("noise,rtol,atol", "--method", "tsit5")]
    [InlineData("noise,steps", "--divergence", "hutchinson")]
    public async Task A_sampler_is_written_beside_the_model(string inputs, params string[] options)
    {
        TrainRun run = await TrainRun.Of(["export", At("run"), "--no-tune", "--out", At("m.onnx"), "--sampler", At("s.onnx"), .. options]);
        Assert.Equal(CommandHost.Done, run.ExitCode);
        using var sampler = new InferenceSession(At("s.onnx"));
        Assert.Equal(inputs.Split(','), sampler.InputMetadata.Keys);
        Assert.Equal(2, run.Output.TrimEnd().Split('\n').Length);
    }

    [Theory]
    [InlineData("--sampler: ", "--sampler", "{model}")]
    [InlineData("--sampler: ", "--sampler", "{sampler}.txt")]
    [InlineData("--method: ", "--method", "heun")]
    [InlineData("--method: ", "--sampler", "{sampler}", "--method", "hoin")]
    [InlineData("bosh3 is not baked", "--sampler", "{sampler}", "--method", "bosh3")]
    public async Task What_is_no_sampler_is_refused_before_anything_is_written(string begins, params string[] options)
    {
        TrainRun run = await TrainRun.Of(["export", At("run"), "--out", At("m.onnx"), .. options.Select(word => word.Replace("{model}", At("m.onnx")).Replace("{sampler}", At("s.onnx")))]);
        Assert.Equal(CommandHost.BadInput, run.ExitCode);
        Assert.StartsWith(begins, run.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(At("m.onnx")) || File.Exists(At("s.onnx")));
    }

    [Fact]
    public async Task An_output_that_cannot_be_written_is_refused()
    {
        Directory.CreateDirectory(At("folder.onnx"));

        await Refused(At("no-such-folder/m.onnx"), "--out", "no-such-folder", "Make it first");
        await Refused(At("folder.onnx"), "--out", "is a folder", "Name a file");
        await Refused(At("run/config.json/m.onnx"), "--out");
    }

    [Fact]
    public async Task Broken_weights_are_refused_wherever_they_end()
    {
        byte[] whole = await File.ReadAllBytesAsync(At("run/weights.safetensors"), TestContext.Current.CancellationToken);
        int header = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(whole);
        foreach (int length in new[] { 0, 7, 8, header / 2, header, whole.Length - 1 })
        {
            await File.WriteAllBytesAsync(At("run/weights.safetensors"), whole[..length], TestContext.Current.CancellationToken);
            await Refused(At("m.onnx"), "weights.safetensors");
        }
        byte[] endless = [.. whole];
        BinaryPrimitives.WriteUInt64LittleEndian(endless, 1UL << 62);
        await File.WriteAllBytesAsync(At("run/weights.safetensors"), endless, TestContext.Current.CancellationToken);
        await Refused(At("m.onnx"), "weights.safetensors", $"{1UL << 62}");
    }

    [Fact]
    public async Task Weights_of_another_network_are_refused_by_the_tensor_that_differs()
    {
        string configuration = await File.ReadAllTextAsync(At("run/config.json"), TestContext.Current.CancellationToken);
        async Task Saying(string was, string now) =>
            await File.WriteAllTextAsync(At("run/config.json"), configuration.Replace(was, now, StringComparison.Ordinal), TestContext.Current.CancellationToken);

        await Saying("\"width\": 16", "\"width\": 24");
        await Refused(At("m.onnx"), "weights.safetensors", "tensor '", "belongs to another network");
        await Saying("\"blocks\": 3", "\"blocks\": 4");
        await Refused(At("m.onnx"), "there is no tensor '", "belongs to another network");
        await Saying("\"moons\"", "\"digits\"");
        await Refused(At("m.onnx"), "tensor '", "belongs to another network");
    }

    [Fact]
    public async Task Weights_that_are_not_finite_are_not_exported()
    {
        byte[] bytes = await File.ReadAllBytesAsync(At("run/weights.safetensors"), TestContext.Current.CancellationToken);
        bytes.AsSpan(8 + (int)BinaryPrimitives.ReadInt64LittleEndian(bytes)).Fill(0xFF); // NaN
        await File.WriteAllBytesAsync(At("run/weights.safetensors"), bytes, TestContext.Current.CancellationToken);
        await Refused(At("m.onnx"), "weights.safetensors: the checksum does not fit", "damaged");

        "sha25x"u8.CopyTo(bytes.AsSpan(bytes.AsSpan().IndexOf("sha256"u8))); // as a file of others, without one
        await File.WriteAllBytesAsync(At("run/weights.safetensors"), bytes, TestContext.Current.CancellationToken);
        await Refused(At("m.onnx"), "predictions are not finite", "train it again");
    }

    [Fact]
    public async Task A_broken_configuration_is_refused_by_file_and_field()
    {
        await File.WriteAllTextAsync(At("run/config.json"), "{", TestContext.Current.CancellationToken);
        await Refused(At("m.onnx"), "config.json", "not JSON");
        await File.WriteAllTextAsync(At("run/config.json"), """{"data": "moons"}""", TestContext.Current.CancellationToken);
        await Refused(At("m.onnx"), "config.json", "is missing");
    }

    /// <summary>Exports, and requires one line with these words, exit code 2, and that no file comes or goes.</summary>
    private async Task Refused(string path, params string[] words)
    {
        string[] before = Everything();
        TrainRun export = await TrainRun.Of("export", At("run"), "--out", path);

        Assert.Equal((CommandHost.BadInput, ""), (export.ExitCode, export.Output));
        Assert.Matches("^[^\n]*[^\n ][^\n]*\n$", export.Error);
        Assert.All(words, word => Assert.Contains(word, export.Error, StringComparison.Ordinal));
        Assert.Equal(before, Everything());
    }

    private string At(string name) => Path.Combine(_folder, name);

    private string[] Everything() => [.. Directory.GetFileSystemEntries(_folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
}
