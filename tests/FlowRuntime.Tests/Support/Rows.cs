using FlowRuntime.Fields;

namespace FlowRuntime.Tests;

/// <summary>Evaluates a field once at given rows, without a solver.</summary>
internal static class Rows
{
    /// <summary>The velocities, row-major, of states at times under conditions, one of each a row.</summary>
    public static float[] Velocities(IVelocityField field, double[] times, float[] states, params Condition[] conditions)
    {
        var buffers = new EvaluationBuffers(times.Length, field.Dimension, outputs: 1);
        times.CopyTo(buffers.Times, 0);
        states.CopyTo(buffers.States.Memory);
        using IVelocityEvaluator evaluator = field.CreateEvaluator(buffers);
        for (int row = 0; row < times.Length; row++)
            evaluator.Assign(row, sampleIndex: row, conditions.Length == 0 ? Condition.None : conditions[row]);
        evaluator.Evaluate(0, times.Length, output: 0);
        return buffers.Velocities[0].Memory.ToArray();
    }
}
