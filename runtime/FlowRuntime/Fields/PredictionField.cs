using System.Numerics.Tensors;
using FlowRuntime.Cards;
using FlowRuntime.Paths;

namespace FlowRuntime.Fields;

/// <summary>
/// A field that predicts noise, data, score or v-prediction, as a velocity field: v = a(t) x + b(t) P, where x0 ~ N(0, I) is
/// independent of the data. Its divergence is a d + b ∇·P, with the network's divergence that of P.
/// </summary>
/// <remarks>
/// The numbers a and b are infinite at some ends; solve within the path's <see cref="ProbabilityPath.TimeRange"/>, start from
/// N(α m, (α² S² + ρ²) I) and finish with <see cref="PathCoefficients.Data"/>.
/// </remarks>
public sealed class PredictionField : IVelocityField
{
    private readonly IVelocityField _network;
    private readonly ProbabilityPath _path;
    private readonly PredictionKind _prediction;

    /// <summary>Wraps a network.</summary>
    /// <param name="network">Gives the prediction where a field gives its velocity.</param>
    /// <param name="path">The path it was trained on.</param>
    /// <param name="prediction">What it predicts.</param>
    public PredictionField(IVelocityField network, ProbabilityPath path, PredictionKind prediction) =>
        (_network, _path, _prediction) = (network, path, prediction);

    /// <inheritdoc/>
    public int Dimension => _network.Dimension;

    /// <inheritdoc/>
    public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers) => new Evaluator(this, buffers);

    private sealed class Evaluator(PredictionField owner, EvaluationBuffers buffers) : IVelocityEvaluator
    {
        private readonly IVelocityEvaluator _network = owner._network.CreateEvaluator(buffers);

        public void Assign(int row, long sampleIndex, Condition condition) => _network.Assign(row, sampleIndex, condition);

        public void Move(int source, int destination) => _network.Move(source, destination);

        public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
        {
            _network.Evaluate(first, count, output, cancellationToken);
            for (int row = first; row < first + count; row++)
            {
                (double ofState, double ofPrediction) = owner._path.At(buffers.Times[row]).VelocityOf(owner._prediction);
                Span<float> velocity = buffers.Velocities[output][row];
                TensorPrimitives.Multiply(velocity, (float)ofPrediction, velocity);
                TensorPrimitives.MultiplyAdd(buffers.States[row], (float)ofState, velocity, velocity);
                if (buffers.Divergences is { } divergences)
                    divergences[output][row][0] = (float)(ofState * velocity.Length + ofPrediction * divergences[output][row][0]);
            }
        }

        public void Dispose() => _network.Dispose();
    }
}
