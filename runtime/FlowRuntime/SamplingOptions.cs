using FlowRuntime.Fields;
using FlowRuntime.Ode;

namespace FlowRuntime;

/// <summary>What to sample and how.</summary>
public sealed record SamplingOptions
{
    /// <summary>Seed of all randomness. Default 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>Index of the first sample, at least 0. Sample i is the same whichever run draws it. Default 0.</summary>
    public long First
    {
        get;
        init => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(First), value, "Give an index of at least 0.");
    }

    /// <summary>
    /// Class labels, taken in turn: sample i has the label at place i modulo their number. Empty (the default): no class,
    /// that is the network's null class.
    /// </summary>
    public IReadOnlyList<int> Labels { get; init; } = [];

    /// <summary>
    /// Conditions with vectors, taken in turn as the labels are: sample i has the one at place i modulo their number, and the label at its place
    /// where <see cref="Labels"/> are given, too. Empty (the default): none.
    /// </summary>
    public IReadOnlyList<Condition> Conditions { get; init; } = [];

    /// <summary>Classifier-free guidance, or its scale: <c>Guidance = 1.5</c>. Default: none, the plain conditional network.</summary>
    public Guidance Guidance { get; init; } = Guidance.None;

    /// <summary>The method and its steps. Null (the default): the model's own, as its card's hints say, or the library's.</summary>
    public SolverOptions? Solver { get; init; }

    /// <summary>
    /// Times at which each sample's state is recorded besides its end, rising, within the model's trained times. They cost no
    /// steps. Default: none.
    /// </summary>
    public IReadOnlyList<double> TrajectoryTimes { get; init; } = [];

    /// <summary>
    /// Whether each sample's log-density is followed as it is drawn (<see cref="Sampling.SampleBatch.LogDensities"/>), under the same error control; the network must give its
    /// divergence. With a probe (<see cref="Cards.InputsCard.Probe"/>) it is an estimate by one probe, of the sample's seed and index. Default false.
    /// </summary>
    /// <remarks>
    /// It is the density of the state at the model's end: for a model that is not solved to the data the sample is that state, without the last step to the data. The solver must be a
    /// Runge–Kutta or an Adams method in the model's own coordinates; where nothing is said it is <see cref="Ode.ButcherTableau.Dopri5"/> with tolerances of 1e-5.
    /// </remarks>
    public bool LogDensity { get; init; }

    /// <summary>Threads that solve, from 1 to 256. Default: by the number of samples, up to the number of processors.</summary>
    public int? Workers { get; init => field = OdeProblem.CheckWorkers(value); }

    /// <summary>Samples a worker solves side by side, at least 1. Default: by the dimension, up to 1,024.</summary>
    public int? Slots { get; init => field = OdeProblem.CheckSlots(value); }
}
