using static TorchSharp.torch;

namespace FlowRuntime.Training.Networks;

/// <summary>How the divergence of a network is computed.</summary>
public enum DivergenceKind
{
    /// <summary>Σ ∂vᵢ/∂xᵢ, one derivative for each value of a state.</summary>
    Exact,

    /// <summary>The estimate eᵀ(∂v/∂x)e with a probe e of ±1: one derivative.</summary>
    Hutchinson,
}

/// <summary>A network's prediction together with its divergence, by forward-mode derivatives (<see cref="DualOps{T}"/>); the prediction is the same as without.</summary>
public static class Divergence
{
    /// <summary>The largest state whose exact divergence is computed, in values: the graph grows with each.</summary>
    public const int LargestExact = 64;

    /// <summary>The exact divergence: as many derivatives as a state has values.</summary>
    /// <param name="ops">The interpreter.</param>
    /// <param name="network">The network.</param>
    /// <param name="t">Flow time, [N].</param>
    /// <param name="x">State, [N, shape…].</param>
    /// <param name="given">Class and condition vector, where the network has them.</param>
    /// <returns>The prediction, [N, shape…], and its divergence, [N].</returns>
    /// <exception cref="ArgumentException">A state has more than <see cref="LargestExact"/> values.</exception>
    public static (T Prediction, T Divergence) Exact<T>(ITensorOps<T> ops, VelocityNetwork network, T t, T x, ConditionInputs<T> given) where T : class
    {
        int dimension = network.Dimension;
        if (dimension > LargestExact)
            throw new ArgumentException($"The exact divergence of {dimension} values takes {dimension} derivatives; at most {LargestExact} are written. Take its estimate (hutchinson).", nameof(network));
        long[] shape = [.. network.Shape.Select(size => (long)size)];
        (T? prediction, T? diagonal) = (null, null);
        for (int i = 0; i < dimension; i++)
        {
            float[] one = new float[dimension];
            one[i] = 1;
            T axis = ops.Constant(tensor(one).reshape([1, .. shape]));
            T change;
            (prediction, change) = Along(ops, network, t, x, given, ops.Add(ops.Affine(x, 0, 0), axis)); // one axis for each row
            T slope = ops.Multiply(change, axis);
            diagonal = diagonal is null ? slope : ops.Add(diagonal, slope);
        }
        return (prediction!, SumOfRow(ops, diagonal!, dimension));
    }

    /// <summary>The estimate eᵀ(∂v/∂x)e; its mean over probes e of independent signs is the divergence.</summary>
    /// <remarks>Source: Hutchinson 1990, "A Stochastic Estimator of the Trace of the Influence Matrix for Laplacian Smoothing Splines".</remarks>
    /// <param name="ops">The interpreter.</param>
    /// <param name="network">The network.</param>
    /// <param name="t">Flow time, [N].</param>
    /// <param name="x">State, [N, shape…].</param>
    /// <param name="given">Class and condition vector, where the network has them.</param>
    /// <param name="probe">e, [N, shape…].</param>
    /// <returns>The prediction, [N, shape…], and the estimate of its divergence, [N].</returns>
    public static (T Prediction, T Divergence) Estimate<T>(ITensorOps<T> ops, VelocityNetwork network, T t, T x, ConditionInputs<T> given, T probe) where T : class
    {
        (T prediction, T change) = Along(ops, network, t, x, given, probe);
        return (prediction, SumOfRow(ops, ops.Multiply(change, probe), network.Dimension));
    }

    /// <summary>The prediction P, and (∂P/∂x) e.</summary>
    private static (T Prediction, T Change) Along<T>(ITensorOps<T> ops, VelocityNetwork network, T t, T x, ConditionInputs<T> given, T direction) where T : class
    {
        Dual<T> result = network.Forward(new DualOps<T>(ops), new Dual<T>(t), new Dual<T>(x, direction), new(Constant(given.Label), Constant(given.Vector)));
        return (result.Value, result.Tangent ?? ops.Affine(result.Value, 0, 0));

        static Dual<T>? Constant(T? value) => value is null ? null : new Dual<T>(value);
    }

    private static T SumOfRow<T>(ITensorOps<T> ops, T x, int dimension) =>
        ops.Reshape(ops.Affine(ops.Mean(ops.Reshape(x, dimension)), dimension, 0));
}
