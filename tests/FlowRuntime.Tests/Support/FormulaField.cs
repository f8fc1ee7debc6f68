using FlowRuntime.Fields;

namespace FlowRuntime.Tests;

/// <summary>The velocity v(t, x) of one sample, which may depend on the sample's index.</summary>
internal delegate void RowVelocity(long index, double t, ReadOnlySpan<float> x, Span<float> velocity);

/// <summary>
/// A velocity field given by a formula for one row. It knows the sample of a row by Assign and Move alone, and spoils
/// what lies behind the evaluated rows of the table it writes, as its contract allows.
/// </summary>
internal sealed class FormulaField(int dimension, RowVelocity velocity) : IVelocityField
{
    public int Dimension => dimension;

    public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers) => new Evaluator(velocity, buffers);

    /// <summary>The field v(t, x) = x cos t, whose flow is x(t) = x(0) exp(sin t).</summary>
    public static FormulaField Cosine { get; } = new(1, static (_, t, x, v) => v[0] = (float)(x[0] * Math.Cos(t)));

    /// <summary>The turn by a quarter: v(x, y) = (π/2)(−y, x), whose flow carries (x, y) to (−y, x) at t = 1.</summary>
    public static FormulaField QuarterTurn { get; } = new(2, static (_, _, x, v) =>
        (v[0], v[1]) = ((float)(-Math.PI / 2 * x[1]), (float)(Math.PI / 2 * x[0])));

    /// <summary>
    /// A field without closed form: coupled, not linear, dependent on t, and of another speed for each sample index, so
    /// that samples end in another order than they start.
    /// </summary>
    public static FormulaField Swirl(int dimension) => new(dimension, static (index, t, x, v) =>
    {
        float speed = 1 + index * 7 % 11;
        for (int i = 0; i < x.Length; i++)
            v[i] = speed * MathF.Sin(2 * x[(i + 1) % x.Length] + 30 * (float)(t * t * t)) - 0.5f * x[i];
    });

    private sealed class Evaluator(RowVelocity velocity, EvaluationBuffers buffers) : IVelocityEvaluator
    {
        private readonly long[] _indices = new long[buffers.Capacity];

        public void Assign(int row, long sampleIndex, Condition condition) => _indices[row] = sampleIndex;

        public void Move(int source, int destination) => _indices[destination] = _indices[source];

        public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
        {
            RowBuffer table = buffers.Velocities[output];
            for (int row = first; row < first + count; row++)
                velocity(_indices[row], buffers.Times[row], buffers.States[row], table[row]);
            table.Range(first + count, buffers.Capacity - first - count).Fill(float.NaN);
        }

        public void Dispose()
        {
        }
    }
}
