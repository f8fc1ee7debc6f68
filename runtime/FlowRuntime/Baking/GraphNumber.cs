using FlowRuntime.Onnx;

namespace FlowRuntime.Baking;

/// <summary>Numbers in float64 of a graph, one or a column [N, 1], with which formulas are written as in C#: each operation becomes a node.</summary>
internal readonly struct GraphNumber(GraphScope scope, string name)
{
    /// <summary>Where its operations stand.</summary>
    public GraphScope Scope { get; } = scope;

    /// <summary>Name of the value in the graph.</summary>
    public string Name { get; } = name;

    public static GraphNumber operator +(GraphNumber a, GraphNumber b) => a.With("Add", b);

    public static GraphNumber operator +(GraphNumber a, double b) => a + a.Number(b);

    public static GraphNumber operator +(double a, GraphNumber b) => b.Number(a) + b;

    public static GraphNumber operator -(GraphNumber a, GraphNumber b) => a.With("Sub", b);

    public static GraphNumber operator -(GraphNumber a, double b) => a - a.Number(b);

    public static GraphNumber operator -(double a, GraphNumber b) => b.Number(a) - b;

    public static GraphNumber operator -(GraphNumber a) => a.Of("Neg");

    public static GraphNumber operator *(GraphNumber a, GraphNumber b) => a.With("Mul", b);

    public static GraphNumber operator *(GraphNumber a, double b) => a * a.Number(b);

    public static GraphNumber operator *(double a, GraphNumber b) => b.Number(a) * b;

    public static GraphNumber operator /(GraphNumber a, GraphNumber b) => a.With("Div", b);

    public static GraphNumber operator /(GraphNumber a, double b) => a / a.Number(b);

    public static GraphNumber operator /(double a, GraphNumber b) => b.Number(a) / b;

    /// <summary>A function of one number by its name in ONNX, such as Exp.</summary>
    public GraphNumber Of(string operation) => new(Scope, Scope.Node(operation, Name));

    /// <summary>A function of two numbers by its name in ONNX, such as Max.</summary>
    public GraphNumber With(string operation, GraphNumber other) => new(Scope, Scope.Node(operation, Name, other.Name));

    /// <summary>A constant beside it.</summary>
    public GraphNumber Number(double value) => new(Scope, Scope.Double(value));
}
