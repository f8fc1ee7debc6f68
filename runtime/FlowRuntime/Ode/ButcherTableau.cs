namespace FlowRuntime.Ode;

/// <summary>
/// An explicit Runge–Kutta method as data. A step of size h from (t, x) evaluates the stages
/// k_i = v(t + c_i h, x + h Σ_j a_ij k_j) and moves to x + h Σ_i b_i k_i.
/// </summary>
/// <remarks>
/// Source: Hairer, Nørsett and Wanner, "Solving Ordinary Differential Equations I", 2nd ed., section II.1.
/// The constructor refuses a table that cannot be a consistent explicit method; tests prove the order of those here.
/// </remarks>
public partial class ButcherTableau : SolverMethod
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
    /// <param name="interpolant">
    /// Continuous extension; if absent, the one any method has, of order 1 and 2 for these orders and else of order 3.
    /// </param>
    /// <exception cref="ArgumentException">The table is no consistent explicit method, or the interpolant is not its own.</exception>
    public ButcherTableau(string name, int order, double[] c, double[][] a, double[] b, Interpolant? interpolant = null)
        : base(name, order)
    {
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
        (_c, _a, _b) = ([.. c], [.. a.Select(row => (double[])[.. row])], [.. b]);
        LastStageIsNextFirst = c.Length > 1 && c[^1] == 1 && b[^1] == 0 && a[^1].AsSpan().SequenceEqual(b.AsSpan(0, b.Length - 1));
        Interpolant = interpolant ?? Interpolant.Of(order, _b, LastStageIsNextFirst);
        if (!Interpolant.EndsAt(_b))
            throw new ArgumentException($"{name}: the interpolant does not end at the weights b of the {c.Length} stages. Check its coefficients against the paper.", nameof(interpolant));
    }

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

    /// <summary>The continuous extension of a step.</summary>
    public Interpolant Interpolant { get; }
}
