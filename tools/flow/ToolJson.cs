using System.Globalization;
using System.Text.Json.Serialization;
using FlowRuntime.Cards;
using FlowRuntime.Onnx;
using FlowRuntime.Tool.Jobs;
using FlowRuntime.Tool.Output;

namespace FlowRuntime.Tool;

/// <summary>What <c>flow inspect --json</c> prints.</summary>
internal sealed record Inspection(
    string Model, long Bytes, long Parameters, string Graph, string Provider, string ProviderReport, string[] Providers, string Hints, FlowCard Card);

/// <summary>What the verbs that draw rows print with <c>--json</c>; the provenance file beside an output holds it too.</summary>
internal sealed record SampleReport(
    long Samples, long Failed, long Evaluations, long Accepted, long Rejected, double Seconds, double SamplesPerSecond,
    string Method, string Provider, ulong Seed, long First, string Out);

/// <summary>What <c>--dry-run --json</c> prints: the cost of a job before it is begun.</summary>
internal sealed record CostEstimate(
    long Samples, double EvaluationsPerSample, double Seconds, double SamplesPerSecond, long OutputBytes, long? FreeBytes, long MemoryBytes, long AvailableMemoryBytes,
    int Workers, int Slots, string Method, string Provider, string Out);

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

/// <summary>What <c>flow bench --json</c> prints.</summary>
internal sealed record BenchReport(
    string Model, string Provider, string Method, int Samples, int Workers, int Slots, double OpenSeconds, double FirstSampleSeconds, double SamplesPerSecond,
    double EvaluationsPerSample, long Calls, double RowsPerCall, double NetworkSeconds, double OverheadShare, long PeakMemoryBytes);

/// <summary>The file beside an output that says how it was made.</summary>
/// <param name="Model">The model's file.</param>
/// <param name="Graph">SHA-256 of its graph.</param>
/// <param name="Arguments">The command line.</param>
/// <param name="Settings">All that the rows depend on.</param>
/// <param name="Rows">What a row is.</param>
/// <param name="Software">What made it.</param>
/// <param name="Date">When it was complete, in universal time.</param>
/// <param name="Report">What it cost.</param>
internal sealed record OutputProvenance(
    string Model, string Graph, string[] Arguments, SortedDictionary<string, string> Settings, RowDescription Rows, string Software, string Date, SampleReport Report)
{
    /// <summary>How an output that has just been made was made.</summary>
    public static OutputProvenance Of(string model, string[] arguments, SortedDictionary<string, string> settings, RowDescription rows, SampleReport report) => new(
        model, settings["graph"], arguments, settings, rows, $"FlowRuntime {typeof(FlowModel).Assembly.GetName().Version!.ToString(3)}",
        DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture), report);
}

/// <summary>The JSON forms, generated at compile time so that they survive trimming and AOT.</summary>
[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata,
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    WriteIndented = true)]
[JsonSerializable(typeof(Inspection))]
[JsonSerializable(typeof(SampleReport))]
[JsonSerializable(typeof(CostEstimate))]
[JsonSerializable(typeof(TuningReport))]
[JsonSerializable(typeof(OutputProvenance))]
[JsonSerializable(typeof(JobState))]
[JsonSerializable(typeof(CardReport))]
[JsonSerializable(typeof(DevicesReport))]
[JsonSerializable(typeof(BenchReport))]
[JsonSerializable(typeof(System.Text.Json.Nodes.JsonObject))]
internal sealed partial class ToolJson : JsonSerializerContext;
