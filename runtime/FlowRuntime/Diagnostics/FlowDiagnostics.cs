using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace FlowRuntime.Diagnostics;

/// <summary>
/// The metrics and traces of this library, for whoever listens: in OpenTelemetry <c>AddMeter(FlowDiagnostics.Name)</c> and <c>AddSource(FlowDiagnostics.Name)</c>. Where nobody does they
/// cost nothing.
/// </summary>
/// <remarks>
/// Every solve is one activity, named by operation and model, and is counted in <c>flowruntime.solves</c>, <c>flowruntime.solves.active</c>, <c>flowruntime.solve.duration</c> (s),
/// <c>flowruntime.samples</c> (by <c>flowruntime.sample.status</c>), <c>flowruntime.evaluations</c> and <c>flowruntime.steps.rejected</c>, each with the attributes
/// <c>flowruntime.operation</c>, <c>flowruntime.model</c> and <c>flowruntime.method</c>; one that ends by an exception has <c>error.type</c> besides.
/// </remarks>
public static class FlowDiagnostics
{
    /// <summary>Name of the meter and of the activity source.</summary>
    public const string Name = "FlowRuntime";

    private static readonly string Version = typeof(FlowDiagnostics).Assembly.GetName().Version!.ToString(3);

    internal static ActivitySource Activities { get; } = new(Name, Version);

    internal static Counter<long> Solves { get; }

    internal static UpDownCounter<long> ActiveSolves { get; }

    internal static Histogram<double> Duration { get; }

    internal static Counter<long> Samples { get; }

    internal static Counter<long> Evaluations { get; }

    internal static Counter<long> RejectedSteps { get; }

    static FlowDiagnostics()
    {
        var meter = new Meter(Name, Version);
        Solves = meter.CreateCounter<long>("flowruntime.solves", "{solve}", "Solves that have ended.");
        ActiveSolves = meter.CreateUpDownCounter<long>("flowruntime.solves.active", "{solve}", "Solves under way.");
        Duration = meter.CreateHistogram<double>("flowruntime.solve.duration", "s", "Wall time of a solve.");
        Samples = meter.CreateCounter<long>("flowruntime.samples", "{sample}", "Samples that have ended, by status.");
        Evaluations = meter.CreateCounter<long>("flowruntime.evaluations", "{evaluation}", "Velocity evaluations of all samples, rejected steps included.");
        RejectedSteps = meter.CreateCounter<long>("flowruntime.steps.rejected", "{step}", "Steps that were rejected.");
    }

    /// <summary>Whether anybody listens.</summary>
    internal static bool IsHeard => Activities.HasListeners() || Solves.Enabled || ActiveSolves.Enabled || Duration.Enabled || Samples.Enabled || Evaluations.Enabled || RejectedSteps.Enabled;
}
