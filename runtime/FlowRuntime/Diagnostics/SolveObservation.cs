using System.Diagnostics;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Diagnostics;

/// <summary>Tells who listens about one solve.</summary>
internal sealed class SolveObservation : IDisposable
{
    private static readonly string[] StatusNames = [.. Enum.GetNames<SampleStatus>().Select(System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName)];

    private readonly TagList _tags;
    private readonly Activity? _activity;
    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly long[] _samples = new long[StatusNames.Length];

    private SolveObservation(OdeProblem problem)
    {
        _tags = new TagList { { "flowruntime.operation", problem.Operation }, { "flowruntime.method", problem.Solver.MethodName } };
        if (problem.ModelName is not null)
            _tags.Add("flowruntime.model", problem.ModelName);
        FlowDiagnostics.ActiveSolves.Add(1, _tags);
        _activity = FlowDiagnostics.Activities.StartActivity($"{problem.Operation} {problem.ModelName}".TrimEnd());
        foreach ((string name, object? value) in _tags)
            _activity?.SetTag(name, value);
        _activity?.SetTag("flowruntime.solve.samples", problem.Count);
    }

    /// <summary>Begins to observe a solve; null where nobody listens.</summary>
    public static SolveObservation? Of(OdeProblem problem) => FlowDiagnostics.IsHeard ? new SolveObservation(problem) : null;

    /// <summary>A consumer that counts what it hands on. Its samples come one at a time.</summary>
    public SampleConsumer Counted(SampleConsumer consumer) => (in FinishedSample sample) =>
    {
        _samples[(int)sample.Status]++;
        consumer(sample);
    };

    /// <summary>The solve has ended.</summary>
    public void Ended(SamplingStatistics statistics)
    {
        FlowDiagnostics.Evaluations.Add(statistics.Evaluations, _tags);
        FlowDiagnostics.RejectedSteps.Add(statistics.Rejected, _tags);
        _activity?.SetTag("flowruntime.solve.evaluations", statistics.Evaluations);
        _activity?.SetTag("flowruntime.solve.steps.rejected", statistics.Rejected);
        Tell(_tags);
    }

    /// <summary>The solve has ended by an exception.</summary>
    public void Ended(Exception error)
    {
        TagList tags = _tags;
        tags.Add("error.type", error.GetType().FullName);
        _activity?.SetTag("error.type", error.GetType().FullName);
        _activity?.SetStatus(ActivityStatusCode.Error, error.Message);
        Tell(tags);
    }

    public void Dispose()
    {
        FlowDiagnostics.ActiveSolves.Add(-1, _tags);
        _activity?.Dispose();
    }

    private void Tell(TagList tags)
    {
        FlowDiagnostics.Solves.Add(1, tags);
        FlowDiagnostics.Duration.Record(Stopwatch.GetElapsedTime(_started).TotalSeconds, tags);
        for (int status = 0; status < _samples.Length; status++)
        {
            if (_samples[status] == 0)
                continue;
            TagList ofStatus = _tags;
            ofStatus.Add("flowruntime.sample.status", StatusNames[status]);
            FlowDiagnostics.Samples.Add(_samples[status], ofStatus);
        }
    }
}
