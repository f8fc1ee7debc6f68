using System.Numerics.Tensors;
using FlowRuntime.Fields;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;

namespace FlowRuntime.Ode;

/// <summary>
/// The last step of a solve that stops short of the data: x := D, the data that the last state and its velocity speak of, by one
/// evaluation more for each completed sample.
/// </summary>
internal sealed class DataFinish : IDisposable
{
    private readonly OdeProblem _problem;
    private readonly PathCoefficients _at;
    private readonly EvaluationBuffers _buffers;
    private readonly IVelocityEvaluator _evaluator;

    public DataFinish(OdeProblem problem, ProbabilityPath path)
    {
        _problem = problem;
        _at = path.At(problem.End);
        _buffers = new EvaluationBuffers(1, problem.Field.Dimension, outputs: 1);
        _evaluator = problem.Field.CreateEvaluator(_buffers);
    }

    /// <summary>Samples finished so far.</summary>
    public long Samples { get; private set; }

    /// <summary>The sample with its data for its state; its memory is changed. One that failed is as it was.</summary>
    public FinishedSample Finished(in FinishedSample sample)
    {
        if (sample.Status != SampleStatus.Completed)
            return sample;
        Samples++;
        _evaluator.Assign(0, sample.Index, _problem.ConditionOf(sample.Index));
        sample.State.CopyTo(_buffers.States[0]);
        _buffers.Times[0] = _problem.End;
        _evaluator.Evaluate(0, 1, output: 0);
        (double ofState, double ofVelocity) = _at.Data;
        Span<float> velocity = _buffers.Velocities[0][0];
        TensorPrimitives.Multiply(velocity, (float)ofVelocity, velocity);
        TensorPrimitives.MultiplyAdd(sample.State, (float)ofState, velocity, velocity);
        bool isFinite = TensorPrimitives.IsFiniteAll<float>(velocity);
        if (isFinite)
            velocity.CopyTo(sample.State);
        return sample with
        {
            Status = isFinite ? SampleStatus.Completed : SampleStatus.NonFinite,
            Evaluations = sample.Evaluations + 1,
        };
    }

    public void Dispose()
    {
        _evaluator.Dispose();
        _buffers.Release();
    }
}
