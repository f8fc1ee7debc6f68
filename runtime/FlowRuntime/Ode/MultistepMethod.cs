namespace FlowRuntime.Ode;

/// <summary>
/// A method that gets its order from earlier steps instead of further stages: one evaluation a step, for solves of few
/// evaluations on a fixed grid.
/// </summary>
public sealed class MultistepMethod : SolverMethod
{
    private MultistepMethod(string name, int order, bool isExponential) : base(name, order) => IsExponential = isExponential;

    /// <summary>
    /// Whether the method solves the linear part of the model's own path exactly, in the half log-SNR λ = log(α/σ); it then
    /// needs a Gaussian path.
    /// </summary>
    public bool IsExponential { get; }

    /// <summary>
    /// Adams–Bashforth of order 2 with variable steps; the first step is Euler's.
    /// Source: Hairer I, section III.1 and III.5.
    /// </summary>
    public static MultistepMethod AdamsBashforth2 { get; } = new("ab2", 2, isExponential: false);

    /// <summary>
    /// Adams–Bashforth of order 3 with variable steps. The first step is Heun's, so that the order is 3 throughout: one
    /// evaluation more than there are steps. Source: Hairer I, section III.1 and III.5.
    /// </summary>
    public static MultistepMethod AdamsBashforth3 { get; } = new("ab3", 3, isExponential: false);

    /// <summary>
    /// DPM-Solver++(2M): data prediction, order 2, the first step and the last of order 1.
    /// Source: Lu et al. 2022, "DPM-Solver++", algorithm 2.
    /// </summary>
    public static MultistepMethod DpmSolver2M { get; } = new("dpm++2m", 2, isExponential: true);

    /// <summary>
    /// UniPC of order 2 (predictor UniP-2 and corrector UniC-2, B(h) = e^h − 1, data prediction), order 1 at the last step.
    /// Source: Zhao et al. 2023, "UniPC".
    /// </summary>
    public static MultistepMethod UniPC2 { get; } = new("unipc2", 2, isExponential: true);

    /// <summary>UniPC of order 3; order 1 at the last step. Source: as <see cref="UniPC2"/>.</summary>
    public static MultistepMethod UniPC3 { get; } = new("unipc3", 3, isExponential: true);

    /// <summary>The multistep methods that ship.</summary>
    public static IReadOnlyList<MultistepMethod> All => field ??= [AdamsBashforth2, AdamsBashforth3, DpmSolver2M, UniPC2, UniPC3];
}
