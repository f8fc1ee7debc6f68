using System.Numerics.Tensors;

namespace FlowRuntime.Fields;

/// <summary>
/// A field under <see cref="Guidance"/>: P(none) + w (P(condition) − P(none)). Both halves go through the wrapped field in one call, and with them their
/// divergences, if asked for.
/// </summary>
public sealed class GuidedField : IVelocityField
{
    private readonly IVelocityField _field;
    private readonly Guidance _guidance;

    /// <summary>Wraps a field that knows conditions.</summary>
    /// <param name="field">The conditional field; asked with <see cref="Condition.None"/> it must be unconditional. Without <see cref="Guidance.Rescale"/> it does not matter
    /// whether it gives velocities or other predictions.</param>
    /// <param name="guidance">The guidance, or its scale.</param>
    public GuidedField(IVelocityField field, Guidance guidance) => (_field, _guidance) = (field, guidance);

    /// <inheritdoc/>
    public int Dimension => _field.Dimension;

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">A divergence is asked for of a rescaled field.</exception>
    public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers) => buffers.Divergences is not null && _guidance.Rescale > 0
        ? throw new NotSupportedException("The divergence of rescaled guidance is not known: set Guidance.Rescale to 0.")
        : new Evaluator(_field, _guidance, buffers);

    /// <summary>Row r becomes the rows 2r (under the condition) and 2r + 1 (without) of the wrapped field.</summary>
    private sealed class Evaluator : IVelocityEvaluator
    {
        private readonly EvaluationBuffers _outer;
        private readonly EvaluationBuffers _both;
        private readonly IVelocityEvaluator _pairs;
        private readonly IVelocityEvaluator? _plain; // for times without guidance
        private readonly Guidance _guidance;

        public Evaluator(IVelocityField field, Guidance guidance, EvaluationBuffers buffers)
        {
            (_outer, _guidance) = (buffers, guidance);
            _both = new EvaluationBuffers(2 * buffers.Capacity, buffers.Dimension, outputs: 1, withDivergence: buffers.Divergences is not null);
            _pairs = field.CreateEvaluator(_both);
            _plain = guidance.Interval is null ? null : field.CreateEvaluator(buffers);
        }

        public void Assign(int row, long sampleIndex, Condition condition)
        {
            _pairs.Assign(2 * row, sampleIndex, condition);
            _pairs.Assign(2 * row + 1, sampleIndex, _guidance.Negative ?? Condition.None);
            _plain?.Assign(row, sampleIndex, condition);
        }

        public void Move(int source, int destination)
        {
            _pairs.Move(2 * source, 2 * destination);
            _pairs.Move(2 * source + 1, 2 * destination + 1);
            _plain?.Move(source, destination);
        }

        public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
        {
            if (_plain is not null && !AnyActive(first, count))
            {
                _plain.Evaluate(first, count, output, cancellationToken);
                return;
            }
            for (int row = first; row < first + count; row++)
            {
                for (int half = 2 * row; half <= 2 * row + 1; half++)
                {
                    _outer.States[row].CopyTo(_both.States[half]);
                    _both.Times[half] = _outer.Times[row];
                    _outer.Probes?[row].CopyTo(_both.Probes![half]);
                }
            }
            _pairs.Evaluate(2 * first, 2 * count, output: 0, cancellationToken);
            for (int row = first; row < first + count; row++)
                Combine(row, output);
        }

        public void Dispose()
        {
            _pairs.Dispose();
            _plain?.Dispose();
            _both.Release();
        }

        private bool AnyActive(int first, int count)
        {
            foreach (double time in _outer.Times.AsSpan(first, count))
            {
                if (_guidance.IsActiveAt(time))
                    return true;
            }
            return false;
        }

        private void Combine(int row, int output)
        {
            Span<float> with = _both.Velocities[0][2 * row], without = _both.Velocities[0][2 * row + 1], result = _outer.Velocities[output][row];
            RowBuffer? divergences = _both.Divergences?[0];
            if (!_guidance.IsActiveAt(_outer.Times[row]))
            {
                with.CopyTo(result);
                divergences?[2 * row].CopyTo(_outer.Divergences![output][row]);
                return;
            }
            float scale = (float)_guidance.Scale;
            double deviation = _guidance.Rescale > 0 ? Deviation(with) : 0;
            TensorPrimitives.Subtract(with, without, with);
            TensorPrimitives.MultiplyAdd(with, scale, without, result);
            if (_guidance.Rescale > 0 && Deviation(result) is > 0 and var guided)
                TensorPrimitives.Multiply(result, (float)(_guidance.Rescale * deviation / guided + 1 - _guidance.Rescale), result);
            if (divergences is null)
                return;
            float divergence = divergences[2 * row + 1][0];
            _outer.Divergences![output][row][0] = divergence + scale * (divergences[2 * row][0] - divergence);
        }

        /// <summary>The standard deviation of a row's values.</summary>
        private static double Deviation(ReadOnlySpan<float> values)
        {
            double sum = 0, squares = 0;
            foreach (float value in values)
            {
                sum += value;
                squares += (double)value * value;
            }
            double mean = sum / values.Length;
            return Math.Sqrt(Math.Max(0, squares / values.Length - mean * mean));
        }
    }
}
