using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>Samples handed out one at a time: all of them, the same as solved together, in the order asked for.</summary>
public class StreamTests
{
    public static TheoryData<string, SampleOrder, int> WaysOrdersAndWorkers =>
    [
        .. Solve.Ways.Keys.SelectMany(way => Enum.GetValues<SampleOrder>()
            .SelectMany(order => Enumerable.Range(0, 2).Select(i => (way, order, 1 + 2 * i)))),
    ];

    [Theory, MemberData(nameof(WaysOrdersAndWorkers))]
    public void Every_sample_comes_once_with_the_bits_and_counts_of_a_batch(string way, SampleOrder order, int workers)
    {
        const int Count = 150;
        OdeProblem problem = Solve.Problem(FormulaField.Swirl(3), Solve.Ways[way], Count, slots: 4, workers, first: 1000) with { TrajectoryTimes = [0.3, 1] };
        SampleBatch batch = OdeSolver.Solve(problem);
        var indices = new List<long>();
        SamplingStatistics statistics = OdeSolver.Stream(problem, (in FinishedSample sample) =>
        {
            int i = (int)(sample.Index - 1000);
            indices.Add(sample.Index);
            Assert.True(Solve.SameBits(batch[i], sample.State));
            Assert.True(Solve.SameBits(batch.Trajectories.AsSpan(6 * i, 6), sample.Trajectory));
            Assert.Equal((batch.Status[i], batch.Times[i], batch.Evaluations[i], batch.Accepted[i], batch.Rejected[i]),
                (sample.Status, sample.Time, sample.Evaluations, sample.Accepted, sample.Rejected));
        }, order);

        Assert.Equal(Enumerable.Range(1000, Count).Select(i => (long)i), order == SampleOrder.Index ? indices : indices.Order());
        Assert.Equal(batch.Evaluations.Sum(), statistics.Evaluations);
        Assert.Equal(batch.Accepted.Sum(), statistics.Accepted);
        Assert.Equal(batch.Rejected.Sum(), statistics.Rejected);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void In_index_order_nothing_passes_a_slow_sample_and_few_are_begun_before_it_is_done(int workers)
    {
        const int Count = 2000, Slots = 4;
        long begun = 0, begunBeforeTheFirst = 0, next = 0;
        OdeProblem problem = SlowAt(0, Count, Slots, workers);
        OdeSolver.Stream(problem with
        {
            InitialState = (index, x) =>
            {
                Interlocked.Increment(ref begun);
                x.Fill(1);
            },
        }, (in FinishedSample sample) =>
        {
            if (next == 0)
                begunBeforeTheFirst = Interlocked.Read(ref begun);
            Assert.Equal(next++, sample.Index);
        }, SampleOrder.Index);

        Assert.Equal(Count, next);
        // The window of four samples a slot, and no more; but all of it is used.
        Assert.InRange(begunBeforeTheFirst, Slots * workers + 1, 4 * Slots * workers);
    }

    [Fact]
    public void In_the_order_of_completion_others_pass_a_slow_sample()
    {
        var indices = new List<long>();
        OdeSolver.Stream(SlowAt(0, count: 2000, slots: 4, workers: 2), (in FinishedSample sample) => indices.Add(sample.Index));
        Assert.True(indices.IndexOf(0) > 100, $"place {indices.IndexOf(0)}");
    }

    [Theory]
    [InlineData(SampleOrder.Completion, 1)]
    [InlineData(SampleOrder.Completion, 3)]
    [InlineData(SampleOrder.Index, 1)]
    [InlineData(SampleOrder.Index, 3)]
    public void What_the_consumer_throws_ends_the_solve_and_is_the_caller_s(SampleOrder order, int workers)
    {
        var field = new RecordingField(FormulaField.Swirl(3));
        int calls = 0;
        OdeProblem problem = Solve.Problem(field, new AdaptiveSteps(), count: 1_000_000, slots: 3, workers);
        var error = Assert.IsType<InvalidDataException>(ThrownInTime(() => OdeSolver.Stream(problem, (in FinishedSample _) =>
        {
            if (++calls < 20)
                return;
            Thread.Sleep(20); // the other workers now stand there with theirs
            throw new InvalidDataException($"call {calls}");
        }, order)));
        Assert.Equal("call 20", error.Message);
        Assert.Equal(20, calls);
        // At most 20 samples went out, 36 wait in the window and 9 are under way, of some 30 calls each.
        Assert.True(field.Calls < 5_000, $"{field.Calls} calls");
    }

    /// <summary>Sample 0 holds the window; when it comes at last, the consumer refuses it, and those that wait must go home.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void A_consumer_that_throws_while_workers_wait_for_the_window_lets_them_go(int workers) =>
        Assert.IsType<InvalidDataException>(ThrownInTime(() => OdeSolver.Stream(SlowAt(0, count: 100_000, slots: 1, workers),
            (in FinishedSample _) => throw new InvalidDataException(), SampleOrder.Index)));

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void A_solve_that_is_cancelled_while_workers_wait_for_the_window_ends(int workers)
    {
        using var source = new CancellationTokenSource();
        long others = 0;
        // Sample 0 never ends: the others fill the window and wait, and then the token is cancelled.
        var field = new FormulaField(1, (index, t, x, v) =>
        {
            v[0] = 0;
            if (index != 0)
                Interlocked.Increment(ref others);
            else if (t > 0.5 && !source.IsCancellationRequested)
            {
                SpinWait.SpinUntil(() => Interlocked.Read(ref others) > 0, 1000);
                Thread.Sleep(50);
                source.Cancel();
            }
        });
        OdeProblem problem = Solve.Problem(field, new FixedSteps(ButcherTableau.Euler, 20), count: 100_000, slots: 1, workers);
        long taken = 0;
        Assert.IsType<OperationCanceledException>(ThrownInTime(() =>
            OdeSolver.Stream(problem, (in FinishedSample _) => taken++, SampleOrder.Index, cancellationToken: source.Token)));
        Assert.Equal(0, taken);
        Assert.InRange(others, 1, 4 * workers * 20);
    }

    [Fact]
    public void A_consumer_may_cancel_the_solve_itself()
    {
        foreach (SampleOrder order in Enum.GetValues<SampleOrder>())
        {
            using var source = new CancellationTokenSource();
            OdeProblem problem = Solve.Problem(FormulaField.Swirl(3), new AdaptiveSteps(), count: 1_000_000, slots: 3, workers: 3);
            Assert.ThrowsAny<OperationCanceledException>(() => OdeSolver.Stream(problem, (in FinishedSample sample) =>
            {
                if (sample.Index > 30)
                    source.Cancel();
            }, order, cancellationToken: source.Token));
        }
    }

    [Fact]
    public void Failed_samples_are_handed_out_too_in_their_place()
    {
        var field = new FormulaField(1, (index, t, _, v) => v[0] = index % 3 == 1 && t > 0.4 ? float.NaN : 1);
        var status = new List<SampleStatus>();
        OdeSolver.Stream(Solve.Problem(field, new AdaptiveSteps(), count: 99, slots: 4, workers: 2),
            (in FinishedSample sample) => status.Add(sample.Status), SampleOrder.Index);
        Assert.Equal(Enumerable.Range(0, 99).Select(i => i % 3 == 1 ? SampleStatus.NonFinite : SampleStatus.Completed), status);
    }

    /// <summary>One worker is the calling thread, so that its allocations are all there are.</summary>
    [Theory]
    [InlineData(SampleOrder.Completion)]
    [InlineData(SampleOrder.Index)]
    public void A_hundred_thousand_samples_allocate_as_much_as_ten_thousand(SampleOrder order)
    {
        Allocated(1000);
        Assert.InRange(Math.Abs(Allocated(100_000) - Allocated(10_000)), 0, 10_000);

        long Allocated(int count)
        {
            OdeProblem problem = Solve.Problem(new FormulaField(1, (_, _, _, v) => v[0] = 1), new FixedSteps(ButcherTableau.Euler, 1), count, slots: 256);
            double sum = 0;
            long before = GC.GetAllocatedBytesForCurrentThread();
            OdeSolver.Stream(problem, (in FinishedSample sample) => sum += sample.State[0], order);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    [Fact]
    public void A_window_that_no_array_can_hold_is_refused_with_the_cure()
    {
        OdeProblem problem = Solve.Problem(FormulaField.QuarterTurn, new AdaptiveSteps(), count: 10_000, slots: 1024, workers: 2) with
        {
            TrajectoryTimes = [.. Enumerable.Repeat(0.5, 300_000)],
        };
        var error = Assert.Throws<ArgumentException>(() => OdeSolver.Stream(problem, (in FinishedSample _) => { }, SampleOrder.Index));
        Assert.Contains("fewer slots", error.Message);
    }

    [Fact]
    public void A_consumer_may_change_what_it_is_shown()
    {
        foreach (SampleOrder order in Enum.GetValues<SampleOrder>())
        {
            OdeProblem problem = Solve.Problem(FormulaField.Swirl(3), new AdaptiveSteps(), count: 60, slots: 4) with { TrajectoryTimes = [0.5] };
            SampleBatch batch = OdeSolver.Solve(problem);
            OdeSolver.Stream(problem, (in FinishedSample sample) =>
            {
                Assert.True(Solve.SameBits(batch[(int)sample.Index], sample.State));
                sample.State.Fill(float.NaN);
                sample.Trajectory.Fill(float.NaN);
            }, order);
        }
    }

    /// <summary>A model's stream is in the data's units, as its batches are.</summary>
    [Fact]
    public void A_model_streams_the_samples_of_its_batches()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("moons.onnx"));
        var options = new SamplingOptions { Seed = 3, First = 40, TrajectoryTimes = [0.5], Slots = 4, Workers = 2 };
        SampleBatch batch = model.Sample(50, options);
        long next = 40;
        SamplingStatistics statistics = model.Stream(50, (in FinishedSample sample) =>
        {
            Assert.Equal(next++, sample.Index);
            Assert.True(Solve.SameBits(batch[(int)sample.Index - 40], sample.State));
            Assert.True(Solve.SameBits(batch.Trajectories.AsSpan(2 * ((int)sample.Index - 40), 2), sample.Trajectory));
        }, options, SampleOrder.Index);
        Assert.Equal(90, next);
        Assert.Equal(batch.Statistics.Evaluations, statistics.Evaluations);
    }

    /// <summary>An evaluator holds native memory, also where its worker cannot begin.</summary>
    [Fact]
    public void Every_evaluator_is_disposed_also_after_a_refusal_and_an_exception()
    {
        var field = new CountingField();
        OdeProblem problem = Solve.Problem(field, new FixedSteps(MultistepMethod.UniPC2, 5), count: 60, slots: 3, workers: 3);
        OdeSolver.Solve(problem);
        Assert.Throws<ArgumentException>(() => OdeSolver.Solve(problem with { Path = null }));
        Assert.Throws<ArgumentException>(() => OdeSolver.Solve(problem with { Solver = new FixedSteps(ButcherTableau.Heun, 5) { Grid = TimeGrid.Given([0, 1]) } }));
        Assert.Throws<InvalidDataException>(() => OdeSolver.Stream(problem, (in FinishedSample _) => throw new InvalidDataException()));
        Assert.Equal(field.Created, field.Disposed);
    }

    /// <summary>What a solve throws in a thread of its own. None here takes a second; one that hangs fails.</summary>
    private static Exception? ThrownInTime(Action solve)
    {
        Exception? thrown = null;
        var thread = new Thread(() => thrown = Record.Exception(solve)) { IsBackground = true };
        thread.Start();
        Assert.True(thread.Join(TimeSpan.FromSeconds(20)), "the solve hangs");
        return thrown;
    }

    private static OdeProblem SlowAt(long slow, int count, int slots, int workers) =>
        Solve.Problem(new FormulaField(1, (index, t, x, v) => v[0] = index == slow ? (float)Math.Cos(2000 * t) : 0), new AdaptiveSteps { RelativeTolerance = 1e-5, AbsoluteTolerance = 1e-5 }, count, slots, workers);

    private sealed class CountingField : IVelocityField
    {
        private int _created;
        private int _disposed;

        public int Dimension => 2;

        public int Created => _created;

        public int Disposed => _disposed;

        public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers)
        {
            Interlocked.Increment(ref _created);
            return new Evaluator(this, FormulaField.QuarterTurn.CreateEvaluator(buffers));
        }

        private sealed class Evaluator(CountingField owner, IVelocityEvaluator evaluator) : IVelocityEvaluator
        {
            public void Assign(int row, long sampleIndex, Condition condition) => evaluator.Assign(row, sampleIndex, condition);

            public void Move(int source, int destination) => evaluator.Move(source, destination);

            public void Evaluate(int first, int count, int output, CancellationToken cancellationToken) => evaluator.Evaluate(first, count, output, cancellationToken);

            public void Dispose()
            {
                Interlocked.Increment(ref owner._disposed);
                evaluator.Dispose();
            }
        }
    }
}
