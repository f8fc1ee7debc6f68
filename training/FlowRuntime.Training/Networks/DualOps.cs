using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Networks;

/// <summary>A value and its derivative in one direction.</summary>
/// <param name="Value">The value.</param>
/// <param name="Tangent">The derivative, of the value's shape; null where it is zero.</param>
public sealed record Dual<T>(T Value, T? Tangent = null) where T : class;

/// <summary>
/// Interprets a network on values with their derivatives in one direction (forward mode), over another interpreter: with the state's tangent e, the
/// velocity's is (∂v/∂x) e. Values are computed as they are without it.
/// </summary>
/// <param name="inner">What computes values and derivatives: tensors, or a graph.</param>
public sealed class DualOps<T>(ITensorOps<T> inner) : ITensorOps<Dual<T>> where T : class
{
    /// <inheritdoc/>
    public IReadOnlyList<long> RowShape(Dual<T> x) => inner.RowShape(x.Value);

    /// <inheritdoc/>
    public Dual<T> Constant(Tensor value) => new(inner.Constant(value));

    /// <inheritdoc/>
    public Dual<T> Linear(Dual<T> x, Tensor weight, Tensor? bias) => new(
        inner.Linear(x.Value, weight, bias),
        Of(x, tangent => inner.Linear(tangent, weight, null)));

    /// <inheritdoc/>
    public Dual<T> Convolution(Dual<T> x, Tensor kernel, Tensor? bias, long stride, long padding) => new(
        inner.Convolution(x.Value, kernel, bias, stride, padding),
        Of(x, tangent => inner.Convolution(tangent, kernel, null, stride, padding)));

    /// <inheritdoc/>
    public Dual<T> Upsample(Dual<T> x) => new(inner.Upsample(x.Value), Of(x, inner.Upsample));

    /// <inheritdoc/>
    public Dual<T> Embedding(Dual<T> indices, Tensor table) => new(inner.Embedding(indices.Value, table));

    /// <inheritdoc/>
    public Dual<T> LayerNorm(Dual<T> x, LayerNorm layer) => new(inner.LayerNorm(x.Value, layer), Of(x, tangent =>
    {
        T change = StandardisedChange(x.Value, tangent, layer.eps);
        return layer.weight is null ? change : inner.Multiply(change, inner.Constant(layer.weight));
    }));

    /// <inheritdoc/>
    public Dual<T> GroupNorm(Dual<T> x, GroupNorm layer) => new(inner.GroupNorm(x.Value, layer), Of(x, tangent =>
    {
        long[] shape = [.. inner.RowShape(x.Value)];
        long size = shape.Aggregate(1L, (product, length) => product * length) / layer.num_groups;
        T change = StandardisedChange(inner.Reshape(x.Value, layer.num_groups, size), inner.Reshape(tangent, layer.num_groups, size), layer.eps);
        change = inner.Reshape(change, shape);
        if (layer.weight is null)
            return change;
        long[] ones = [.. shape[1..].Select(_ => 1L)];
        return inner.Multiply(change, inner.Reshape(inner.Constant(layer.weight), ones)); // a weight's axis 0 is the channels: [C, 1, 1]
    }));

    /// <inheritdoc/>
    public Dual<T> Silu(Dual<T> x)
    {
        T value = inner.Silu(x.Value);
        return new(value, Of(x, tangent =>
        {
            T sigmoid = inner.Sigmoid(x.Value); // s + x s (1 − s)
            return inner.Multiply(tangent, inner.Add(sigmoid, inner.Multiply(value, inner.Affine(sigmoid, -1, 1))));
        }));
    }

    /// <inheritdoc/>
    public Dual<T> Selu(Dual<T> x)
    {
        const double lambda = 1.0507009873554805, alpha = 1.6732632423543772;
        T value = inner.Selu(x.Value);
        return new(value, Of(x, tangent =>
        {
            // λ above 0, λ α eˣ = selu(x) + λ α below; a sigmoid this steep is 1 above and 0 below.
            T above = inner.Sigmoid(inner.Affine(x.Value, 1e30, 0)), below = inner.Affine(above, -1, 1);
            T slope = inner.Add(inner.Affine(above, lambda, 0), inner.Multiply(below, inner.Affine(value, 1, lambda * alpha)));
            return inner.Multiply(tangent, slope);
        }));
    }

    /// <inheritdoc/>
    public Dual<T> FourierFeatures(Dual<T> t, Tensor frequencies)
    {
        T value = inner.FourierFeatures(t.Value, frequencies);
        return new(value, Of(t, tangent =>
        {
            // (cos, sin)' = (−f sin, f cos): a matrix of two diagonals.
            long count = frequencies.shape[0];
            using Tensor diagonal = diag(frequencies), none = zeros_like(diagonal), upper = cat([none, diagonal.neg()], 1), lower = cat([diagonal, none], 1);
            Tensor turn = cat([upper, lower], 0);
            return inner.Multiply(inner.Linear(value, turn, null), inner.Reshape(tangent, 1));
        }));
    }

    /// <inheritdoc/>
    public Dual<T> Add(Dual<T> a, Dual<T> b)
    {
        T value = inner.Add(a.Value, b.Value);
        return new(value, Sum(Expanded(a.Tangent, value), Expanded(b.Tangent, value)));
    }

