namespace FlowRuntime.Ode;

/// <summary>
/// A way to take steps: a Runge–Kutta method (<see cref="ButcherTableau"/>), a multistep method
/// (<see cref="MultistepMethod"/>) or a stochastic one (<see cref="StochasticMethod"/>).
/// </summary>
public abstract class SolverMethod
{
    private protected SolverMethod(string name, int order)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentOutOfRangeException.ThrowIfLessThan(order, 1);
        (Name, Order) = (name, order);
    }

    /// <summary>Name, as command lines and reports write it.</summary>
    public string Name { get; }

    /// <summary>Order: the error at the end of a solve with steps of size h is O(h^order).</summary>
    public int Order { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>Every method that ships.</summary>
    public static IReadOnlyList<SolverMethod> Methods => field ??= [.. ButcherTableau.All, .. MultistepMethod.All, .. StochasticMethod.All];

    /// <summary>Finds a method that ships.</summary>
    /// <param name="name">Its name, such as <c>rk4</c>; case does not matter.</param>
    /// <exception cref="ArgumentException">There is no such method; the message lists those there are.</exception>
    public static SolverMethod Named(string name) => Named(name, Methods);

    private protected static T Named<T>(string name, IReadOnlyList<T> methods) where T : SolverMethod =>
        methods.FirstOrDefault(method => method.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new ArgumentException($"There is no method '{name}'. Choose one of: {string.Join(", ", methods)}.", nameof(name));
}
