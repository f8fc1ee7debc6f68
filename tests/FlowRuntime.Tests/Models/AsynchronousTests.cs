using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>Sampling without blocking the caller.</summary>
public sealed class AsynchronousTests : IDisposable
{
    private static readonly SamplingOptions Options = new() { Seed = 6 };

    private readonly TemporaryFolder _folder = new();
    private readonly FlowModel _model;

    public AsynchronousTests() => _model = FlowModel.Open(TinyModel.Write(_folder, "model.onnx", TinyModel.TimesTime(), TinyModel.Card));

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_batch_is_the_one_of_the_blocking_call() =>
        Assert.Equal(_model.Sample(30, Options).Values, (await _model.SampleAsync(30, Options, cancellationToken: Token)).Values);

    [Theory, InlineData(SampleOrder.Index), InlineData(SampleOrder.Completion)]
    public async Task A_stream_gives_every_sample_once(SampleOrder order)
    {
        SampleBatch expected = _model.Sample(100, Options);
        var seen = new List<long>();
        await foreach (DrawnSample sample in _model.StreamAsync(100, Options with { TrajectoryTimes = [1] }, order, Token))
        {
            seen.Add(sample.Index);
            Assert.Equal(expected[(int)sample.Index].ToArray(), sample.Values);
            Assert.Equal(sample.Values, sample.Trajectory);
            Assert.Equal((SampleStatus.Completed, 1.0, expected.Evaluations[sample.Index]), (sample.Status, sample.Time, sample.Evaluations));
        }
        Assert.Equal(Enumerable.Range(0, 100).Select(i => (long)i), order == SampleOrder.Index ? seen : seen.Order());
    }

    /// <summary>A million samples are asked for, and few are taken: the solve neither runs ahead nor goes on.</summary>
    [Fact]
    public async Task A_solve_waits_for_its_consumer_and_ends_where_it_leaves()
    {
        int taken = 0;
        await foreach (DrawnSample sample in _model.StreamAsync(1_000_000, Options with { Solver = new FixedSteps(ButcherTableau.Euler, 1), Slots = 4, Workers = 1 }, SampleOrder.Index, Token))
        {
            Assert.Equal(taken++, sample.Index);
            if (taken == 40)
                break;
        }
        Assert.Equal(40, taken);
        Assert.Equal(0, _model.Sample(3, Options, cancellationToken: Token).Failed); // nothing holds the model
    }

    [Fact]
    public async Task A_cancelled_stream_throws_with_the_callers_token()
    {
        using var source = new CancellationTokenSource();
        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (DrawnSample sample in _model.StreamAsync(1_000_000, Options, cancellationToken: source.Token))
                await source.CancelAsync();
        });
        Assert.Equal(source.Token, error.CancellationToken);
    }

    [Fact]
    public async Task What_a_solve_throws_comes_out_of_the_stream()
    {
        await Assert.ThrowsAsync<ArgumentException>(async () =>
        {
            await foreach (DrawnSample _ in _model.StreamAsync(3, Options with { Labels = [1] }, cancellationToken: Token))
                Assert.Fail("there are no classes");
        });
    }

    [Fact]
    public async Task No_more_solves_are_under_way_than_the_bound()
    {
        using FlowModel bounded = FlowModel.Open(_model.Path, new FlowModelOptions { MaxConcurrentSolves = 2 });
        int active = 0, most = 0;
        Task[] solves = [.. Enumerable.Range(0, 8).Select(_ => Task.Run(
            () => bounded.Stream(3, Slow, Options with { Workers = 1 }, cancellationToken: Token), Token))];
        await Task.WhenAll(solves);
        Assert.InRange(most, 1, 2);
        using var source = new CancellationTokenSource();
        using var both = new CountdownEvent(2);
        void Hold(in FinishedSample sample)
        {
            both.Signal();
            source.Token.WaitHandle.WaitOne();
        }
        Task[] holding = [.. Enumerable.Range(0, 2).Select(_ => Task.Run(() => bounded.Stream(1, Hold, Options), Token))];
        both.Wait(Token); // two are under way at once, and a third one waits in vain
        Assert.ThrowsAny<OperationCanceledException>(() => bounded.Sample(1, Options, cancellationToken: new CancellationTokenSource(200).Token));
        await source.CancelAsync();
        await Task.WhenAll(holding);
        Assert.Throws<ArgumentOutOfRangeException>(() => new FlowModelOptions { MaxConcurrentSolves = 0 });

        void Slow(in FinishedSample sample)
        {
            if (sample.Index == 0)
                most = Math.Max(most, Interlocked.Increment(ref active));
            Thread.Sleep(20);
            if (sample.Index == 2)
                Interlocked.Decrement(ref active);
        }
    }

    [Fact]
    public void Warming_up_changes_nothing()
    {
        float[] before = _model.Sample(3, Options).Values;
        _model.WarmUp(Token);
        Assert.Equal(before, _model.Sample(3, Options).Values);
        _model.Dispose();
        Assert.Throws<ObjectDisposedException>(() => _model.WarmUp(Token));
    }
}
