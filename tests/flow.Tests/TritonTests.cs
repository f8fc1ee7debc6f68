using System.Diagnostics;
using FlowRuntime.CommandLine;
using FlowRuntime.Tool.Tests.Triton;
using Microsoft.ML.OnnxRuntime;

namespace FlowRuntime.Tool.Tests;

/// <summary><c>flow bake --triton</c> writes a model repository whose configuration is one by Triton's schema and says what the sampler is.</summary>
public sealed class TritonTests : IDisposable
{
    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Entry(string name = "digits") => Path.Combine(_folder["models"], name);

    [Theory]
    [InlineData(256, "--method", "dopri5")]
    [InlineData(256, "--method", "tsit5", "--guidance", "false", "--trajectory")]
    [InlineData(256, "--steps", "5")]
    [InlineData(8, "--method", "euler", "--steps", "5", "--trajectory", "--triton-max-batch", "8")]
    [InlineData(0)]
    [InlineData(0, "--method", "rk4", "--guidance", "false")]
    public async Task The_configuration_is_the_schemas_and_has_the_samplers_inputs_and_outputs(int maxBatch, params string[] options)
    {
        ToolRun run = (await ToolRun.InProcess(["bake", Models.Digits, "--triton", _folder["models"], .. options])).EnsureSuccess();
        Assert.Contains(maxBatch == 0 ? "max_batch_size 0: requests are not put together, since 'steps' has no row for each sample; --steps bakes them" : $"put together up to {maxBatch} samples", run.Output, StringComparison.Ordinal);
        Assert.Single(run.Output.TrimEnd('\n').Split('\n'));
        Assert.Equal(["models"], _folder.Entries);
        Assert.Equal(["1", "1/model.onnx", "config.pbtxt"], Directory.EnumerateFileSystemEntries(Entry(), "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(Entry(), path).Replace('\\', '/')).Order(StringComparer.Ordinal));

        ModelConfig config = ModelConfig.Parser.ParseFrom(await Encoded(await File.ReadAllTextAsync(Path.Combine(Entry(), "config.pbtxt"), TestContext.Current.CancellationToken)));
        Assert.Equal(("digits", "onnxruntime", maxBatch), (config.Name, config.Backend, config.MaxBatchSize));
        Assert.Equal(maxBatch > 0, config.SchedulingChoiceCase == ModelConfig.SchedulingChoiceOneofCase.DynamicBatching);
        using var sampler = new InferenceSession(Path.Combine(Entry(), "1", "model.onnx"));
        int left = maxBatch > 0 ? 1 : 0; // dimensions that the configuration leaves out
        Assert.Equal(Declared(sampler.InputMetadata, left), config.Input.Select(input => Line(input.Name, input.DataType, input.Dims)).Order(StringComparer.Ordinal));
        Assert.Equal(Declared(sampler.OutputMetadata, left), config.Output.Select(output => Line(output.Name, output.DataType, output.Dims)).Order(StringComparer.Ordinal));
        Assert.All(config.Input.Select(input => input.Dims).Concat(config.Output.Select(output => output.Dims)), Assert.NotEmpty);
        Assert.Equal(maxBatch > 0, sampler.InputMetadata.Values.Concat(sampler.OutputMetadata.Values).All(value => value.Dimensions[0] == -1));
    }

    [Fact]
    public async Task A_field_that_the_schema_has_not_is_found()
    {
        Exception refusal = await Assert.ThrowsAnyAsync<Exception>(() => Encoded("name: \"digits\"\nmax_batch: 8\n"));
        Assert.Contains("no field named \"max_batch\"", refusal.Message, StringComparison.Ordinal); // as protoc says it
    }

    [Fact]
    public async Task File_and_repository_hold_the_same_sampler_under_the_files_name()
    {
        ToolRun run = (await ToolRun.InProcess("bake", Models.Moons, "--method", "dopri5", "--out", _folder["drawn.onnx"], "--triton", _folder["models"])).EnsureSuccess();
        Assert.Equal(2, run.Output.TrimEnd('\n').Split('\n').Length);
        Assert.Equal(["drawn"], Directory.EnumerateFileSystemEntries(_folder["models"]).Select(Path.GetFileName));
        Assert.Equal(await File.ReadAllBytesAsync(_folder["drawn.onnx"], TestContext.Current.CancellationToken), await File.ReadAllBytesAsync(Path.Combine(Entry("drawn"), "1", "model.onnx"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task What_was_written_before_is_replaced_and_what_others_put_there_is_not()
    {
        (await ToolRun.InProcess("bake", Models.Digits, "--triton", _folder["models"])).EnsureSuccess();
        (await ToolRun.InProcess("bake", Models.Digits, "--steps", "3", "--triton", _folder["models"])).EnsureSuccess();
        string config = await File.ReadAllTextAsync(Path.Combine(Entry(), "config.pbtxt"), TestContext.Current.CancellationToken);
        Assert.Contains("max_batch_size: 256", config, StringComparison.Ordinal);
        Assert.Equal(["digits"], Directory.EnumerateFileSystemEntries(_folder["models"]).Select(Path.GetFileName));

        await File.WriteAllTextAsync(Path.Combine(Entry(), "labels.txt"), "mine", TestContext.Current.CancellationToken);
        ToolRun refused = await ToolRun.InProcess("bake", Models.Digits, "--triton", _folder["models"]);
        RequireRefused(refused, "--triton: ", "was not written by flow bake");
        Assert.Equal(config, await File.ReadAllTextAsync(Path.Combine(Entry(), "config.pbtxt"), TestContext.Current.CancellationToken));

        File.Delete(Path.Combine(Entry(), "labels.txt"));
        await File.WriteAllTextAsync(Path.Combine(Entry(), "config.pbtxt"), "name: \"digits\"\n", TestContext.Current.CancellationToken); // another's
        RequireRefused(await ToolRun.InProcess("bake", Models.Digits, "--triton", _folder["models"]), "--triton: ", "was not written by flow bake");
    }

    [Theory]
    [InlineData("--out: ", "--triton")]
    [InlineData("--triton-max-batch: ", "at least 1", "--triton", "{models}", "--triton-max-batch", "0")]
    [InlineData("--triton-max-batch: ", "for --triton", "--out", "{models}.onnx", "--triton-max-batch", "8")]
    [InlineData("--triton: ", "letters, digits", "--triton", "{models}", "--out", "{models} 2.onnx")]
    [InlineData("--triton: ", "There is no folder", "--triton", "{models}/deeper")]
    [InlineData("--triton: ", "cannot be written", "--triton", "{models}{long}")]
    [InlineData("--triton: ", "no name", "--triton", "{models}", "--out", "{folder}/.onnx")]
    [InlineData("bosh3 is not baked", "dopri5 or tsit5", "--triton", "{models}", "--method", "bosh3")]
    public async Task What_cannot_be_served_is_refused_in_a_line_and_nothing_is_written(string begins, string says, params string[] options)
    {
        string[] given = [.. options.Select(word => word.Replace("{models}", _folder["models"], StringComparison.Ordinal).Replace("{long}", new string('a', 300), StringComparison.Ordinal).Replace("{folder}", Path.GetDirectoryName(_folder["models"]), StringComparison.Ordinal))];
        RequireRefused(await ToolRun.InProcess(["bake", Models.Digits, .. given]), begins, says);
        Assert.Empty(_folder.Entries);
    }

    private static void RequireRefused(ToolRun run, string begins, string says)
    {
        Assert.Equal((CommandHost.BadInput, ""), (run.ExitCode, run.Output));
        Assert.StartsWith(begins, run.Error, StringComparison.Ordinal);
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd('\n').Split('\n'));
    }

    /// <summary>What ONNX Runtime finds in a sampler, as <see cref="Line"/> has it.</summary>
    private static IEnumerable<string> Declared(IReadOnlyDictionary<string, NodeMetadata> values, int left) =>
        values.Select(value => Line(value.Key, value.Value.ElementType == typeof(long) ? DataType.TypeInt64 : value.Value.ElementType == typeof(float) ? DataType.TypeFp32 : DataType.TypeInvalid, value.Value.Dimensions.Skip(left).Select(size => (long)size))).Order(StringComparer.Ordinal);

    private static string Line(string name, DataType type, IEnumerable<long> shape) => $"{name} {type} [{string.Join(", ", shape)}]";

    /// <summary>A configuration as bytes of its message: protoc knows the text format, and fails at what the schema has not.</summary>
    private static async Task<byte[]> Encoded(string config)
    {
        string protoc = Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "protoc.exe" : "protoc");
        using Process process = Process.Start(new ProcessStartInfo(protoc, ["-I", Path.Combine(AppContext.BaseDirectory, "Triton"), "--encode=inference.ModelConfig", "model_config.proto"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.StandardInput.WriteAsync(config);
        process.StandardInput.Close();
        using var bytes = new MemoryStream();
        await process.StandardOutput.BaseStream.CopyToAsync(bytes, TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, await error);
        return bytes.ToArray();
    }
}
