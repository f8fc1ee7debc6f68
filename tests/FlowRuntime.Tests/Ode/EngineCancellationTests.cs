using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>How a solve ends before its time, and what it tells on its way.</summary>
public class EngineCancellationTests
{
    /// <summary>More than 60,000 calls.</summary>
    private static readonly FixedSteps Long = new(ButcherTableau.RungeKutta4, 2000);

    [Fact]
    public void A_token_that_is_cancelled_already_ends_the_solve_before_any_evaluation()
    {
        var field = new RecordingField(FormulaField.Swirl(3));
        using var source = new CancellationTokenSource();
        source.Cancel();
        var error = Assert.ThrowsAny<OperationCanceledException>(() =>
            OdeSolver.Solve(Solve.Problem(field, new AdaptiveSteps(), count: 10, workers: 2), cancellationToken: source.Token));
        Assert.Equal(source.Token, error.CancellationToken);
        Assert.Equal(0, field.Calls);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_solve_that_is_cancelled_within_a_call_ends_with_the_calls_under_way(int workers)
    {
        using var source = new CancellationTokenSource();
        int callsAtCancel = 0;
        RecordingField? field = null;
        field = new RecordingField(FormulaField.Swirl(3))
        {
            OnCall = call =>
            {
                if (call != 50)
                    return;
                source.Cancel();
                callsAtCancel = field!.Calls;
            },
        };
        OdeProblem problem = Solve.Problem(field, Long, count: 60, slots: 7, workers);
        Assert.ThrowsAny<OperationCanceledException>(() => OdeSolver.Solve(problem, cancellationToken: source.Token));
        Assert.InRange(field.Calls - callsAtCancel, 0, workers - 1); // each other worker may stand just before its call
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void An_exception_of_the_field_in_any_worker_is_the_callers_and_stops_the_others(int workers)
    {
        var field = new RecordingField(FormulaField.Swirl(3))
        {
            OnCall = call =>
            {
                if (call == 50)
                    throw new InvalidDataException("call 50 failed");
            },
        };
        OdeProblem problem = Solve.Problem(field, Long, count: 60, slots: 7, workers);
        var error = Assert.Throws<InvalidDataException>(() => OdeSolver.Solve(problem));
        Assert.Equal("call 50 failed", error.Message);
        Assert.True(field.Calls < 10_000, $"{field.Calls} calls");
    }

    [Fact]
    public void An_exception_of_the_initial_state_or_of_the_progress_is_the_callers_too()
    {
        OdeProblem problem = Solve.Problem(FormulaField.Swirl(3), new AdaptiveSteps(), count: 60, slots: 7, workers: 3);
        Assert.Throws<InvalidDataException>(() => OdeSolver.Solve(problem with
        {
            InitialState = (index, x) => throw new InvalidDataException($"sample {index}"),
        }));
        Assert.Throws<InvalidDataException>(() => OdeSolver.Solve(problem, new Reports(_ => throw new InvalidDataException())));
    }

    [Theory, MemberData(nameof(Solve.WayNames), MemberType = typeof(Solve))]
    public void Progress_counts_every_sample_once_and_ends_at_the_total(string way)
    {
        var reports = new List<SamplingProgress>();
        void Add(SamplingProgress report)
        {
            lock (reports)
                reports.Add(report);
        }
        OdeSolver.Solve(Solve.Problem(FormulaField.Swirl(3), Solve.Ways[way], count: 100, slots: 7, workers: 3), new Reports(Add));

        Assert.All(reports, report => Assert.Equal(100, report.Total));
        Assert.Equal(100, reports.Max(report => report.Finished));
        Assert.Equal(reports.Count, reports.DistinctBy(report => report.Finished).Count());
    }

    [Fact]
    public void Failed_samples_count_as_finished()
    {
        var field = new FormulaField(3, (_, _, _, v) => v.Fill(float.NaN));
        long finished = 0;
        OdeSolver.Solve(Solve.Problem(field, new AdaptiveSteps(), count: 20, slots: 7), new Reports(report => finished = report.Finished));
        Assert.Equal(20, finished);
    }

    /// <summary>Takes reports where they are made, in the solving thread.</summary>
    private sealed class Reports(Action<SamplingProgress> take) : IProgress<SamplingProgress>
    {
        public void Report(SamplingProgress value) => take(value);
    }
}
