using FlowRuntime.Fields;
using FlowRuntime.Ode;

namespace FlowRuntime.Likelihood;

/// <summary>How a model's log-density of data is found: see <see cref="FlowModel.LogLikelihood"/>.</summary>
public sealed record LikelihoodOptions
{
    /// <summary>Class labels, taken in turn: row i has the label at place i modulo their number. Empty (the default): no class.</summary>
    public IReadOnlyList<int> Labels { get; init; } = [];

    /// <summary>
    /// Conditions with vectors, taken in turn as the labels are: row i has the one at place i modulo their number, and the label at its place
    /// where <see cref="Labels"/> are given, too. Empty (the default): none.
    /// </summary>
    public IReadOnlyList<Condition> Conditions { get; init; } = [];

    /// <summary>
    /// Classifier-free guidance, or its scale; the density is then that of the guided flow. It cannot be rescaled. Default: none, the plain conditional network.
    /// </summary>
    public Guidance Guidance { get; init; } = Guidance.None;

    /// <summary>
    /// For images whose values are whole levels, such as 256 for bytes: the number of levels L, at least 2. Value x of [0, 1] is level
    /// k = round((L − 1) x), and the density is taken at (k + u)/L, with u uniform in (0, 1) by <see cref="Seed"/>, row and place: uniform
    /// dequantisation. Default: none, the values are real numbers.
    /// </summary>
    /// <remarks>
    /// A density of levels as they stand says nothing: it may grow without bound on the points they fill. The mean of −log p + d log L over
    /// u is at least −log P of the levels (Theis, van den Oord and Bethge 2016, "A note on the evaluation of generative models"); so
    /// <see cref="LikelihoodBatch.BitsPerDimension"/> is what is compared between models of images.
    /// </remarks>
    public int? Levels
    {
        get;
        init => field = value is null or >= 2 ? value : throw new ArgumentOutOfRangeException(nameof(Levels), value, "Give at least 2 levels, such as 256, or null for real numbers.");
    }

    /// <summary>
    /// Index of the first row, at least 0: probes, dequantisation, labels and conditions go by it, so that data may be worked on in parts. Default 0.
    /// </summary>
    public long First { get; init => field = LikelihoodProblem.CheckFirst(value); }

    /// <summary>Seed of probes and dequantisation. Default 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>
    /// Probes a row, from 1 to 65,536, each a solve of its own, for a model that estimates its divergence; one whose divergence is exact
    /// is solved once. Default 1.
    /// </summary>
    public int Probes { get; init => field = LikelihoodProblem.CheckProbes(value); } = 1;

    /// <summary>
    /// The method and its steps, one that runs in reverse; what the tolerances mean for the log-density stands at
    /// <see cref="LikelihoodProblem.Solver"/>. Null (the default): as there.
    /// </summary>
    public SolverOptions? Solver { get; init; }

    /// <summary>Threads that solve, from 1 to 256. Default: by the number of rows, up to the number of processors.</summary>
    public int? Workers { get; init => field = OdeProblem.CheckWorkers(value); }

    /// <summary>Rows a worker solves side by side, at least 1. Default: by the dimension, up to 1,024.</summary>
    public int? Slots { get; init => field = OdeProblem.CheckSlots(value); }
}
