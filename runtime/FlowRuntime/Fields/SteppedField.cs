using System.Numerics.Tensors;

namespace FlowRuntime.Fields;

/// <summary>
/// A network that knows whole time steps alone, as a field at every time: at a step it is the network; between two steps, of which the time is the
/// share w beyond the first, it is P = (1 − w) P₀ + w P₁ of the network's predictions P₀ and P₁ at both, for the same state. A row between steps costs two of the
/// network's. Divergences are mixed likewise.
/// </summary>
/// <remarks>
/// What is mixed is the prediction, which changes slowly with the time; the factors that make a velocity of it are taken at the very time. A solve
/// whose times are all steps (<see cref="Ode.TimeGrid.OnSteps"/>) asks for nothing between.
/// </remarks>
internal sealed class SteppedField : IVelocityField
{
    /// <summary>How far from a step, in steps, a time may be for the rounding of doubles.</summary>
    private const double Rounding = 1e-6;

    private readonly IVelocityField _network;
    private readonly int _intervals;

    /// <summary>Wraps a network.</summary>
    /// <param name="network">Is asked at the times k/(steps − 1) alone.</param>
    /// <param name="steps">Number of its steps, at least 2.</param>
    public SteppedField(IVelocityField network, int steps) => (_network, _intervals) = (network, steps - 1);

    /// <inheritdoc/>
    public int Dimension => _network.Dimension;

    /// <inheritdoc/>
    public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers) => new Evaluator(this, buffers);

    /// <summary>The share of the interval between steps at which a time stands; 0 at a step.</summary>
    private double ShareOf(double time, out int step)
    {
        double place = time * _intervals, nearest = Math.Round(place);
        step = (int)(Math.Abs(place - nearest) <= Rounding ? nearest : Math.Floor(place));
        return step == nearest && Math.Abs(place - nearest) <= Rounding ? 0 : place - step;
    }

    private sealed class Evaluator(SteppedField owner, EvaluationBuffers buffers) : IVelocityEvaluator
    {
        private readonly IVelocityEvaluator _atSteps = owner._network.CreateEvaluator(buffers);
        private readonly (long Sample, Condition Condition)[] _rows = new (long, Condition)[buffers.Capacity];
        private EvaluationBuffers? _pairs;
        private IVelocityEvaluator? _betweenSteps;

        public void Assign(int row, long sampleIndex, Condition condition)
        {
            _rows[row] = (sampleIndex, condition);
            _atSteps.Assign(row, sampleIndex, condition);
            AssignPair(row);
        }

        public void Move(int source, int destination)
        {
            _rows[destination] = _rows[source];
            _atSteps.Move(source, destination);
            _betweenSteps?.Move(2 * source, 2 * destination);
            _betweenSteps?.Move(2 * source + 1, 2 * destination + 1);
        }

        public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
        {
            bool between = false;
            for (int row = first; row < first + count; row++)
                between |= owner.ShareOf(buffers.Times[row], out _) != 0;
            if (between)
                EvaluateBetween(first, count, output, cancellationToken);
            else
                _atSteps.Evaluate(first, count, output, cancellationToken);
        }

        public void Dispose()
        {
            _atSteps.Dispose();
            _betweenSteps?.Dispose();
            _pairs?.Release();
        }

        /// <summary>Row r becomes the rows 2r, at the step before, and 2r + 1, at the step behind.</summary>
        private void EvaluateBetween(int first, int count, int output, CancellationToken cancellationToken)
        {
            EvaluationBuffers pairs = Pairs();
            for (int row = first; row < first + count; row++)
            {
                double share = owner.ShareOf(buffers.Times[row], out int step);
                for (int side = 0; side < 2; side++)
                {
                    pairs.Times[2 * row + side] = (share == 0 ? step : step + side) / (double)owner._intervals;
                    buffers.States[row].CopyTo(pairs.States[2 * row + side]);
                    buffers.Probes?[row].CopyTo(pairs.Probes![2 * row + side]);
                }
            }
            _betweenSteps!.Evaluate(2 * first, 2 * count, output: 0, cancellationToken);
            for (int row = first; row < first + count; row++)
            {
                float share = (float)owner.ShareOf(buffers.Times[row], out _);
                Mix(pairs.Velocities[0], row, share, buffers.Velocities[output][row]);
                if (buffers.Divergences is { } divergences)
                    Mix(pairs.Divergences![0], row, share, divergences[output][row]);
            }
        }

        private static void Mix(RowBuffer pairs, int row, float share, Span<float> result)
        {
            Span<float> before = pairs[2 * row], behind = pairs[2 * row + 1];
            TensorPrimitives.Subtract(behind, before, behind);
            TensorPrimitives.MultiplyAdd(behind, share, before, result);
        }

        /// <summary>The buffers of pairs, made when first a row stands between steps.</summary>
        private EvaluationBuffers Pairs()
        {
            if (_pairs is not null)
                return _pairs;
            _pairs = new EvaluationBuffers(2 * buffers.Capacity, buffers.Dimension, outputs: 1, buffers.Divergences is not null);
            _betweenSteps = owner._network.CreateEvaluator(_pairs);
            for (int row = 0; row < buffers.Capacity; row++)
                AssignPair(row);
            return _pairs;
        }

        private void AssignPair(int row)
        {
            if (_betweenSteps is null || _rows[row].Condition is not { } condition)
                return;
            _betweenSteps.Assign(2 * row, _rows[row].Sample, condition);
            _betweenSteps.Assign(2 * row + 1, _rows[row].Sample, condition);
        }
    }
}
