namespace FlowRuntime.Ode;

/// <summary>
/// A continuous extension of a Runge–Kutta step, so that the solution is known between the ends of the step:
/// x(t + θh) ≈ x + h Σ_i b_i(θ) k_i for θ in [0, 1], over the stages of the method and, where it has some, extra ones.
/// </summary>
/// <remarks>
/// The extra stages are evaluated only when the solution inside a step is asked for. They look like the others:
/// k_i = v(t + c_i h, x + h Σ_j a_ij k_j). Source: Hairer, Nørsett and Wanner, "Solving Ordinary Differential
/// Equations I", 2nd ed., section II.6.
/// </remarks>
public sealed class Interpolant
{
    private const double RoundOff = 1e-13;

    private readonly double[][] _a;
    private readonly double[] _c;
    private readonly double[][] _coefficients;

    /// <summary>Makes a continuous extension from its table.</summary>
    /// <param name="order">Order: for every θ, the error of x(t + θh) after one step is O(h^(order + 1)).</param>
    /// <param name="coefficients">
    /// Row i holds the coefficients of b_i(θ) = Σ_j coefficients[i][j] θ^(j+1), [stages + extra stages]; an empty row is
    /// the polynomial 0. The b_i(θ) sum to θ, and those of the extra stages are 0 at θ = 1.
    /// </param>
    /// <param name="c">Nodes of the extra stages, [extra stages], all in [0, 1].</param>
    /// <param name="a">Row e holds one entry for each stage of the method and each extra stage before e.</param>
    /// <exception cref="ArgumentException">The table is no consistent continuous extension.</exception>
    public Interpolant(int order, double[][] coefficients, double[] c, double[][] a)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(order, 1);
        if (a.Length != c.Length || coefficients.Length <= c.Length)
            throw new ArgumentException($"The interpolant has {coefficients.Length} weights, {c.Length} extra nodes and {a.Length} extra rows; there must be a row for each node, and more weights than these.", nameof(coefficients));
        Order = order;
        (_coefficients, _c, _a) = ([.. coefficients.Select(row => (double[])[.. row])], [.. c], [.. a.Select(row => (double[])[.. row])]);
        for (int extra = 0; extra < c.Length; extra++)
        {
            if (a[extra].Length != Stages + extra)
                throw new ArgumentException($"Extra row {extra} of the interpolant has {a[extra].Length} entries; an explicit one has {Stages + extra} there.", nameof(a));
            if (!SumsTo(c[extra], a[extra]))
                throw new ArgumentException($"Extra row {extra} of the interpolant sums to {a[extra].Sum()}, but its node is {c[extra]}. Check the row against the paper.", nameof(a));
            if (!(c[extra] >= 0 && c[extra] <= 1))
                throw new ArgumentException($"Extra node {extra} of the interpolant is {c[extra]}; a node outside [0, 1] would evaluate the field outside the step.", nameof(c));
            if (!SumsTo(0, coefficients[Stages + extra]))
                throw new ArgumentException($"The weight of extra stage {extra} of the interpolant is {coefficients[Stages + extra].Sum()} at θ = 1, not 0.", nameof(coefficients));
        }
        for (int power = 0; power < coefficients.Max(row => row.Length); power++)
        {
            double[] column = [.. coefficients.Where(row => row.Length > power).Select(row => row[power])];
            if (!SumsTo(power == 0 ? 1 : 0, column))
                throw new ArgumentException($"The coefficients of θ^{power + 1} sum to {column.Sum()}, not to {(power == 0 ? 1 : 0)}, so that the weights do not sum to θ.", nameof(coefficients));
        }
        if (coefficients.All(row => row.Length == 0))
            throw new ArgumentException("The interpolant has no coefficients, so that its weights do not sum to θ.", nameof(coefficients));
    }

    /// <summary>Order: for every θ, the error of x(t + θh) after one step is O(h^(Order + 1)).</summary>
    public int Order { get; }

    /// <summary>Number of stages of the method itself.</summary>
    public int Stages => _coefficients.Length - _c.Length;

    /// <summary>Number of further stages, to be evaluated after those of the method.</summary>
    public int ExtraStages => _c.Length;

    /// <summary>Node of an extra stage.</summary>
    /// <param name="extra">Which, from 0.</param>
    public double C(int extra) => _c[extra];

    /// <summary>Row of an extra stage: one entry for each stage of the method, then one for each earlier extra stage.</summary>
    /// <param name="extra">Which, from 0.</param>
    public ReadOnlySpan<double> A(int extra) => _a[extra];

    /// <summary>The weights b_i(θ).</summary>
    /// <param name="theta">θ, the place in the step: 0 at its start, 1 at its end.</param>
    /// <param name="weights">Destination, [stages + extra stages].</param>
    /// <exception cref="ArgumentException">The destination has another length.</exception>
    public void Weights(double theta, Span<double> weights)
    {
        if (weights.Length != _coefficients.Length)
            throw new ArgumentException($"The destination holds {weights.Length} weights; the interpolant has {_coefficients.Length}.", nameof(weights));
        for (int i = 0; i < weights.Length; i++)
        {
            double[] row = _coefficients[i];
            double sum = 0;
            for (int j = row.Length - 1; j >= 0; j--)
                sum = (sum + row[j]) * theta;
            weights[i] = sum;
        }
    }

    /// <summary>Whether this interpolant has the stages of the weights b and ends where they do: b_i(1) = b_i.</summary>
    internal bool EndsAt(ReadOnlySpan<double> b)
    {
        bool ends = b.Length == Stages;
        for (int i = 0; ends && i < b.Length; i++)
            ends = SumsTo(b[i], _coefficients[i]);
        return ends;
    }

    /// <summary>
    /// The interpolant that any method has, of the order of the method but at most 3: from order 3 on the cubic of
    /// Hermite through x and the result with the velocities there, which costs an evaluation unless the last stage is
    /// that at the result; for order 2 the parabola through x, its velocity and the result; for order 1 the straight line.
    /// </summary>
    /// <remarks>Source: Hairer I, section II.6.</remarks>
    internal static Interpolant Of(int order, double[] b, bool lastStageIsAtResult) => order switch
    {
        1 => new(1, [.. b.Select(weight => (double[])[weight])], [], []),
        2 => new(2, [.. b.Select((weight, i) => i == 0 ? (double[])[1, weight - 1] : [0, weight])], [], []),
        _ when lastStageIsAtResult => Hermite(3, b, last: b.Length - 1, [], [], []),
        _ => Hermite(3, b, last: b.Length, [], [1], [b]),
    };

    /// <summary>
    /// Hermite's cubic through x and the result with the velocities there, and a correction that vanishes at both ends
    /// together with its derivative: b_i(θ) = H_i(θ) + θ²(1 − θ)² Σ_j q_ij θ^j.
    /// </summary>
    /// <param name="order">Order of the whole.</param>
    /// <param name="b">Weights of the method, [stages].</param>
    /// <param name="last">The stage that is evaluated at the result.</param>
    /// <param name="q">Row i holds the coefficients of the correction; none for Hermite's cubic alone.</param>
    /// <param name="c">Nodes of the extra stages.</param>
    /// <param name="a">Rows of the extra stages.</param>
    internal static Interpolant Hermite(int order, double[] b, int last, double[][] q, double[] c, double[][] a)
    {
        return new(order, [.. Enumerable.Range(0, b.Length + c.Length).Select(Row)], c, a);

        double[] Row(int i)
        {
            double weight = i < b.Length ? b[i] : 0, first = i == 0 ? 1 : 0, end = i == last ? 1 : 0;
            double[] correction = i < q.Length ? q[i] : [];
            double[] row = new double[Math.Max(3, correction.Length + 3)];
            (row[0], row[1], row[2]) = (first, 3 * weight - 2 * first - end, -2 * weight + first + end);
            for (int j = 0; j < correction.Length; j++) // θ²(1 − θ)² = θ² − 2θ³ + θ⁴
            {
                row[j + 1] += correction[j];
                row[j + 2] -= 2 * correction[j];
                row[j + 3] += correction[j];
            }
            return row;
        }
    }

    /// <summary>Whether the terms add up to a value, but for the rounding of the largest; NaN does not.</summary>
    private static bool SumsTo(double value, double[] terms) =>
        Math.Abs(terms.Sum() - value) <= RoundOff * (1 + terms.Sum(Math.Abs));
}
