using System.Numerics.Tensors;
using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Training.Metrics;

/// <summary>
/// The path energy of a flow, ∫ E‖v(t, x(t))‖² dt. It is at least W2²(q0, q1) over the law of the start and the end, and equal to it for
/// optimal transport alone, whose paths are straight and of even speed: the nearer, the fewer steps a solver needs.
/// </summary>
/// <remarks>
/// Source of the bound: Benamou and Brenier 2000, "A computational fluid mechanics solution to the Monge–Kantorovich mass transfer problem"; of the normalised
/// energy: Tong et al. 2024, "Improving and generalizing flow-based generative models with minibatch optimal transport".
/// </remarks>
public static class PathEnergy
{
    private const int ValuesPerPart = 1 << 22;

    /// <summary>The mean energy of the problem's samples, by Simpson's rule along their trajectories.</summary>
    /// <param name="problem">Field, starting points, condition and solver; its trajectory times are not used. The solver's error is in the figure: choose
    /// tolerances well below the digits that count.</param>
    /// <param name="intervals">Number of equal intervals from the start to the end: even, at least 2. Default 64.</param>
    /// <param name="cancellationToken">Ends the solve within one call of the field.</param>
    /// <returns>The energy in the squared units of the points: |velocity|² times time.</returns>
    /// <exception cref="ArgumentException">The problem does not fit itself.</exception>
    /// <exception cref="SamplingException">A sample failed.</exception>
    public static double Along(OdeProblem problem, int intervals = 64, CancellationToken cancellationToken = default)
    {
        if (intervals < 2 || intervals % 2 != 0)
            throw new ArgumentOutOfRangeException(nameof(intervals), intervals, "Simpson's rule takes pairs of intervals. Give an even number, such as 64.");
        int d = problem.Field.Dimension;
        double[] times = [.. Enumerable.Range(0, intervals + 1).Select(k => k == intervals ? problem.End : problem.Start + (problem.End - problem.Start) * k / intervals)];
        double[] weights = [.. times.Select((_, k) => (k == 0 || k == intervals ? 1 : k % 2 == 1 ? 4 : 2) * Math.Abs(problem.End - problem.Start) / (3 * intervals))];
        var buffers = new EvaluationBuffers(times.Length, d, outputs: 1);
        using IVelocityEvaluator evaluator = problem.Field.CreateEvaluator(buffers);
        int part = Math.Max(1, ValuesPerPart / (times.Length * d));
        double sum = 0;
        for (long done = 0; done < problem.Count; done += part)
        {
            OdeProblem some = problem with { First = problem.First + done, Count = Math.Min(part, problem.Count - done), TrajectoryTimes = times };
            SampleBatch batch = OdeSolver.Solve(some, progress: null, cancellationToken).EnsureSuccess();
            for (int i = 0; i < batch.Count; i++)
            {
                batch.Trajectories.AsSpan(i * times.Length * d, times.Length * d).CopyTo(buffers.States.Memory.Span);
                times.CopyTo(buffers.Times);
                for (int row = 0; row < times.Length; row++)
                    evaluator.Assign(row, some.First + i, problem.ConditionOf(some.First + i));
                evaluator.Evaluate(0, times.Length, output: 0, cancellationToken);
                for (int row = 0; row < times.Length; row++)
                    sum += weights[row] * TensorPrimitives.SumOfSquares<float>(buffers.Velocities[0][row]);
            }
        }
        return sum / problem.Count;
    }

    /// <summary>The normalised path energy |energy − W2²| / W2²: 0 is optimal transport.</summary>
    /// <param name="energy">The path energy.</param>
    /// <param name="squaredWasserstein">W2²(q0, q1), above 0; best in closed form, as sets of samples overstate it.</param>
    /// <exception cref="ArgumentOutOfRangeException">W2² is not above 0.</exception>
    public static double Normalised(double energy, double squaredWasserstein) => squaredWasserstein > 0 && double.IsFinite(squaredWasserstein)
        ? Math.Abs(energy - squaredWasserstein) / squaredWasserstein
        : throw new ArgumentOutOfRangeException(nameof(squaredWasserstein), squaredWasserstein, "Give the squared distance of two different distributions, above 0.");
}
