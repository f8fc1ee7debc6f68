namespace FlowRuntime.Ode;

/// <summary>
/// A Runge–Kutta method with a second set of weights b̂ over the same stages, whose difference from b estimates the
/// error of a step: h Σ_i (b_i − b̂_i) k_i. The method advances the solution of the higher order (b).
/// </summary>
public sealed class EmbeddedPair : ButcherTableau
{
    private readonly double[] _errorWeights;
    private readonly double[] _secondErrorWeights;

    /// <summary>Makes a pair from its table.</summary>
    /// <param name="name">Name, as command lines and reports write it.</param>
    /// <param name="order">Order of the weights b.</param>
    /// <param name="embeddedOrder">Order of the error estimate less 1, below <paramref name="order"/>; see <see cref="EmbeddedOrder"/>.</param>
    /// <param name="c">Nodes, [stages].</param>
    /// <param name="a">Row i holds a_i0 … a_i,i−1.</param>
    /// <param name="b">Weights of the solution, [stages].</param>
    /// <param name="embedded">Weights b̂ of the comparison, [stages]; they sum to 1.</param>
    /// <param name="secondEmbedded">Weights of a second comparison, [stages], which sum to 1; absent for nearly all pairs.</param>
    /// <param name="interpolant">Continuous extension; if absent, the one any method has.</param>
    /// <exception cref="ArgumentException">The table is no consistent explicit pair.</exception>
    public EmbeddedPair(string name, int order, int embeddedOrder, double[] c, double[][] a, double[] b, double[] embedded,
        double[]? secondEmbedded = null, Interpolant? interpolant = null)
        : base(name, order, c, a, b, interpolant)
    {
        if (embeddedOrder < 1 || embeddedOrder >= order)
            throw new ArgumentException($"{name}: the embedded order {embeddedOrder} must be at least 1 and below the order {order}.", nameof(embeddedOrder));
        EmbeddedOrder = embeddedOrder;
        _errorWeights = Differences("embedded", embedded, nameof(embedded));
        _secondErrorWeights = secondEmbedded is null ? [] : Differences("second embedded", secondEmbedded, nameof(secondEmbedded));

        double[] Differences(string which, double[] comparison, string parameter) =>
            comparison.Length == b.Length && Math.Abs(comparison.Sum() - 1) <= RoundOff
            ? [.. b.Zip(comparison, (weight, other) => weight - other)]
            : throw new ArgumentException($"{name}: the {comparison.Length} {which} weights sum to {comparison.Sum()}; there must be {b.Length}, with the sum 1.", parameter);
    }

    /// <summary>
    /// Order of the comparison: the error estimate is O(h^(EmbeddedOrder + 1)). Where there are two comparisons, it is
    /// the order of one whose estimate would shrink like theirs combined.
    /// </summary>
    public int EmbeddedOrder { get; }

    /// <summary>Weights b − b̂ of the error estimate, [stages].</summary>
    public ReadOnlySpan<double> ErrorWeights => _errorWeights;

    /// <summary>
    /// Weights of a second error estimate, of lower order, [stages]; empty for a pair with one estimate.
    /// </summary>
    /// <remarks>
    /// With err = Σ_i (b_i − b̂_i) k_i, err′ the same of the second weights, both divided by the tolerance, and ‖·‖ the
    /// Euclidean norm over the n components, the error of a step is h‖err‖² / √((‖err‖² + 0.01‖err′‖²) n).
    /// Source: Hairer I, section II.10.
    /// </remarks>
    public ReadOnlySpan<double> SecondErrorWeights => _secondErrorWeights;
}
