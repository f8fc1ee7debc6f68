using System.Text.Json.Serialization;

namespace FlowRuntime.Bench;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(Figure[]))]
internal sealed partial class BenchJson : JsonSerializerContext;
