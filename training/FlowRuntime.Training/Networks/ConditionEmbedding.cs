using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Networks;

/// <summary>
/// Time and condition as one vector: Fourier features cos(πkt), sin(πkt), k = 1 … K, through two layers; the class as an embedding with one more
/// row for "no class"; a condition vector through two layers, or a learnt vector in its place for "none"; SiLU of their sum.
/// </summary>
public sealed class ConditionEmbedding : nn.Module
{
    private const double Least = 1e-30;

    private readonly Tensor _frequencies; // a buffer: saved, not trained
    private readonly Linear _time, _timeHidden;
    private readonly Parameter? _label; // one row a class, and one for "no class"
    private readonly Linear? _vector, _vectorHidden;
    private readonly Parameter? _noVector;

    /// <summary>Makes the layers with random weights, drawn from torch's generator.</summary>
    /// <param name="width">Width of the vector.</param>
    /// <param name="frequencies">Number K of frequencies of time.</param>
    /// <param name="classes">Number of classes; 0 for none.</param>
    /// <param name="vectorLength">Number of values of a condition vector; 0 for none.</param>
    public ConditionEmbedding(int width, int frequencies, int classes, int vectorLength = 0) : base("condition")
    {
        using var scope = NewDisposeScope();
        _frequencies = tensor(Enumerable.Range(1, frequencies).Select(k => (float)Math.PI * k).ToArray()).DetachFromDisposeScope();
        _time = nn.Linear(2 * frequencies, width);
        _timeHidden = nn.Linear(width, width);
        _label = classes > 0 ? (Parameter)new Parameter(randn(classes + 1, width)).DetachFromDisposeScope() : null;
        if (vectorLength > 0)
        {
            _vector = nn.Linear(vectorLength, width);
            _vectorHidden = nn.Linear(width, width);
            _noVector = (Parameter)new Parameter(randn(1, width)).DetachFromDisposeScope();
        }
        RegisterComponents();
    }

    /// <summary>The vector, [N, width].</summary>
    /// <param name="ops">The interpreter.</param>
    /// <param name="t">Flow time, [N].</param>
    /// <param name="given">Class and vector, where the network has them.</param>
    public T Forward<T>(ITensorOps<T> ops, T t, ConditionInputs<T> given) where T : class
    {
        T condition = ops.Linear(ops.FourierFeatures(t, _frequencies), _time);
        condition = ops.Linear(ops.Silu(condition), _timeHidden);
        if (_label is not null)
            condition = ops.Add(condition, ops.Embedding(given.Label!, _label));
        if (_vector is not null)
            condition = ops.Add(condition, OfVector(ops, given.Vector!));
        return ops.Silu(condition);
    }

    /// <summary>g W₂ silu(W₁ g c) + (1 − g) n, with g = 1 where a vector is given, and 0 where it is none.</summary>
    private T OfVector<T>(ITensorOps<T> ops, T vector) where T : class
    {
        // g = a/(a + 10⁻³⁰), a = m + |m| for m the vector's mean less half of the mean of none. This is 0 and 1 to the last bit, which a sigmoid in
        // ONNX Runtime is not.
        T beyond = ops.Affine(ops.Mean(vector), 1, -VelocityNetwork.NullVector / 2);
        T twice = ops.Add(beyond, ops.Sqrt(ops.Multiply(beyond, beyond)));
        T given = ops.Divide(twice, ops.Affine(twice, 1, Least));
        T hidden = ops.Silu(ops.Linear(ops.Multiply(vector, given), _vector!));
        return ops.Add(
            ops.Multiply(ops.Linear(hidden, _vectorHidden!), given),
            ops.Multiply(ops.Affine(given, -1, 1), ops.Constant(_noVector!)));
    }
}
