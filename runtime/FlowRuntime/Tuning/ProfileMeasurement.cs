using FlowRuntime.Fields;
using FlowRuntime.Ode;

namespace FlowRuntime.Tuning;

/// <summary>Measures a <see cref="StepProfile"/>: from states of tight trajectories, how large a step each sample could take.</summary>
internal static class ProfileMeasurement
{
    /// <summary>Times of a profile.</summary>
    public const int Nodes = 41;

    /// <summary>The share of the tolerance that a step's error may take.</summary>
    private const double Limit = 0.8;

    /// <summary>The share of samples that may not take the profile's step.</summary>
    private const double Quantile = 0.1;

    /// <summary>Step sizes tried from each state: the whole rest, and each 1.8 times shorter than the one before.</summary>
    private const int Tries = 12;
    private const double Ratio = 1.8;

    /// <summary>Where the whole rest is within the tolerance, how much further a step may be thought to reach.</summary>
    private const double MostBeyond = 4;

    private static readonly double[] Tolerances = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1];

    /// <summary>Measures the profile of a pair.</summary>
    /// <param name="problem">The samples: their field, conditions, number, start and end.</param>
    /// <param name="times">The times of the states.</param>
    /// <param name="states">The states, [samples, times, dimension].</param>
    /// <param name="pair">The pair, with one error estimate.</param>
    /// <param name="cancellationToken">Ends the measurement within one call of the field.</param>
    public static StepProfile Measure(OdeProblem problem, double[] times, float[] states, EmbeddedPair pair, CancellationToken cancellationToken)
    {
        int samples = (int)problem.Count, dimension = problem.Field.Dimension;
        var buffers = new EvaluationBuffers(samples, dimension, pair.Stages);
        using IVelocityEvaluator evaluator = problem.Field.CreateEvaluator(buffers);
        for (int row = 0; row < samples; row++)
            evaluator.Assign(row, problem.First + row, problem.ConditionOf(problem.First + row));
        var step = new OneStep(buffers, evaluator, pair, cancellationToken);

        double[][] logSteps = [.. Tolerances.Select(_ => new double[times.Length])];
        double[][] errors = [.. Enumerable.Range(0, Tries).Select(_ => new double[samples])];
        for (int node = 0; node < times.Length; node++)
        {
            double rest = problem.End - times[node];
            if (rest <= 0) // no step starts here: as before it
            {
                foreach (double[] row in logSteps)
                    row[node] = row[node - 1];
                continue;
            }
            for (int row = 0; row < samples; row++)
                states.AsSpan((row * times.Length + node) * dimension, dimension).CopyTo(step.X[row]);
            step.Begin(times[node]);
            for (int attempt = 0; attempt < Tries; attempt++)
                step.Errors(times[node], attempt == 0 ? rest : rest / Math.Pow(Ratio, attempt), problem.End, errors[attempt]);
            for (int tolerance = 0; tolerance < Tolerances.Length; tolerance++)
                logSteps[tolerance][node] = QuantileOf(samples, row => LogStep(errors, row, Limit * Tolerances[tolerance], rest, pair));
        }
        return new StepProfile(pair, Tolerances, [.. logSteps.Select(row => row.Select(Math.Exp).ToArray())], problem.IsWhitened);
    }

    /// <summary>The logarithm of the largest step before the error first passes a limit, from short steps to long ones.</summary>
    private static double LogStep(double[][] errors, int row, double limit, double rest, EmbeddedPair pair)
    {
        double order = pair.EmbeddedOrder + 1;
        double logRest = Math.Log(rest), logRatio = Math.Log(Ratio);
        for (int attempt = Tries - 1; attempt >= 0; attempt--)
        {
            double error = errors[attempt][row];
            if (error <= limit)
                continue;
            if (attempt == Tries - 1) // even the shortest is too long: as the order of the error says
                return logRest - attempt * logRatio - (double.IsFinite(error) ? Math.Log(error / limit) / order : logRatio);
            double below = errors[attempt + 1][row];
            double share = below > 0 && double.IsFinite(error) ? Math.Log(limit / below) / Math.Log(error / below) : 0.5;
            return logRest - (attempt + 1 - share) * logRatio;
        }
        double beyond = errors[0][row] > 0 ? Math.Pow(limit / errors[0][row], 1 / order) : MostBeyond;
        return logRest + Math.Log(Math.Min(beyond, MostBeyond));
    }

    private static double QuantileOf(int count, Func<int, double> value)
    {
        double[] sorted = [.. Enumerable.Range(0, count).Select(value).Order()];
        return sorted[(int)(Quantile * count)];
    }

    /// <summary>One step of a pair for all rows at once, all at the same time and of the same size, and its errors.</summary>
    private sealed class OneStep(EvaluationBuffers buffers, IVelocityEvaluator evaluator, EmbeddedPair pair, CancellationToken cancellationToken)
    {
        private readonly RowBuffer[] _stages = [.. buffers.Velocities];
        private readonly RowBuffer _scratch = new(buffers.Capacity, buffers.Dimension);
        private readonly RowSteps _h = new(buffers.Capacity, buffers.Dimension);

        /// <summary>The states the step starts from.</summary>
        public RowBuffer X { get; } = new(buffers.Capacity, buffers.Dimension);

        /// <summary>Evaluates the first stage.</summary>
        public void Begin(double time)
        {
            X.Memory.CopyTo(buffers.States.Memory);
            Evaluate(time, 0);
        }

        /// <summary>The scaled errors of a step for tolerances of 1; those of a tolerance are by its factor larger.</summary>
        public void Errors(double time, double h, double end, double[] errors)
        {
            _h.Fill((float)h);
            for (int stage = 1; stage < pair.Stages; stage++)
            {
                RowArithmetic.Combine(buffers.States, X, _h, _stages, pair.A(stage), 0, buffers.Capacity);
                Evaluate(Math.Min(time + pair.C[stage] * h, end), stage);
            }
            if (!pair.LastStageIsNextFirst)
                RowArithmetic.Combine(buffers.States, X, _h, _stages, pair.B, 0, buffers.Capacity);
            RowArithmetic.SquaredScaledError(_scratch, X, buffers.States, _h, _stages, pair.ErrorWeights, absolute: 1, relative: 1, buffers.Capacity, errors);
            for (int row = 0; row < errors.Length; row++)
                errors[row] = Math.Sqrt(errors[row]);
        }

        private void Evaluate(double time, int stage)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Array.Fill(buffers.Times, time);
            evaluator.Evaluate(0, buffers.Capacity, stage);
        }
    }
}
