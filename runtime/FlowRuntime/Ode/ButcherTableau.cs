namespace FlowRuntime.Ode;

/// <summary>
/// An explicit Runge–Kutta method as data. A step of size h from (t, x) evaluates the stages
/// k_i = v(t + c_i h, x + h Σ_j a_ij k_j) and moves to x + h Σ_i b_i k_i.
/// </summary>
/// <remarks>
/// Source: Hairer, Nørsett and Wanner, "Solving Ordinary Differential Equations I", 2nd ed., section II.1.
/// The constructor refuses a table that cannot be a consistent explicit method; tests prove the order of those here.
/// </remarks>
public class ButcherTableau
{
    private protected const double RoundOff = 1e-12;

    private readonly double[][] _a;
    private readonly double[] _b;
    private readonly double[] _c;

    /// <summary>Makes a method from its table.</summary>
    /// <param name="name">Name, as command lines and reports write it.</param>
    /// <param name="order">Order: the error of a step is O(h^(order + 1)).</param>
    /// <param name="c">Nodes, [stages]; c_0 = 0, all in [0, 1].</param>
    /// <param name="a">Row i holds a_i0 … a_i,i−1; row 0 is empty.</param>
    /// <param name="b">Weights, [stages]; they sum to 1.</param>
    /// <exception cref="ArgumentException">The table is no consistent explicit method.</exception>
    public ButcherTableau(string name, int order, double[] c, double[][] a, double[] b)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentOutOfRangeException.ThrowIfLessThan(order, 1);
        if (c.Length == 0 || a.Length != c.Length || b.Length != c.Length)
            throw new ArgumentException($"{name}: a has {a.Length} rows, b {b.Length} weights and c {c.Length} nodes; they must be equally many.", nameof(a));
        for (int i = 0; i < c.Length; i++)
        {
            if (a[i].Length != i)
                throw new ArgumentException($"{name}: row {i} of a has {a[i].Length} entries; an explicit method has {i} there.", nameof(a));
            if (!(Math.Abs(a[i].Sum() - c[i]) <= RoundOff)) // NaN is refused too
                throw new ArgumentException($"{name}: row {i} of a sums to {a[i].Sum()}, but c[{i}] is {c[i]}. Check the row against the paper.", nameof(a));
            if (!(c[i] >= 0 && c[i] <= 1))
                throw new ArgumentException($"{name}: c[{i}] is {c[i]}; a node outside [0, 1] would evaluate the field outside the step.", nameof(c));
        }
        if (!(Math.Abs(b.Sum() - 1) <= RoundOff))
            throw new ArgumentException($"{name}: the weights b sum to {b.Sum()}, not to 1. Check them against the paper.", nameof(b));
        Name = name;
        Order = order;
        (_c, _a, _b) = ([.. c], [.. a.Select(row => (double[])[.. row])], [.. b]);
        LastStageIsNextFirst = c.Length > 1 && c[^1] == 1 && b[^1] == 0 && a[^1].AsSpan().SequenceEqual(b.AsSpan(0, b.Length - 1));
    }

    /// <summary>Name, as command lines and reports write it.</summary>
    public string Name { get; }

    /// <summary>Order of the method.</summary>
    public int Order { get; }

    /// <summary>Number of stages.</summary>
    public int Stages => _c.Length;

    /// <summary>Nodes c, [stages].</summary>
    public ReadOnlySpan<double> C => _c;

    /// <summary>Weights b, [stages].</summary>
    public ReadOnlySpan<double> B => _b;

    /// <summary>Row i of the matrix: a_i0 … a_i,i−1.</summary>
    public ReadOnlySpan<double> A(int i) => _a[i];

    /// <summary>
    /// Whether the last stage is evaluated at the step's result, so that an accepted step has the next one's first
    /// stage for nothing ("first same as last", FSAL).
    /// </summary>
    public bool LastStageIsNextFirst { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>The explicit Euler method, order 1. Source: Euler 1768, "Institutionum calculi integralis".</summary>
    public static ButcherTableau Euler { get; } = new("euler", 1, [0], [[]], [1]);

    /// <summary>Heun's method (the explicit trapezoidal rule), order 2. Source: Heun 1900; Hairer I, table II.1.1.</summary>
    public static ButcherTableau Heun { get; } = new("heun", 2, [0, 1], [[], [1]], [1.0 / 2, 1.0 / 2]);

    /// <summary>The classical Runge–Kutta method, order 4. Source: Kutta 1901; Hairer I, table II.1.2.</summary>
    public static ButcherTableau RungeKutta4 { get; } = new("rk4", 4,
        [0, 1.0 / 2, 1.0 / 2, 1],
        [[], [1.0 / 2], [0, 1.0 / 2], [0, 0, 1]],
        [1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6]);

    /// <summary>
    /// The pair of Dormand and Prince, order 5 with an error estimate of order 4, first same as last.
    /// Source: Dormand and Prince 1980, J. Comp. Appl. Math. 6(1), 19–26, table 2; Hairer I, table II.5.2.
    /// </summary>
    public static EmbeddedPair Dopri5 { get; } = new("dopri5", 5, 4,
        [0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1],
        [
            [],
            [1.0 / 5],
            [3.0 / 40, 9.0 / 40],
            [44.0 / 45, -56.0 / 15, 32.0 / 9],
            [19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729],
            [9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656],
            [35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84],
        ],
        [35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84, 0],
        [5179.0 / 57600, 0, 7571.0 / 16695, 393.0 / 640, -92097.0 / 339200, 187.0 / 2100, 1.0 / 40]);

    /// <summary>The methods that ship, by name.</summary>
    public static IReadOnlyList<ButcherTableau> All { get; } = [Euler, Heun, RungeKutta4, Dopri5];

    /// <summary>Finds a method that ships.</summary>
    /// <param name="name">Its name, such as <c>rk4</c>; case does not matter.</param>
    /// <exception cref="ArgumentException">There is no such method; the message lists those there are.</exception>
    public static ButcherTableau Named(string name) =>
        All.FirstOrDefault(method => method.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new ArgumentException($"There is no method '{name}'. Choose one of: {string.Join(", ", All)}.", nameof(name));
}
