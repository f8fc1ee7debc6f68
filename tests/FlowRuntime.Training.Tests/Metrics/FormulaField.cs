using FlowRuntime.Fields;

namespace FlowRuntime.Training.Tests.Metrics;

/// <summary>The velocity v(t, x) of one sample, which may depend on its key: its index plus its condition's label.</summary>
internal delegate void RowVelocity(long key, double t, ReadOnlySpan<float> x, Span<float> velocity);

/// <summary>A velocity field given by a formula for one row.</summary>
internal sealed class FormulaField(int dimension, RowVelocity velocity) : IVelocityField
{
    public int Dimension => dimension;

    public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers) => new Evaluator(velocity, buffers);

    private sealed class Evaluator(RowVelocity velocity, EvaluationBuffers buffers) : IVelocityEvaluator
    {
        private readonly long[] _keys = new long[buffers.Capacity];

        public void Assign(int row, long sampleIndex, Condition condition) => _keys[row] = sampleIndex + (condition.Label ?? 0);

        public void Move(int source, int destination) => _keys[destination] = _keys[source];

        public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
        {
            for (int row = first; row < first + count; row++)
                velocity(_keys[row], buffers.Times[row], buffers.States[row], buffers.Velocities[output][row]);
        }

        public void Dispose()
        {
        }
    }
}
