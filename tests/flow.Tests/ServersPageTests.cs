using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.ML.OnnxRuntime;
using YamlDotNet.RepresentationModel;

namespace FlowRuntime.Tool.Tests;

/// <summary>docs/servers.md: its JSON is what the sampler of its first line takes and gives, and its manifest has an InferenceService's fields.</summary>
public sealed partial class ServersPageTests : IDisposable
{
    private static readonly string Page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Pages", "servers.md")).ReplaceLineEndings("\n");

    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Metadata_request_and_answer_are_those_of_the_pages_sampler()
    {
        Assert.Contains("flow bake exported-models/moons.onnx --method dopri5 --triton models\n", Page, StringComparison.Ordinal);
        (await ToolRun.InProcess("bake", Models.Moons, "--method", "dopri5", "--triton", _folder["models"])).EnsureSuccess();
        using var sampler = new InferenceSession(Path.Combine(_folder["models"], "moons", "1", "model.onnx"));
        JsonElement[] blocks = [.. Block("json").Select(block => JsonDocument.Parse(block).RootElement)];
        (JsonElement metadata, JsonElement request, JsonElement answer) = (blocks[0], blocks[1], blocks[2]);

        Assert.Equal(("moons", "moons"), (metadata.GetProperty("name").GetString(), answer.GetProperty("model_name").GetString()));
        Assert.Equal(Declared(sampler.InputMetadata), Told(metadata.GetProperty("inputs")));
        Assert.Equal(Declared(sampler.OutputMetadata), Told(metadata.GetProperty("outputs")));

        JsonElement[] inputs = [.. request.GetProperty("inputs").EnumerateArray()];
        Assert.Equal(Told(metadata.GetProperty("inputs")), inputs.Select(input => Line(input, rows: true)).Order(StringComparer.Ordinal));
        OrtValue[] values = [.. inputs.Select(input => OrtValue.CreateTensorValueFromMemory<float>([.. Numbers(input).Select(number => (float)number)], Shape(input)))];
        string[] wanted = [.. request.GetProperty("outputs").EnumerateArray().Select(output => output.GetProperty("name").GetString()!)];
        using var options = new RunOptions();
        using IDisposableReadOnlyCollection<OrtValue> results = sampler.Run(options, [.. inputs.Select(input => input.GetProperty("name").GetString()!)], values, wanted);

        JsonElement[] outputs = [.. answer.GetProperty("outputs").EnumerateArray()];
        Assert.Equal(wanted, outputs.Select(output => output.GetProperty("name").GetString()));
        Assert.Subset(Told(metadata.GetProperty("outputs")).ToHashSet(), outputs.Select(output => Line(output, rows: true)).ToHashSet());
        for (int i = 0; i < outputs.Length; i++)
        {
            Assert.Equal(results[i].GetTensorTypeAndShape().Shape, Shape(outputs[i]));
            double[] found = outputs[i].GetProperty("datatype").GetString() == "INT64" ? [.. results[i].GetTensorDataAsSpan<long>().ToArray().Select(number => (double)number)] : [.. results[i].GetTensorDataAsSpan<float>().ToArray().Select(number => (double)number)];
            Assert.Equal(Numbers(outputs[i]).Length, found.Length);
            Assert.All(Numbers(outputs[i]).Zip(found), pair => Assert.Equal(pair.First, pair.Second, 2e-3));
        }
        foreach (OrtValue value in values)
            value.Dispose();
    }

    /// <summary>Source: KServe's API reference, serving.kserve.io/v1beta1 InferenceService, and its runtime kserve-tritonserver.</summary>
    [Fact]
    public void The_manifest_is_an_InferenceService_of_the_Triton_runtime()
    {
        var yaml = new YamlStream();
        yaml.Load(new StringReader(Assert.Single(Block("yaml"))));
        var manifest = (YamlMappingNode)yaml.Documents.Single().RootNode;
        Assert.Equal(["apiVersion", "kind", "metadata", "spec"], manifest.Children.Keys.Select(key => ((YamlScalarNode)key).Value));
        Assert.Equal(("serving.kserve.io/v1beta1", "InferenceService"), (((YamlScalarNode)manifest["apiVersion"]).Value, ((YamlScalarNode)manifest["kind"]).Value));
        var model = (YamlMappingNode)manifest["spec"]["predictor"]["model"];
        Assert.Equal(["modelFormat", "runtime", "protocolVersion", "storageUri"], model.Children.Keys.Select(key => ((YamlScalarNode)key).Value));
        Assert.Equal(("triton", "2", "kserve-tritonserver", "v2"), (((YamlScalarNode)model["modelFormat"]["name"]).Value, ((YamlScalarNode)model["modelFormat"]["version"]).Value, ((YamlScalarNode)model["runtime"]).Value, ((YamlScalarNode)model["protocolVersion"]).Value));
    }

    private static IEnumerable<string> Block(string language) => Fenced().Matches(Page).Where(match => match.Groups[1].Value == language).Select(match => match.Groups[2].Value);

    private static IEnumerable<string> Declared(IReadOnlyDictionary<string, NodeMetadata> values) =>
        values.Select(value => $"{value.Key} {(value.Value.ElementType == typeof(long) ? "INT64" : "FP32")} [{string.Join(", ", value.Value.Dimensions)}]").Order(StringComparer.Ordinal);

    private static IEnumerable<string> Told(JsonElement values) => values.EnumerateArray().Select(value => Line(value, rows: false)).Order(StringComparer.Ordinal);

    /// <summary>A value as metadata have it: with rows, their number is −1.</summary>
    private static string Line(JsonElement value, bool rows) =>
        $"{value.GetProperty("name").GetString()} {value.GetProperty("datatype").GetString()} [{string.Join(", ", Shape(value).Select((size, i) => rows && i == 0 ? -1 : size))}]";

    private static long[] Shape(JsonElement value) => [.. value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())];

    private static double[] Numbers(JsonElement value) => [.. value.GetProperty("data").EnumerateArray().Select(number => number.GetDouble())];

    [GeneratedRegex("```(\\w+)\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Fenced();
}
