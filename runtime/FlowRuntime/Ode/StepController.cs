namespace FlowRuntime.Ode;

/// <summary>
/// How a sample's next step follows from its scaled errors e:
/// h' = 0.9 h e_n^(−β₁/k) e_(n−1)^(−β₂/k) e_(n−2)^(−β₃/k), where k is the order of the error estimate and the factor stays
/// between 0.2 and 10 (at most 1 after a rejection). A rejected step is tried again at 0.9 h e_n^(−1/k), at least a fifth.
/// </summary>
/// <param name="Beta1">Exponent β₁ of this step's error.</param>
/// <param name="Beta2">Exponent β₂ of the last accepted step's error.</param>
/// <param name="Beta3">Exponent β₃ of the error before.</param>
/// <remarks>
/// Source: Söderlind 2003, "Digital filters in adaptive time-stepping", ACM TOMS 29(1), and the limits of Hairer I,
/// section II.4.
/// </remarks>
public sealed record StepController(double Beta1, double Beta2, double Beta3)
{
    /// <summary>Exponent β₁ of this step's error; finite.</summary>
    public double Beta1 { get; init => field = Finite(value, nameof(Beta1)); } = Finite(Beta1, nameof(Beta1));

    /// <summary>Exponent β₂ of the last accepted step's error; finite.</summary>
    public double Beta2 { get; init => field = Finite(value, nameof(Beta2)); } = Finite(Beta2, nameof(Beta2));

    /// <summary>Exponent β₃ of the error before; finite.</summary>
    public double Beta3 { get; init => field = Finite(value, nameof(Beta3)); } = Finite(Beta3, nameof(Beta3));

    internal const double Safety = 0.9;
    internal const double Shrink = 0.2;
    internal const double Grow = 10;

    /// <summary>The elementary controller (I): β = (1, 0, 0). Source: Hairer I, eq. (II.4.13).</summary>
    public static StepController I { get; } = new(1, 0, 0);

    /// <summary>
    /// The proportional-integral controller (PI): β = (0.7, −0.4, 0). Source: Gustafsson 1991, ACM TOMS 17(4); Hairer and
    /// Wanner, "Solving Ordinary Differential Equations II", section IV.2.
    /// </summary>
    public static StepController PI { get; } = new(0.7, -0.4, 0);

    /// <summary>
    /// A proportional-integral-derivative controller (PID): β = (0.58, −0.21, 0.1).
    /// Source: Kennedy and Carpenter 2003, Appl. Numer. Math. 44.
    /// </summary>
    public static StepController PID { get; } = new(0.58, -0.21, 0.1);

    private static double Finite(double value, string name) => double.IsFinite(value) ? value
        : throw new ArgumentOutOfRangeException(name, value, "Give a finite exponent, such as 0.7.");
}
