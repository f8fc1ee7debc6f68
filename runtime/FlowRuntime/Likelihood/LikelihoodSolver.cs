using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Likelihood;

/// <summary>
/// The log-density of data under a flow: log p_1(x(1)) = log p_0(x(0)) − ∫₀¹ ∇·v(t, x(t)) dt, solved backwards from the data together
/// with the state, each row with its own steps and status.
/// </summary>
/// <remarks>
/// Source: Chen et al. 2018, "Neural Ordinary Differential Equations", the instantaneous change of variables; with an estimated divergence
/// Grathwohl et al. 2019, "FFJORD". A row's result depends on the row, its index, the field and the options alone: not on the number of
/// rows, workers or slots, bit for bit.
/// </remarks>
public static class LikelihoodSolver
{
    /// <summary>Solves the problem. A row that fails does so alone, with NaN and its own status; nothing is thrown for it.</summary>
    /// <param name="problem">What to solve.</param>
    /// <param name="progress">Told after each step in which rows finished; each probe of a row counts.</param>
    /// <param name="cancellationToken">Ends the solve within one call of the field.</param>
    /// <returns>Log-densities in the field's units, at <see cref="LikelihoodProblem.End"/>.</returns>
    /// <exception cref="ArgumentException">The interval is empty or not finite, or data, prior or method do not fit the field.</exception>
    /// <exception cref="NotSupportedException">The field has no divergence.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The field's model was disposed, before or during the solve.</exception>
    public static LikelihoodBatch Solve(
        LikelihoodProblem problem, IProgress<SamplingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        problem.Check();
        int dimension = problem.Field.Dimension, probes = problem.Probes;
        var field = new LikelihoodField(problem.Field, problem.Seed, probes);
        var batch = new LikelihoodBatch(problem.First, problem.Data.Length / dimension, dimension, probes);
        void Take(in FinishedSample sample)
        {
            ReadOnlySpan<float> start = sample.State[..dimension];
            // Run from End to Start, the last value is c ∫ ∇·v dt with the sign of −∫ from Start to End.
            batch.Take(sample, start, problem.Prior.LogDensity(start) + sample.State[dimension] / field.Factor);
        }
        batch.Statistics = OdeSolver.Stream(
            new OdeProblem
            {
                Operation = "likelihood",
                ModelName = problem.ModelName,
                Field = field,
                InitialState = (index, state) =>
                {
                    problem.Data.Span.Slice((int)(index / probes - problem.First) * dimension, dimension).CopyTo(state);
                    state[dimension] = 0;
                },
                ConditionOf = index => problem.ConditionOf(index / probes),
                First = checked(problem.First * probes),
                Count = (long)batch.Count * probes,
                Start = problem.End,
                End = problem.Start,
                Solver = problem.Solver,
                Path = problem.Path,
                Workers = problem.Workers,
                Processors = problem.Processors,
                Slots = problem.Slots,
            },
            Take, probes > 1 ? SampleOrder.Index : SampleOrder.Completion, progress, cancellationToken);
        return batch;
    }
}
