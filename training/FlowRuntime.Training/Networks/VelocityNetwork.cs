using static TorchSharp.torch;

namespace FlowRuntime.Training.Networks;

/// <summary>
/// A network that predicts velocities. It owns its parameters as TorchSharp modules and is written once, as
/// <see cref="Forward{T}"/> over <see cref="ITensorOps{T}"/>.
/// </summary>
public abstract class VelocityNetwork : nn.Module
{
    /// <summary>Makes a network.</summary>
    /// <param name="name">Name of the kind of network.</param>
    /// <param name="shape">Shape of one state, such as [1, 8, 8].</param>
    /// <param name="classes">Number of classes; 0 for none.</param>
    protected VelocityNetwork(string name, IReadOnlyList<int> shape, int classes) : base(name)
    {
        Shape = shape;
        Classes = classes;
        Dimension = shape.Aggregate(1, (product, size) => product * size);
    }

    /// <summary>Shape of one state.</summary>
    public IReadOnlyList<int> Shape { get; }

    /// <summary>Number of values of one state.</summary>
    public int Dimension { get; }

    /// <summary>Number of classes; 0 for none.</summary>
    public int Classes { get; }

    /// <summary>The label that means "no class": the one behind the last class.</summary>
    public int NullLabel => Classes;

    /// <summary>The velocity v(t, x).</summary>
    /// <param name="ops">The interpreter.</param>
    /// <param name="t">Flow time, [N].</param>
    /// <param name="x">State, [N, shape…].</param>
    /// <param name="label">Class label, [N], integers; only where the network has classes.</param>
    /// <returns>The velocity, [N, shape…].</returns>
    public abstract T Forward<T>(ITensorOps<T> ops, T t, T x, T? label) where T : class;
}
