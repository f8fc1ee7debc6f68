using FlowRuntime.Fields;

namespace FlowRuntime.Bench;

/// <summary>Wraps a network's field and counts the rows that its calls hold, padding included.</summary>
internal sealed class CountedRows(IVelocityField wrapped) : IVelocityField
{
    private long _padded;

    /// <summary>Rows of all calls so far.</summary>
    public long Padded => _padded;

    public int Dimension => wrapped.Dimension;

    public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers) => new Evaluator(this, wrapped.CreateEvaluator(buffers), buffers.Capacity);

    /// <summary>The rows of the call that evaluates so many: powers of two and those half as large again, up to the capacity.</summary>
    public static int PaddedTo(int count, int capacity)
    {
        for (int size = 1; size < capacity; size *= 2)
        {
            if (size >= count)
                return size;
            if (size >= 8 && size * 3 / 2 >= count)
                return Math.Min(size * 3 / 2, capacity);
        }
        return capacity;
    }

    private sealed class Evaluator(CountedRows owner, IVelocityEvaluator evaluator, int capacity) : IVelocityEvaluator
    {
        public void Assign(int row, long sampleIndex, Condition condition) => evaluator.Assign(row, sampleIndex, condition);

        public void Move(int source, int destination) => evaluator.Move(source, destination);

        public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
        {
            Interlocked.Add(ref owner._padded, PaddedTo(count, capacity));
            evaluator.Evaluate(first, count, output, cancellationToken);
        }

        public void Dispose() => evaluator.Dispose();
    }
}
