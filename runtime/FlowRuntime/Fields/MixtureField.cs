using FlowRuntime.Paths;

namespace FlowRuntime.Fields;

/// <summary>
/// The exact velocity field from N(0, I) to data that are a <see cref="GaussianMixture"/>: the oracle that a network is to
/// learn, and a ready field to try solvers on. Its divergence is exact, too.
/// </summary>
/// <remarks>
/// Finite data have no velocity at σ = 0: solve up to 1 − <see cref="ProbabilityPath.EndMargin"/> and finish with
/// <see cref="GaussianMixture.DataMean"/>.
/// </remarks>
/// <param name="data">The data.</param>
/// <param name="path">The path from noise to data.</param>
public sealed class MixtureField(GaussianMixture data, ProbabilityPath path) : IVelocityField
{
    /// <inheritdoc/>
    public int Dimension => data.Dimension;

    /// <inheritdoc/>
    public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers) => new Evaluator(data, path, buffers);

    private sealed class Evaluator(GaussianMixture data, ProbabilityPath path, EvaluationBuffers buffers) : IVelocityEvaluator
    {
        private readonly double[] _velocity = new double[data.Dimension];

        public void Assign(int row, long sampleIndex, Condition condition)
        {
        }

        public void Move(int source, int destination)
        {
        }

        public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
        {
            for (int row = first; row < first + count; row++)
            {
                PathCoefficients at = path.At(buffers.Times[row]);
                if (buffers.Divergences is { } divergences)
                {
                    data.Velocity(at, buffers.States[row], _velocity, out double divergence);
                    divergences[output][row][0] = (float)divergence;
                }
                else
                {
                    data.Velocity(at, buffers.States[row], _velocity);
                }
                Span<float> velocity = buffers.Velocities[output][row];
                for (int i = 0; i < velocity.Length; i++)
                    velocity[i] = (float)_velocity[i];
            }
        }

        public void Dispose()
        {
        }
    }
}
