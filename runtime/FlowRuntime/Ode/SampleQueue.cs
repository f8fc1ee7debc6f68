using FlowRuntime.Sampling;

namespace FlowRuntime.Ode;

/// <summary>
/// Hands sample indices out to the workers and their results to the consumer, one at a time; safe under concurrent use.
/// </summary>
/// <remarks>
/// In index order, samples that finish before an earlier one wait in a window of fixed size: the memory stays bounded,
/// since no index beyond the window is given out. A worker that solves an index within it can always go on.
/// </remarks>
internal sealed class SampleQueue
{
    private readonly object _lock = new();
    private readonly OdeProblem _problem;
    private readonly SampleConsumer _consumer;
    private readonly IProgress<SamplingProgress>? _progress;
    private readonly Waiting[]? _window;
    private readonly float[] _waitingValues = [];
    private readonly int _stateSize;
    private readonly int _rowSize;
    private long _taken;
    private long _handedOut;
    private long _finished;
    private bool _stopped;

    /// <param name="problem">What is solved.</param>
    /// <param name="consumer">Takes the finished samples.</param>
    /// <param name="progress">Told how far the solve is.</param>
    /// <param name="window">Samples that may be under way or waiting at a time, in index order; 0 for the order of completion.</param>
    /// <exception cref="ArgumentException">The window is more than one array can hold.</exception>
    public SampleQueue(OdeProblem problem, SampleConsumer consumer, IProgress<SamplingProgress>? progress, int window)
    {
        (_problem, _consumer, _progress) = (problem, consumer, progress);
        _stateSize = problem.Field.Dimension;
        _rowSize = checked(_stateSize * (1 + problem.TrajectoryTimes.Count));
        if (window > 0)
        {
            if ((long)window * _rowSize > Array.MaxLength)
                throw new ArgumentException($"In index order up to {window} samples of {_rowSize} values wait for an earlier one, more than one array can hold. Use fewer slots or trajectory times, or the order of completion.");
            _window = new Waiting[window];
            _waitingValues = new float[window * _rowSize];
        }
    }

    public long Evaluations { get; private set; }

    public long Accepted { get; private set; }

    public long Rejected { get; private set; }

    /// <summary>The queue's lock, to be held while samples are handed in: once for all that ended in a step.</summary>
    public object Gate => _lock;

    /// <summary>Takes the next samples, one behind another; none when there are none, or none yet.</summary>
    /// <param name="most">How many are wanted.</param>
    /// <param name="first">The index of the first of them.</param>
    /// <returns>How many there are.</returns>
    public int Take(int most, out long first)
    {
        lock (_lock)
        {
            first = _problem.First + _taken;
            if (_stopped)
                return 0;
            long count = Math.Min(most, _problem.Count - _taken);
            if (_window is not null)
                count = Math.Min(count, _window.Length - (_taken - _handedOut));
            _taken += count;
            return (int)count;
        }
    }

    /// <summary>Waits until there is a sample to take; false when there will be none.</summary>
    public bool WaitForNext()
    {
        lock (_lock)
        {
            while (!_stopped && _taken < _problem.Count && _window is not null && _taken - _handedOut >= _window.Length)
                Monitor.Wait(_lock);
            return !_stopped && _taken < _problem.Count;
        }
    }

    /// <summary>The solve ends early: lets go whoever waits, gives no more samples out and hands none on.</summary>
    public void Stop()
    {
        lock (_lock)
        {
            _stopped = true;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Takes in what became of a sample. The caller holds the <see cref="Gate"/>.</summary>
    public void Finish(in FinishedSample sample)
    {
        if (_stopped)
            return;
        Evaluations += sample.Evaluations;
        Accepted += sample.Accepted;
        Rejected += sample.Rejected;
        if (_window is null)
        {
            Hand(sample);
            return;
        }
        int place = (int)((sample.Index - _problem.First) % _window.Length);
        Span<float> values = _waitingValues.AsSpan(place * _rowSize, _rowSize);
        sample.State.CopyTo(values);
        sample.Trajectory.CopyTo(values[_stateSize..]);
        _window[place] = new Waiting(true, sample.Status, sample.Time, sample.Evaluations, sample.Accepted, sample.Rejected);
        if (sample.Index == _problem.First + _handedOut)
            HandOutWaiting();
    }

    /// <summary>Reports progress after a step in which <paramref name="finished"/> samples ended.</summary>
    public void Report(int finished) =>
        _progress?.Report(new SamplingProgress(Interlocked.Add(ref _finished, finished), _problem.Count));

    /// <summary>A consumer that throws is not called again, whichever workers stand in line with their samples, and none of them gets another.</summary>
    private void Hand(in FinishedSample sample)
    {
        try
        {
            _consumer(sample);
        }
        catch
        {
            Stop();
            throw;
        }
    }

    private void HandOutWaiting()
    {
        while (true)
        {
            int place = (int)(_handedOut % _window!.Length);
            Waiting next = _window[place];
            if (!next.IsHere)
                break;
            Span<float> values = _waitingValues.AsSpan(place * _rowSize, _rowSize);
            Hand(new FinishedSample
            {
                Index = _problem.First + _handedOut,
                Status = next.Status,
                Time = next.Time,
                Evaluations = next.Evaluations,
                Accepted = next.Accepted,
                Rejected = next.Rejected,
                State = values[.._stateSize],
                Trajectory = values[_stateSize..],
            });
            _window[place] = default;
            _handedOut++;
        }
        Monitor.PulseAll(_lock);
    }

    private readonly record struct Waiting(bool IsHere, SampleStatus Status, double Time, int Evaluations, int Accepted, int Rejected);
}
