using System.Numerics.Tensors;

namespace FlowRuntime.Fields;

/// <summary>
/// Classifier-free guidance: v = v(t, x | none) + w (v(t, x | condition) − v(t, x | none)). Both halves go through the
/// wrapped field in one call, and with them their divergences, if asked for.
/// </summary>
/// <remarks>
/// Source: Ho and Salimans 2022, "Classifier-Free Diffusion Guidance", eq. (6), for velocities; here w = 1 is the
/// conditional field and w = 0 the unconditional one (their w is ours − 1).
/// </remarks>
public sealed class GuidedField : IVelocityField
{
    private readonly IVelocityField _field;
    private readonly float _scale;

    /// <summary>Wraps a field that knows conditions.</summary>
    /// <param name="field">The conditional field; asked with <see cref="Condition.None"/> it must be unconditional.</param>
    /// <param name="scale">Guidance scale w, finite; above 1 sharpens the condition.</param>
    /// <exception cref="ArgumentOutOfRangeException">The scale is not finite.</exception>
    public GuidedField(IVelocityField field, double scale)
    {
        if (!double.IsFinite(scale))
            throw new ArgumentOutOfRangeException(nameof(scale), scale, "Give a finite guidance scale, such as 1.5.");
        _field = field;
        _scale = (float)scale;
    }

    /// <inheritdoc/>
    public int Dimension => _field.Dimension;

    /// <inheritdoc/>
    public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers) => new Evaluator(_field, _scale, buffers);

    /// <summary>Row r becomes the rows 2r (conditional) and 2r + 1 (unconditional) of the wrapped field.</summary>
    private sealed class Evaluator : IVelocityEvaluator
    {
        private readonly EvaluationBuffers _outer;
        private readonly EvaluationBuffers _both;
        private readonly IVelocityEvaluator _evaluator;
        private readonly float _scale;

        public Evaluator(IVelocityField field, float scale, EvaluationBuffers buffers)
        {
            _outer = buffers;
            _scale = scale;
            _both = new EvaluationBuffers(2 * buffers.Capacity, buffers.Dimension, outputs: 1, withDivergence: buffers.Divergences is not null);
            _evaluator = field.CreateEvaluator(_both);
        }

        public void Assign(int row, long sampleIndex, Condition condition)
        {
            _evaluator.Assign(2 * row, sampleIndex, condition);
            _evaluator.Assign(2 * row + 1, sampleIndex, Condition.None);
        }

        public void Move(int source, int destination)
        {
            _evaluator.Move(2 * source, 2 * destination);
            _evaluator.Move(2 * source + 1, 2 * destination + 1);
        }

        public void Evaluate(int first, int count, int output)
        {
            for (int row = first; row < first + count; row++)
            {
                _outer.States[row].CopyTo(_both.States[2 * row]);
                _outer.States[row].CopyTo(_both.States[2 * row + 1]);
                _both.Times[2 * row] = _both.Times[2 * row + 1] = _outer.Times[row];
                _outer.Probes?[row].CopyTo(_both.Probes![2 * row]);
                _outer.Probes?[row].CopyTo(_both.Probes![2 * row + 1]);
            }
            _evaluator.Evaluate(2 * first, 2 * count, output: 0);
            for (int row = first; row < first + count; row++)
            {
                Span<float> conditional = _both.Velocities[0][2 * row];
                Span<float> unconditional = _both.Velocities[0][2 * row + 1];
                TensorPrimitives.Subtract(conditional, unconditional, conditional);
                TensorPrimitives.MultiplyAdd(conditional, _scale, unconditional, _outer.Velocities[output][row]);
                if (_both.Divergences is [var divergences])
                {
                    float without = divergences[2 * row + 1][0];
                    _outer.Divergences![output][row][0] = without + _scale * (divergences[2 * row][0] - without);
                }
            }
        }

        public void Dispose()
        {
            _evaluator.Dispose();
            _both.Release();
        }
    }
}
