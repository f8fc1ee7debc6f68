using System.Runtime.CompilerServices;
using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;

namespace FlowRuntime.Likelihood;

/// <summary>The log-density of given data under a flow of your own: see <see cref="LikelihoodSolver"/>.</summary>
public sealed record LikelihoodProblem
{
    /// <summary>Most probes a row.</summary>
    internal const int MostProbes = 1 << 16;

    /// <summary>
    /// The velocity field. Its evaluators must write the divergence, <see cref="EvaluationBuffers.Divergences"/>: exactly, or as an
    /// estimate with <see cref="EvaluationBuffers.Probes"/>.
    /// </summary>
    public required IVelocityField Field { get; init; }

    /// <summary>The data at <see cref="End"/>, [count, d], row-major, in the field's units.</summary>
    public required ReadOnlyMemory<float> Data { get; init; }

    /// <summary>Index of the first row, at least 0: its probes and condition go by it, so that data may be worked on in parts. Default 0.</summary>
    public long First { get; init => field = CheckFirst(value); }

    /// <summary>The law of the state at <see cref="Start"/>. Default: N(0, I).</summary>
    public GaussianPrior Prior { get; init; } = GaussianPrior.Standard;

    /// <summary>The condition of each row of the data, as a pure function of its index; called from worker threads. Default: none.</summary>
    public Func<long, Condition> ConditionOf { get; init; } = static _ => Condition.None;

    /// <summary>Time of the prior. Default 0.</summary>
    public double Start { get; init; }

    /// <summary>Time of the data. Default 1.</summary>
    public double End { get; init; } = 1;

    /// <summary>
    /// The method and its steps, one that runs in reverse. Default: <see cref="ButcherTableau.Dopri5"/> with tolerances of 1e-5.
    /// </summary>
    /// <remarks>
    /// What adaptive steps allow the log-density a step is, in nats, d · atol + √(d + 1) · rtol · |ℓ|, with ℓ the divergence integrated so
    /// far: the absolute tolerance holds for its error a value. The state's own error counts besides: where the density is steep, tolerances
    /// near 1e-7 are needed for an error of 1e-4.
    /// </remarks>
    public SolverOptions Solver { get; init; } = DefaultSolver;

    /// <summary>How densities are solved where nothing is said.</summary>
    public static AdaptiveSteps DefaultSolver { get; } = new() { Method = ButcherTableau.Dopri5, RelativeTolerance = 1e-5, AbsoluteTolerance = 1e-5 };

    /// <summary>The path the field belongs to; the Karras grid needs it. Default: none.</summary>
    public ProbabilityPath? Path { get; init; }

    /// <summary>Seed of the probes. Default 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>
    /// Probes a row, from 1 to 65,536, each a solve of its own, for a field that estimates its divergence; the log-density is the mean of
    /// theirs. Default 1.
    /// </summary>
    public int Probes { get; init => field = CheckProbes(value); } = 1;

    /// <summary>Threads that solve, from 1 to 256. Default: by the number of rows, up to the number of processors.</summary>
    public int? Workers { get; init => field = OdeProblem.CheckWorkers(value); }

    /// <summary>The most workers where their number is not given.</summary>
    internal int Processors { get; init; } = Environment.ProcessorCount;

    /// <summary>Rows a worker solves side by side, at least 1. Default: by the dimension, up to 1,024.</summary>
    public int? Slots { get; init => field = OdeProblem.CheckSlots(value); }

    /// <summary>The model's file without its folder, for metrics and traces; null for a field of the caller's own.</summary>
    internal string? ModelName { get; init; }

    internal static long CheckFirst(long value, [CallerMemberName] string name = "") => value is >= 0 and <= long.MaxValue / (2L * MostProbes) ? value
        : throw new ArgumentOutOfRangeException(name, value, $"Give an index from 0 to {long.MaxValue / (2L * MostProbes)}.");

    internal static int CheckProbes(int value, [CallerMemberName] string name = "") => value is >= 1 and <= MostProbes ? value
        : throw new ArgumentOutOfRangeException(name, value, $"Give 1 to {MostProbes} probes.");

    /// <exception cref="ArgumentException">Data, prior or method do not fit the field.</exception>
    internal void Check()
    {
        int dimension = Field.Dimension;
        if (Data.Length == 0 || Data.Length % dimension != 0)
            throw new ArgumentException($"The data have {Data.Length} numbers. Give one row of {dimension} values, or more.");
        if (Prior.Dimension is { } values && values != dimension)
            throw new ArgumentException($"The prior has {values} values and the field {dimension}. Give it one mean and scale, or one a value.");
        CheckSolver(Solver);
    }

    /// <exception cref="ArgumentException">A density cannot be followed by such a solver.</exception>
    internal static void CheckSolver(SolverOptions? solver)
    {
        if (solver is AdaptiveSteps { Moments: not null })
            throw new ArgumentException("The log-density is solved in the field's own coordinates: set AdaptiveSteps.Moments to null.");
        if (solver is FixedSteps { Method: var method } && method is not (ButcherTableau or MultistepMethod { IsExponential: false }))
            throw new ArgumentException($"The log-density is solved beside the state, which the method {method} cannot do: it follows the path from noise to data. Use a Runge–Kutta or an Adams method.");
    }
}