    /// <inheritdoc/>
    public Dual<T> Multiply(Dual<T> a, Dual<T> b) => new(inner.Multiply(a.Value, b.Value), Product(a, b, inner.Multiply));

    /// <inheritdoc/>
    public Dual<T> Divide(Dual<T> a, Dual<T> b)
    {
        T value = inner.Divide(a.Value, b.Value); // (a' − (a/b) b')/b
        T? fall = Of(b, tangent => inner.Affine(inner.Multiply(value, tangent), -1, 0));
        return new(value, Sum(a.Tangent, fall) is { } rise ? inner.Divide(rise, b.Value) : null);
    }

    /// <inheritdoc/>
    public Dual<T> Affine(Dual<T> x, double factor, double shift) => new(
        inner.Affine(x.Value, factor, shift),
        factor == 0 ? null : Of(x, tangent => inner.Affine(tangent, factor, 0)));

    /// <inheritdoc/>
    public Dual<T> Sigmoid(Dual<T> x)
    {
        T value = inner.Sigmoid(x.Value);
        return new(value, Of(x, tangent => inner.Multiply(tangent, inner.Multiply(value, inner.Affine(value, -1, 1)))));
    }

    /// <inheritdoc/>
    public Dual<T> Tanh(Dual<T> x)
    {
        T value = inner.Tanh(x.Value);
        return new(value, Of(x, tangent => inner.Multiply(tangent, inner.Affine(inner.Multiply(value, value), -1, 1))));
    }

    /// <inheritdoc/>
    public Dual<T> Log(Dual<T> x) => new(inner.Log(x.Value), Of(x, tangent => inner.Divide(tangent, x.Value)));

    /// <inheritdoc/>
    public Dual<T> Sqrt(Dual<T> x)
    {
        T value = inner.Sqrt(x.Value);
        return new(value, Of(x, tangent => inner.Divide(inner.Affine(tangent, 0.5, 0), value)));
    }

    /// <inheritdoc/>
    public Dual<T> Softmax(Dual<T> x)
    {
        T value = inner.Softmax(x.Value);
        return new(value, Of(x, tangent =>
        {
            T mean = inner.Affine(inner.Mean(inner.Multiply(value, tangent)), -inner.RowShape(value)[^1], 0); // −Σ p x'
            return inner.Multiply(value, inner.Add(tangent, mean));
        }));
    }

    /// <inheritdoc/>
    public Dual<T> Mean(Dual<T> x) => new(inner.Mean(x.Value), Of(x, inner.Mean));

    /// <inheritdoc/>
    public Dual<T> MatMul(Dual<T> a, Dual<T> b) => new(inner.MatMul(a.Value, b.Value), Product(a, b, inner.MatMul));

    /// <inheritdoc/>
    public Dual<T> Concatenate(Dual<T> a, Dual<T> b, int axis = -1) => new(
        inner.Concatenate(a.Value, b.Value, axis),
        a.Tangent is null && b.Tangent is null ? null : inner.Concatenate(a.Tangent ?? Zeros(a.Value), b.Tangent ?? Zeros(b.Value), axis));

    /// <inheritdoc/>
    public Dual<T> Permute(Dual<T> x, params ReadOnlySpan<int> axes) =>
        new(inner.Permute(x.Value, axes), x.Tangent is null ? null : inner.Permute(x.Tangent, axes));

    /// <inheritdoc/>
    public Dual<T> Reshape(Dual<T> x, params ReadOnlySpan<long> rowShape) =>
        new(inner.Reshape(x.Value, rowShape), x.Tangent is null ? null : inner.Reshape(x.Tangent, rowShape));

    private static T? Of(Dual<T> x, Func<T, T> rule) => x.Tangent is null ? null : rule(x.Tangent);

    private T? Sum(T? a, T? b) => a is null ? b : b is null ? a : inner.Add(a, b);

    /// <summary>a' b + a b'.</summary>
    private T? Product(Dual<T> a, Dual<T> b, Func<T, T, T> multiply) =>
        Sum(Of(a, tangent => multiply(tangent, b.Value)), Of(b, tangent => multiply(a.Value, tangent)));

    private T Zeros(T like) => inner.Affine(like, 0, 0);

    /// <summary>A tangent in the shape of a value that is larger by broadcasting.</summary>
    private T? Expanded(T? tangent, T value) =>
        tangent is null || inner.RowShape(tangent).SequenceEqual(inner.RowShape(value)) ? tangent : inner.Add(tangent, Zeros(value));

    /// <summary>The derivative of y = (x − mean)/√(variance + ε) over the last axis: (x' − mean(x') − y mean(y x'))/√(variance + ε).</summary>
    private T StandardisedChange(T x, T tangent, double epsilon)
    {
        T centred = Centred(x);
        T deviation = inner.Sqrt(inner.Affine(inner.Mean(inner.Multiply(centred, centred)), 1, epsilon));
        T standard = inner.Divide(centred, deviation);
        T along = inner.Multiply(standard, inner.Mean(inner.Multiply(standard, tangent)));
        return inner.Divide(inner.Add(Centred(tangent), inner.Affine(along, -1, 0)), deviation);
    }

    private T Centred(T x) => inner.Add(x, inner.Affine(inner.Mean(x), -1, 0));
}
