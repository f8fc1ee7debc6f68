using System.Text.Json.Serialization;
using FlowRuntime.Cards;
using FlowRuntime.Onnx;

namespace FlowRuntime.Tool;

/// <summary>What <c>flow inspect --json</c> prints.</summary>
internal sealed record Inspection(
    string Model, long Bytes, long Parameters, string Graph, string Provider, string ProviderReport, string Hints, FlowCard Card);

/// <summary>What <c>flow sample --json</c> prints; the provenance file beside an output holds it too.</summary>
internal sealed record SampleReport(
    long Samples, long Failed, long Evaluations, long Accepted, long Rejected, double Seconds, double SamplesPerSecond,
    string Method, string Provider, ulong Seed, long First, string Out);

/// <summary>What <c>flow tune --json</c> prints.</summary>
internal sealed record TuningReport(string Model, double Seconds, double UntunedEvaluations, QualityCard Quality);

/// <summary>An execution provider: whether a model opens on it, and otherwise why not.</summary>
internal sealed record ProviderState(string Name, bool Works, string State);

/// <summary>What one check of a self-test found.</summary>
internal sealed record SelfTestResult(string Provider, string Check, bool Passed, string Found);

/// <summary>What <c>flow devices --json</c> prints.</summary>
internal sealed record DevicesReport(ProviderState[] Providers, ProviderDevice[] Devices, SelfTestResult[] SelfTest);

/// <summary>What <c>flow card --json</c> prints.</summary>
internal sealed record CardReport(string Model, string Out, string[] Missing);

/// <summary>The file beside an output that says how it was made.</summary>
internal sealed record OutputProvenance(
    string Model, string Graph, string[] Arguments, string Software, string Date, SampleReport Report);

/// <summary>The JSON forms, generated at compile time so that they survive trimming and AOT.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    WriteIndented = true)]
[JsonSerializable(typeof(Inspection))]
[JsonSerializable(typeof(SampleReport))]
[JsonSerializable(typeof(TuningReport))]
[JsonSerializable(typeof(OutputProvenance))]
[JsonSerializable(typeof(CardReport))]
[JsonSerializable(typeof(DevicesReport))]
[JsonSerializable(typeof(System.Text.Json.Nodes.JsonObject))]
internal sealed partial class ToolJson : JsonSerializerContext;
