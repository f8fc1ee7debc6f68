using System.Runtime.CompilerServices;

namespace FlowRuntime.Ode;

/// <summary>How dx/dt = v(t, x) is solved: <see cref="AdaptiveSteps"/> or <see cref="FixedSteps"/>.</summary>
public abstract record SolverOptions
{
    private protected SolverOptions()
    {
    }

    /// <summary>Name of the method, for reports.</summary>
    public abstract string MethodName { get; }
}

/// <summary>
/// Each sample chooses its own steps, so that its own estimated error stays within its tolerance, whatever the others do.
/// </summary>
/// <remarks>
/// A sample ends after at most <see cref="MaxSteps"/> steps, and so after at most 2 + s · <see cref="MaxSteps"/> evaluations, s the stages of the method, besides those of a trajectory's interpolant. The tolerances hold
/// for the root mean square over a sample's values and for each step; what its steps add up to, and what the flow makes of it, is not estimated. A field that changes between the times and states that a step looks at
/// is not seen. States are float32: where their rounding alone, 6e-8 of the state, is more than the tolerances allow, the sample ends as <see cref="Sampling.SampleStatus.StepTooSmall"/>.
/// </remarks>
public sealed record AdaptiveSteps : SolverOptions
{
    /// <summary>Below this tolerance the higher order pays: see docs/solvers.md for the figures.</summary>
    private const double TightTolerance = 1e-3;

    /// <summary>
    /// The embedded pair. Default: by the tolerances, <see cref="ButcherTableau.Bosh3"/> from 1e-3 on and
    /// <see cref="ButcherTableau.Dopri5"/> below.
    /// </summary>
    public EmbeddedPair Method
    {
        get => field ?? (Math.Min(RelativeTolerance, AbsoluteTolerance) >= TightTolerance ? ButcherTableau.Bosh3 : ButcherTableau.Dopri5);
        init;
    }

    /// <summary>
    /// Error allowed a step as a share of |x|; above 0, without unit. Default 3e-3. Below 6e-8, what float32 rounds a state by, it is met only where the absolute tolerance allows that rounding.
    /// </summary>
    public double RelativeTolerance
    {
        get;
        init => field = Positive(value, nameof(RelativeTolerance));
    } = 3e-3;

    /// <summary>Error allowed a step besides, in the units of the network's data; above 0. Default 3e-3.</summary>
    public double AbsoluteTolerance
    {
        get;
        init => field = Positive(value, nameof(AbsoluteTolerance));
    } = 3e-3;

    /// <summary>How the next step follows from the errors. Default <see cref="StepController.PI"/>.</summary>
    public StepController Controller { get; init; } = StepController.PI;

    /// <summary>
    /// Size of the first step, above 0; it saves the evaluation by which one is found otherwise. Default: by the velocity
    /// and its change over a small probe (Hairer I, section II.4).
    /// </summary>
    public double? FirstStep
    {
        get;
        init => field = value is null ? null : Positive(value.Value, nameof(FirstStep));
    }

    /// <summary>
    /// The largest step worth trying at each time, as measured on the model; each sample is controlled by its own error all
    /// the same. It also gives the first step. Default: none.
    /// </summary>
    public StepProfile? Profile { get; init; }

    /// <summary>
    /// Mean and scale of the data, to solve in coordinates in which Gaussian data stand still, z = (x − α m)/√(α² S² + σ²) over the
    /// angle (2/π) atan(S α/σ); the tolerances then hold for z. It pays where the data are close to a Gaussian, and needs the path
    /// (<see cref="OdeProblem.Path"/>). Default: none, the field's own coordinates.
    /// </summary>
    public DataMoments? Moments { get; init; }

    /// <summary>
    /// Whether each product and each sum is rounded by itself instead of fused, and factors between steps to float32: the bits that a baked sampler (<see cref="Baking.SamplerFile"/>) has of the
    /// same steps. Default false.
    /// </summary>
    public bool Unfused { get; init; }

    /// <summary>Steps, accepted and rejected, after which a sample is given up; at least 1. Default 10,000.</summary>
    public int MaxSteps
    {
        get;
        init => field = value >= 1 ? value
            : throw new ArgumentOutOfRangeException(nameof(MaxSteps), value, "Give at least one step, such as 10000.");
    } = 10_000;

    /// <summary>Rejections in a row after which a sample is given up; at least 1. Default 50.</summary>
    public int MaxRejections
    {
        get;
        init => field = value >= 1 ? value
            : throw new ArgumentOutOfRangeException(nameof(MaxRejections), value, "Give at least one rejection, such as 50.");
    } = 50;

    /// <inheritdoc/>
    public override string MethodName => Method.Name;

    private static double Positive(double value, string name) => value > 0 && double.IsFinite(value) ? value
        : throw new ArgumentOutOfRangeException(name, value, "Give a positive number, such as 3e-3.");
}

/// <summary>Every sample takes the same steps: a fixed cost, and no word about the error.</summary>
public sealed record FixedSteps : SolverOptions
{
    private const int MostSteps = 1 << 24;

    /// <summary>Makes the choice of a method and a number of steps.</summary>
    /// <param name="method">The method.</param>
    /// <param name="count">Number of steps from the start to the end, from 1 to 16,777,216.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count is below 1 or above that.</exception>
    public FixedSteps(SolverMethod method, int count)
    {
        CheckCount(count);
        Method = method;
        Count = count;
    }

    internal static void CheckCount(int count, [CallerArgumentExpression(nameof(count))] string name = "")
    {
        if (count is < 1 or > MostSteps)
            throw new ArgumentOutOfRangeException(name, count, FormattableString.Invariant($"Give 1 to {MostSteps} steps, such as 20."));
    }

    /// <summary>The method.</summary>
    public SolverMethod Method { get; }

    /// <summary>Number of steps.</summary>
    public int Count { get; }

    /// <summary>
    /// Whether each product and each sum of a Runge–Kutta step is rounded by itself instead of fused: the bits that a baked sampler (<see cref="Baking.SamplerFile"/>) has of the same steps.
    /// Default false. Other methods take no notice of it.
    /// </summary>
    public bool Unfused { get; init; }

    /// <summary>Where the steps stand. Default <see cref="TimeGrid.Uniform"/>.</summary>
    public TimeGrid Grid { get; init; } = TimeGrid.Uniform;

    /// <inheritdoc/>
    public override string MethodName => Method.Name;
}
