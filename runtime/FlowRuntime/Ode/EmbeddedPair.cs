namespace FlowRuntime.Ode;

/// <summary>
/// A Runge–Kutta method with a second set of weights b̂ over the same stages, whose difference from b estimates the
/// error of a step: h Σ_i (b_i − b̂_i) k_i. The method advances the solution of the higher order (b).
/// </summary>
public sealed class EmbeddedPair : ButcherTableau
{
    private readonly double[] _errorWeights;

    /// <summary>Makes a pair from its table.</summary>
    /// <param name="name">Name, as command lines and reports write it.</param>
    /// <param name="order">Order of the weights b.</param>
    /// <param name="embeddedOrder">Order of the weights b̂, below <paramref name="order"/>.</param>
    /// <param name="c">Nodes, [stages].</param>
    /// <param name="a">Row i holds a_i0 … a_i,i−1.</param>
    /// <param name="b">Weights of the solution, [stages].</param>
    /// <param name="embedded">Weights b̂ of the comparison, [stages]; they sum to 1.</param>
    /// <exception cref="ArgumentException">The table is no consistent explicit pair.</exception>
    public EmbeddedPair(string name, int order, int embeddedOrder, double[] c, double[][] a, double[] b, double[] embedded)
        : base(name, order, c, a, b)
    {
        if (embedded.Length != b.Length || !(Math.Abs(embedded.Sum() - 1) <= RoundOff))
            throw new ArgumentException($"{name}: the {embedded.Length} embedded weights sum to {embedded.Sum()}; there must be {b.Length}, with the sum 1.", nameof(embedded));
        if (embeddedOrder < 1 || embeddedOrder >= order)
            throw new ArgumentException($"{name}: the embedded order {embeddedOrder} must be at least 1 and below the order {order}.", nameof(embeddedOrder));
        EmbeddedOrder = embeddedOrder;
        _errorWeights = [.. b.Zip(embedded, (weight, comparison) => weight - comparison)];
    }

    /// <summary>Order of the comparison; the error estimate is O(h^(EmbeddedOrder + 1)).</summary>
    public int EmbeddedOrder { get; }

    /// <summary>Weights b − b̂ of the error estimate, [stages].</summary>
    public ReadOnlySpan<double> ErrorWeights => _errorWeights;
}
