using System.Runtime.CompilerServices;
using FlowRuntime.Fields;
using FlowRuntime.Paths;

namespace FlowRuntime.Ode;

/// <summary>Writes the state a sample starts from.</summary>
/// <param name="index">Index of the sample.</param>
/// <param name="state">Receives the state, [dimension].</param>
public delegate void InitialState(long index, Span<float> state);

/// <summary>Many initial-value problems dx/dt = v(t, x), x(Start) given, one for each sample index, solved together.</summary>
public sealed record OdeProblem
{
    /// <summary>The velocity field.</summary>
    public required IVelocityField Field { get; init; }

    /// <summary>The state each sample starts from, as a pure function of its index; called from worker threads.</summary>
    public required InitialState InitialState { get; init; }

    /// <summary>The condition of each sample, as a pure function of its index; called from worker threads. Default: none.</summary>
    public Func<long, Condition> ConditionOf { get; init; } = static _ => Condition.None;

    /// <summary>Shape of one state; its product is the field's dimension. Default: [dimension].</summary>
    public IReadOnlyList<int>? Shape { get; init; }

    /// <summary>Index of the first sample, at least 0. Default 0.</summary>
    public long First
    {
        get;
        init => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(First), value, "Give an index of at least 0.");
    }

    /// <summary>Number of samples, at least 1.</summary>
    public required long Count
    {
        get;
        init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Count), value, "Ask for at least one sample.");
    }

    /// <summary>Time the solve starts from. Default 0.</summary>
    public double Start { get; init; }

    /// <summary>
    /// Time the solve ends at; before <see cref="Start"/> it runs in reverse. Default 1. The field is never evaluated
    /// outside [Start, End].
    /// </summary>
    public double End { get; init; } = 1;

    /// <summary>
    /// Times at which each sample's state is recorded besides its end, in order from Start to End, both allowed. They cost
    /// no steps: the states are those of the method's own interpolant. Default: none.
    /// </summary>
    public IReadOnlyList<double> TrajectoryTimes { get; init; } = [];

    /// <summary>The method and its steps. Default: <see cref="AdaptiveSteps"/>.</summary>
    public SolverOptions Solver { get; init; } = new AdaptiveSteps();

    /// <summary>
    /// The Gaussian path the field belongs to; exponential and stochastic methods and the Karras grid need it.
    /// Default: none.
    /// </summary>
    public ProbabilityPath? Path { get; init; }

    /// <summary>
    /// Whether a sample ends as the data its last state and velocity speak of, by one evaluation more: for solves that stop
    /// short of a path's end, where the velocity is not to be had. Needs the <see cref="Path"/>. Default: no.
    /// </summary>
    /// <remarks>The last state of a trajectory at the end of the solve is as it was before.</remarks>
    public bool FinishesWithData { get; init; }

    /// <summary>Seed of the noise of stochastic methods. Default 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>Threads that solve, from 1 to 256. Default: by the number of samples, up to the number of processors.</summary>
    public int? Workers { get; init => field = CheckWorkers(value); }

    /// <summary>Samples a worker solves side by side, at least 1. Default: by the dimension, up to 1,024.</summary>
    public int? Slots { get; init => field = CheckSlots(value); }

    /// <summary>The most workers where their number is not given.</summary>
    internal int Processors { get; init; } = Environment.ProcessorCount;

    internal static int? CheckWorkers(int? value, [CallerMemberName] string name = "") => value is null or (>= 1 and <= 256) ? value
        : throw new ArgumentOutOfRangeException(name, value, "Give 1 to 256 workers.");

    internal static int? CheckSlots(int? value, [CallerMemberName] string name = "") => value is null or >= 1 ? value
        : throw new ArgumentOutOfRangeException(name, value, "Give at least one slot.");

    /// <summary>What is solved for, for metrics and traces.</summary>
    internal string Operation { get; init; } = "solve";

    /// <summary>The model's file without its folder, for metrics and traces; null for a field of the caller's own.</summary>
    internal string? ModelName { get; init; }

    /// <summary>
    /// Makes the arithmetic on states of a worker with so many rows, in the memory of a device; null for the host's. For adaptive steps without trajectories, and a field whose evaluators
    /// work on such tables.
    /// </summary>
    internal Func<int, IStateArithmetic>? StateArithmetic { get; init; }

    /// <summary>Whether the problem is one in the coordinates of <see cref="AdaptiveSteps.Moments"/>.</summary>
    internal bool IsWhitened { get; init; }

    /// <summary>1 where time runs forward, −1 where it runs in reverse.</summary>
    internal int Direction => Start < End ? 1 : -1;

    /// <exception cref="ArgumentException">The interval is empty or not finite, or the shape or the trajectory does not fit it or is more than one array can hold.</exception>
    internal void Check()
    {
        if (Field.Dimension < 1)
            throw new ArgumentException($"The field has {Field.Dimension} values. Give one of at least one value.");
        if (!(double.IsFinite(Start) && double.IsFinite(End) && Start != End))
            throw new ArgumentException(FormattableString.Invariant($"The solve from t = {Start} to {End} has no length. Give a start and another end."));
        if (!float.IsFinite((float)(End - Start)))
            throw new ArgumentException(FormattableString.Invariant($"The solve from t = {Start} to {End} is longer than a step in float32 can be. Measure time in a larger unit."));
        if (Shape is not null && (Shape.Any(size => size < 1) || Shape.Aggregate((Int128)1, (product, size) => Int128.Min(product * size, int.MaxValue + 1L)) != Field.Dimension))
            throw new ArgumentException($"The shape [{string.Join(", ", Shape)}] does not have the field's {Field.Dimension} values.");
        if (First > long.MaxValue - Count)
            throw new ArgumentOutOfRangeException(nameof(First), First, $"The last of {Count} samples from there has an index beyond {long.MaxValue}.");
        double last = Start;
        foreach (double time in TrajectoryTimes)
        {
            if (!(Direction * time >= Direction * last && Direction * time <= Direction * End))
                throw new ArgumentException(FormattableString.Invariant($"The trajectory's time {time} does not lie between {last} and {End}. Give times in order from the start to the end."));
            last = time;
        }
        if ((1L + TrajectoryTimes.Count) * Field.Dimension > Array.MaxLength)
            throw new ArgumentException($"A sample's {Field.Dimension} values at {TrajectoryTimes.Count} trajectory times and its end are more than one array can hold. Ask for fewer times.");
    }
}
