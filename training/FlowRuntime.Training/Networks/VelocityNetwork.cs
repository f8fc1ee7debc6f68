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
    /// <param name="vectorLength">Number of values of a condition vector; 0 for none.</param>
    protected VelocityNetwork(string name, IReadOnlyList<int> shape, int classes = 0, int vectorLength = 0) : base(name)
    {
        (Shape, Classes, VectorLength) = (shape, classes, vectorLength);
        Dimension = shape.Aggregate(1, (product, size) => product * size);
    }

    /// <summary>Shape of one state.</summary>
    public IReadOnlyList<int> Shape { get; }

    /// <summary>Number of values of one state.</summary>
    public int Dimension { get; }

    /// <summary>Number of classes; 0 for none.</summary>
    public int Classes { get; }

    /// <summary>Number of values of a condition vector; 0 for none.</summary>
    public int VectorLength { get; }

    /// <summary>What every value of a condition vector is where there is no condition. Others are standardised, and lie well within half of it.</summary>
    public const float NullVector = -1024;

    /// <summary>The label that means "no class": the one behind the last class.</summary>
    public int NullLabel => Classes;

    /// <summary>The velocity v(t, x).</summary>
    /// <param name="ops">The interpreter.</param>
    /// <param name="t">Flow time, [N].</param>
    /// <param name="x">State, [N, shape…].</param>
    /// <param name="given">Class and condition vector; default for a network that has neither.</param>
    /// <returns>The velocity, [N, shape…].</returns>
    public abstract T Forward<T>(ITensorOps<T> ops, T t, T x, ConditionInputs<T> given = default) where T : class;
}
