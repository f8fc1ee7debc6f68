using System.Runtime.CompilerServices;
using FlowRuntime.Fields;

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
    public required int Count
    {
        get;
        init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Count), value, "Ask for at least one sample.");
    }

    /// <summary>Time the solve starts from, below <see cref="End"/>. Default 0.</summary>
    public double Start { get; init; }

    /// <summary>Time the solve ends at. Default 1. The field is never evaluated outside [Start, End].</summary>
    public double End { get; init; } = 1;

    /// <summary>The method and its steps. Default: <see cref="AdaptiveSteps"/>.</summary>
    public SolverOptions Solver { get; init; } = new AdaptiveSteps();

    /// <summary>Threads that solve, from 1 to 256. Default: by the number of samples, up to the number of processors.</summary>
    public int? Workers { get; init => field = CheckWorkers(value); }

    /// <summary>Samples a worker solves side by side, at least 1. Default: by the dimension, up to 1,024.</summary>
    public int? Slots { get; init => field = CheckSlots(value); }

    internal static int? CheckWorkers(int? value, [CallerMemberName] string name = "") => value is null or (>= 1 and <= 256) ? value
        : throw new ArgumentOutOfRangeException(name, value, "Give 1 to 256 workers.");

    internal static int? CheckSlots(int? value, [CallerMemberName] string name = "") => value is null or >= 1 ? value
        : throw new ArgumentOutOfRangeException(name, value, "Give at least one slot.");
}
