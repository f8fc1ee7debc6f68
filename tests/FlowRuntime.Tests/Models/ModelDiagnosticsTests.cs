using System.Diagnostics;
using System.Diagnostics.Metrics;
using FlowRuntime.Diagnostics;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>What listeners of metrics and traces are told of a model's solves.</summary>
public sealed class ModelDiagnosticsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _name = $"{Guid.NewGuid():N}.onnx"; // other tests solve at the same time
    private readonly List<(string Instrument, double Value, Dictionary<string, object?> Tags)> _measured = [];
    private readonly List<Activity> _activities = [];
    private readonly MeterListener _meters = new();
    private readonly ActivityListener _traces;
    private readonly FlowModel _model;

    public ModelDiagnosticsTests()
    {
        _model = FlowModel.Open(TinyModel.Write(_folder, _name, TinyModel.TimesTime(), TinyModel.Card with { Outputs = new("v", "divergence") }));
        _meters.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == FlowDiagnostics.Name)
                listener.EnableMeasurementEvents(instrument);
        };
        _meters.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Take(instrument, value, tags));
        _meters.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Take(instrument, value, tags));
        _meters.Start();
        _traces = new ActivityListener
        {
            ShouldListenTo = source => source.Name == FlowDiagnostics.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                lock (_activities)
                    _activities.Add(activity);
            },
        };
        ActivitySource.AddActivityListener(_traces);
    }

    public void Dispose()
    {
        _meters.Dispose();
        _traces.Dispose();
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_solve_is_counted_with_its_samples_evaluations_and_rejections()
    {
        SampleBatch batch = _model.Sample(12, new SamplingOptions { Solver = new AdaptiveSteps { FirstStep = 1 } }).EnsureSuccess();
        Assert.Equal(1, Sum("flowruntime.solves"));
        Assert.Equal(12, Sum("flowruntime.samples"));
        Assert.Equal(batch.Statistics.Evaluations, Sum("flowruntime.evaluations"));
        Assert.Equal(batch.Statistics.Rejected, Sum("flowruntime.steps.rejected"));
        Assert.True(batch.Statistics.Rejected > 0);
        Assert.InRange(Sum("flowruntime.solve.duration"), batch.Statistics.Elapsed.TotalSeconds, 60);
        Assert.Equal([1, -1], Of("flowruntime.solves.active").Select(measured => measured.Value));
        Assert.All(Own(), measured => Assert.Equal(("sample", "bosh3"), (measured.Tags["flowruntime.operation"], measured.Tags["flowruntime.method"])));
        Assert.Equal("completed", Of("flowruntime.samples").Single().Tags["flowruntime.sample.status"]);
        Activity activity = Assert.Single(Activities());
        Assert.Equal(($"sample {_name}", 12L, batch.Statistics.Evaluations), (activity.OperationName, activity.GetTagItem("flowruntime.solve.samples"), activity.GetTagItem("flowruntime.solve.evaluations")));
    }

    [Fact]
    public void Failed_samples_are_counted_by_their_status()
    {
        _model.Sample(5, new SamplingOptions { Solver = new AdaptiveSteps { MaxSteps = 1, RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-6 } });
        var measured = Of("flowruntime.samples").Single();
        Assert.Equal((5.0, "out_of_steps"), (measured.Value, measured.Tags["flowruntime.sample.status"]));
    }

    [Fact]
    public void A_solve_that_ends_by_an_exception_says_which()
    {
        Assert.ThrowsAny<OperationCanceledException>(() => _model.Sample(5, cancellationToken: new CancellationToken(canceled: true)));
        Assert.Equal("System.OperationCanceledException", Of("flowruntime.solves").Single().Tags["error.type"]);
        Assert.Equal([1, -1], Of("flowruntime.solves.active").Select(measured => measured.Value));
        Assert.Equal(ActivityStatusCode.Error, Assert.Single(Activities()).Status);
    }

    [Fact]
    public void Every_operation_has_its_name()
    {
        float[] data = [1, 2];
        _model.Encode(data);
        _model.Decode(data);
        _model.Edit(data, 0.5);
        _model.Inpaint(data, [true, false]);
        _model.LogLikelihood(data);
        Assert.Equal(["encode", "decode", "edit", "inpaint", "likelihood"], Of("flowruntime.solves").Select(measured => measured.Tags["flowruntime.operation"]));
        Assert.Equal(5, Activities().Count);
    }

    private void Take(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        lock (_measured)
            _measured.Add((instrument.Name, value, new Dictionary<string, object?>([.. tags])));
    }

    private List<(string Instrument, double Value, Dictionary<string, object?> Tags)> Own()
    {
        lock (_measured)
            return [.. _measured.Where(measured => measured.Tags.GetValueOrDefault("flowruntime.model") as string == _name)];
    }

    private IEnumerable<(string Instrument, double Value, Dictionary<string, object?> Tags)> Of(string instrument) => Own().Where(measured => measured.Instrument == instrument);

    private double Sum(string instrument) => Of(instrument).Sum(measured => measured.Value);

    private List<Activity> Activities()
    {
        lock (_activities)
            return [.. _activities.Where(activity => activity.OperationName.EndsWith(_name, StringComparison.Ordinal))];
    }
}
