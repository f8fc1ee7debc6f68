using System.Collections.Concurrent;
using FlowRuntime.Fields;

namespace FlowRuntime.Tests;

/// <summary>One row that a field was asked for: whose it was, when and where.</summary>
internal sealed record RecordedRow(long Index, double Time, float[] State);

/// <summary>Wraps a field and writes down every row it is asked for, from all threads.</summary>
internal sealed class RecordingField(IVelocityField wrapped) : IVelocityField
{
    private int _calls;

    public int Dimension => wrapped.Dimension;

    /// <summary>All rows asked for; in order where one worker solves.</summary>
    public ConcurrentQueue<RecordedRow> Rows { get; } = new();

    /// <summary>Number of calls so far, begun ones included.</summary>
    public int Calls => _calls;

    /// <summary>Called at the start of each call with its number, counted from 1.</summary>
    public Action<int>? OnCall { get; init; }

    public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers) => new Evaluator(this, wrapped.CreateEvaluator(buffers), buffers);

    private sealed class Evaluator(RecordingField owner, IVelocityEvaluator evaluator, EvaluationBuffers buffers) : IVelocityEvaluator
    {
        private readonly long[] _indices = new long[buffers.Capacity];

        public void Assign(int row, long sampleIndex, Condition condition)
        {
            _indices[row] = sampleIndex;
            evaluator.Assign(row, sampleIndex, condition);
        }

        public void Move(int source, int destination)
        {
            _indices[destination] = _indices[source];
            evaluator.Move(source, destination);
        }

        public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
        {
            int call = Interlocked.Increment(ref owner._calls);
            owner.OnCall?.Invoke(call);
            for (int row = first; row < first + count; row++)
                owner.Rows.Enqueue(new RecordedRow(_indices[row], buffers.Times[row], buffers.States[row].ToArray()));
            evaluator.Evaluate(first, count, output, cancellationToken);
        }

        public void Dispose() => evaluator.Dispose();
    }
}
