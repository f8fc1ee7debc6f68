using FlowRuntime.Fields;
using FlowRuntime.Sampling;

namespace FlowRuntime.Likelihood;

/// <summary>
/// A field with the integral of its divergence beside the state: y = (x, c ℓ) with dx/dt = v and dℓ/dt = ∇·v, so that any method solves
/// both under one error control.
/// </summary>
/// <remarks>
/// A solver takes the root mean square over all d + 1 values. With c = √(d + 1)/d the share of ℓ in it is that of its error a value, ℓ/d,
/// against the absolute tolerance, in one dimension as in thousands.
/// Sample r K + k is row r of the data with its k-th of K probes.
/// </remarks>
internal sealed class LikelihoodField : IVelocityField
{
    /// <summary>The streams of the probes: this one for the first, the next one for the second, and so on.</summary>
    private const uint ProbeStream = 0x8000_0000;

    private readonly IVelocityField _field;
    private readonly ulong _seed;
    private readonly int _probes;

    /// <summary>Wraps a field.</summary>
    /// <param name="field">A field with a divergence, exact or estimated.</param>
    /// <param name="seed">Seed of the probes.</param>
    /// <param name="probes">Number of probes a row, K.</param>
    public LikelihoodField(IVelocityField field, ulong seed, int probes)
    {
        (_field, _seed, _probes) = (field, seed, probes);
        Dimension = checked(field.Dimension + 1);
        Factor = Math.Sqrt(Dimension) / field.Dimension;
    }

    /// <inheritdoc/>
    public int Dimension { get; }

    /// <summary>c, by which ℓ is multiplied in the state.</summary>
    public double Factor { get; }

    /// <inheritdoc/>
    public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers) => new Evaluator(this, buffers);

    /// <summary>The probe of a row: signs ±1, each as likely, that depend on (seed, row, number) alone.</summary>
    public static void FillProbe(ulong seed, long row, int number, Span<float> probe)
    {
        Span<uint> words = stackalloc uint[4];
        for (int i = 0; i < probe.Length; i++)
        {
            int bit = i % 128; // of a block of four words
            if (bit == 0)
                (words[0], words[1], words[2], words[3]) = Philox4x32.Block((uint)(i / 128), ProbeStream + (uint)number, (uint)row, (uint)(row >> 32), seed);
            probe[i] = (words[bit / 32] >> (bit % 32) & 1) == 0 ? 1 : -1;
        }
    }

    private sealed class Evaluator : IVelocityEvaluator
    {
        private readonly LikelihoodField _owner;
        private readonly EvaluationBuffers _outer;
        private readonly EvaluationBuffers _inner;
        private readonly IVelocityEvaluator _evaluator;

        public Evaluator(LikelihoodField owner, EvaluationBuffers buffers)
        {
            (_owner, _outer) = (owner, buffers);
            _inner = new EvaluationBuffers(buffers.Capacity, owner.Dimension - 1, outputs: 1, withDivergence: true);
            _evaluator = owner._field.CreateEvaluator(_inner);
        }

        public void Assign(int row, long sampleIndex, Condition condition)
        {
            (long dataRow, long number) = Math.DivRem(sampleIndex, _owner._probes);
            FillProbe(_owner._seed, dataRow, (int)number, _inner.Probes![row]);
            _evaluator.Assign(row, dataRow, condition);
        }

        public void Move(int source, int destination)
        {
            _inner.Probes![source].CopyTo(_inner.Probes[destination]);
            _evaluator.Move(source, destination);
        }

        public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
        {
            int dimension = _inner.Dimension;
            _outer.Times.AsSpan(first, count).CopyTo(_inner.Times.AsSpan(first, count));
            for (int row = first; row < first + count; row++)
                _outer.States[row][..dimension].CopyTo(_inner.States[row]);
            _evaluator.Evaluate(first, count, output: 0, cancellationToken);
            for (int row = first; row < first + count; row++)
            {
                Span<float> velocity = _outer.Velocities[output][row];
                _inner.Velocities[0][row].CopyTo(velocity);
                velocity[dimension] = (float)(_owner.Factor * _inner.Divergences![0][row][0]);
            }
        }

        public void Dispose()
        {
            _evaluator.Dispose();
            _inner.Release();
        }
    }
}
