using FlowRuntime.Paths;
using FlowRuntime.Sampling;

namespace FlowRuntime.Fields;

/// <summary>
/// A field that sees the known part of each sample where the path has it, x = α x1 + ρ ε, with the datum x1 and the sample's own noise ε, whatever the
/// solver has made of it; what is unknown flows on beside it. The known part's own velocity is 0.
/// </summary>
internal sealed class InpaintingField : IVelocityField
{
    private readonly IVelocityField _field;
    private readonly ProbabilityPath _path;
    private readonly float[] _data;
    private readonly bool[] _known;
    private readonly long _first;
    private readonly ulong _seed;

    /// <param name="field">The field.</param>
    /// <param name="path">Its path.</param>
    /// <param name="data">Data of which a part is known, one row a sample.</param>
    /// <param name="known">Which values are known, one for each value of the data.</param>
    /// <param name="first">Index of the first sample.</param>
    /// <param name="seed">Seed of the samples' noise.</param>
    public InpaintingField(IVelocityField field, ProbabilityPath path, float[] data, bool[] known, long first, ulong seed) =>
        (_field, _path, _data, _known, _first, _seed) = (field, path, data, known, first, seed);

    /// <inheritdoc/>
    public int Dimension => _field.Dimension;

    /// <inheritdoc/>
    public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers) => new Evaluator(this, buffers);

    /// <summary>Puts the known part of a sample where the path has it.</summary>
    /// <param name="index">Index of the sample.</param>
    /// <param name="at">The path at the time.</param>
    /// <param name="noise">The sample's noise.</param>
    /// <param name="state">The state, whose known values are replaced.</param>
    public void Place(long index, PathCoefficients at, ReadOnlySpan<float> noise, Span<float> state)
    {
        int row = (int)(index - _first) * Dimension;
        for (int i = 0; i < state.Length; i++)
        {
            if (_known[row + i])
                state[i] = (float)(at.Alpha * _data[row + i] + at.Deviation * noise[i]);
        }
    }

    /// <summary>Puts the known part of a sample where its datum is.</summary>
    public void PlaceData(long index, Span<float> state)
    {
        int row = (int)(index - _first) * Dimension;
        for (int i = 0; i < state.Length; i++)
            state[i] = _known[row + i] ? _data[row + i] : state[i];
    }

    private sealed class Evaluator : IVelocityEvaluator
    {
        private readonly InpaintingField _owner;
        private readonly EvaluationBuffers _outer;
        private readonly EvaluationBuffers _inner;
        private readonly IVelocityEvaluator _evaluator;
        private readonly RowBuffer _noise;
        private readonly long[] _indices;

        public Evaluator(InpaintingField owner, EvaluationBuffers buffers)
        {
            (_owner, _outer) = (owner, buffers);
            _inner = new EvaluationBuffers(buffers.Capacity, buffers.Dimension, outputs: 1);
            _noise = new RowBuffer(buffers.Capacity, buffers.Dimension);
            _indices = new long[buffers.Capacity];
            _evaluator = owner._field.CreateEvaluator(_inner);
        }

        public void Assign(int row, long sampleIndex, Condition condition)
        {
            _indices[row] = sampleIndex;
            Noise.Fill(_owner._seed, sampleIndex, _noise[row]);
            _evaluator.Assign(row, sampleIndex, condition);
        }

        public void Move(int source, int destination)
        {
            _indices[destination] = _indices[source];
            _noise[source].CopyTo(_noise[destination]);
            _evaluator.Move(source, destination);
        }

        public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
        {
            _outer.Times.AsSpan(first, count).CopyTo(_inner.Times.AsSpan(first));
            _outer.States.Range(first, count).CopyTo(_inner.States.Range(first, count));
            for (int row = first; row < first + count; row++)
                _owner.Place(_indices[row], _owner._path.At(_inner.Times[row]), _noise[row], _inner.States[row]);
            _evaluator.Evaluate(first, count, output: 0, cancellationToken);
            for (int row = first; row < first + count; row++)
            {
                Span<float> velocity = _outer.Velocities[output][row];
                _inner.Velocities[0][row].CopyTo(velocity);
                ReadOnlySpan<bool> known = _owner._known.AsSpan((int)(_indices[row] - _owner._first) * _owner.Dimension, _owner.Dimension);
                for (int i = 0; i < velocity.Length; i++)
                    velocity[i] = known[i] ? 0 : velocity[i];
            }
        }

        public void Dispose()
        {
            _evaluator.Dispose();
            _inner.Release();
            _noise.Release();
        }
    }
}
