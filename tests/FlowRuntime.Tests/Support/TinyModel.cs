using System.Runtime.InteropServices;
using FlowRuntime.Cards;

namespace FlowRuntime.Tests;

/// <summary>An input or output of a graph: name, element type (1 float, 7 int64) and sizes, of which −1 is open.</summary>
internal sealed record TinyValue(string Name, int Type, params int[] Sizes)
{
    /// <summary>Whether its shape is declared.</summary>
    public bool HasShape { get; init; } = true;
}

/// <summary>
/// ONNX models of a few nodes, written byte by byte, whose velocity is a formula: v = t x, or v = t x + table[label].
/// With t as it is, dx/dt = t x carries x(0) to x(0) exp(t²/2).
/// </summary>
internal static class TinyModel
{
    public const int Float = 1;
    public const int Int64 = 7;
    public const int Int32 = 6;
    public const int Bool = 9;
    public const int Float16 = 10;
    public const int Double = 11;

    public static TinyValue Time { get; } = new("t", Float, -1);

    public static TinyValue State { get; } = new("x", Float, -1, 2);

    public static TinyValue Label { get; } = new("label", Int64, -1);

    public static TinyValue Velocity { get; } = new("v", Float, -1, 2);

    /// <summary>The card that fits v = t x.</summary>
    public static FlowCard Card { get; } = new(FlowCard.CurrentFormat,
        new PredictionCard(PredictionKind.Velocity), new PathCard(PathKind.ConditionalOt), new SampleCard([2]),
        new InputsCard("t", "x"), new OutputsCard("v"));

    /// <summary>The card that fits v = t x + table[label]: two classes, and 2 for none.</summary>
    public static FlowCard ClassesCard { get; } = Card with
    {
        Conditions = new ConditionsCard(new ClassesCard("label", ["left", "right"], Null: 2)),
    };

    /// <summary>The model v = t x, with a second output ∇·v = 2 t; inputs and outputs may be declared otherwise.</summary>
    public static byte[] TimesTime(TinyValue? time = null, TinyValue? state = null, TinyValue? velocity = null) => Model(
        [time ?? Time, state ?? State],
        [velocity ?? Velocity, new TinyValue("divergence", Float, -1)],
        [Node("Unsqueeze", ["t", "one"], "t1"), Node("Mul", ["x", "t1"], "v"), Node("Mul", ["t", "two"], "divergence")],
        [Ints("one", 1), Floats("two", [], 2)]);

    /// <summary>
    /// The model v = x M with M = [[a, b], [b, a]], whose divergence output is 2a, or with a probe e the estimate eᵀMe = 2a + 2b e₁e₂; of shape
    /// [N, 1] as a column and [N] otherwise.
    /// </summary>
    public static byte[] Symmetric(float a, float b, bool probe, bool column)
    {
        byte[][] nodes =
        [
            Node("Unsqueeze", ["t", "one"], "t1"), Node("Mul", ["t1", "zero"], "none"),
            Node("MatMul", ["x", "m"], "xm"), Node("Add", ["xm", "none"], "v"),
            .. probe ? [Node("MatMul", ["e", "m"], "em"), Node("Mul", ["e", "em"], "terms"), Node("ReduceSum", ["terms", "one"], "sum")]
                : new[] { Node("Add", ["none", "trace"], "sum") },
            column ? Node("Identity", ["sum"], "divergence") : Node("Squeeze", ["sum", "one"], "divergence"),
        ];
        return Model(
            probe ? [Time, State, new TinyValue("e", Float, -1, 2)] : [Time, State],
            [Velocity, column ? new TinyValue("divergence", Float, -1, 1) : new TinyValue("divergence", Float, -1)],
            nodes,
            [Ints("one", 1), Floats("m", [2, 2], a, b, b, a), Floats("zero", [], 0), Floats("trace", [], 2 * a)]);
    }

    /// <summary>The model v = t x + table[label].</summary>
    public static byte[] TimesTimePlusTable(params float[] table) => Model(
        [Time, State, Label],
        [Velocity],
        [Node("Unsqueeze", ["t", "one"], "t1"), Node("Mul", ["x", "t1"], "tx"), Node("Gather", ["table", "label"], "row"), Node("Add", ["tx", "row"], "v")],
        [Ints("one", 1), Floats("table", [table.Length / 2, 2], table)]);

    /// <summary>The model v = t x + c, with c a condition of two numbers.</summary>
    public static byte[] TimesTimePlusCondition(TinyValue? condition = null) => Model(
        [Time, State, condition ?? new TinyValue("c", Float, -1, 2)],
        [Velocity],
        [Node("Unsqueeze", ["t", "one"], "t1"), Node("Mul", ["x", "t1"], "tx"), Node("Add", ["tx", condition?.Name ?? "c"], "v")],
        [Ints("one", 1)]);

    /// <summary>The model v = t x + c + table[label].</summary>
    public static byte[] TimesTimePlusConditionAndTable(params float[] table) => Model(
        [Time, State, Label, new TinyValue("c", Float, -1, 2)],
        [Velocity],
        [
            Node("Unsqueeze", ["t", "one"], "t1"), Node("Mul", ["x", "t1"], "tx"), Node("Gather", ["table", "label"], "row"),
            Node("Add", ["row", "c"], "sum"), Node("Add", ["tx", "sum"], "v"),
        ],
        [Ints("one", 1), Floats("table", [table.Length / 2, 2], table)]);

    /// <summary>
    /// The model v = t x with its values declared as others do: the time as [N], [N, 1], [1] or a scalar, and any number type, converted within.
    /// </summary>
    public static byte[] Declared(TinyValue time, TinyValue state, TinyValue velocity) => Model(
        [time, state],
        [velocity],
        [
            Cast(time.Name, Float, "tf"), Node("Reshape", ["tf", "column"], "t1"), Cast(state.Name, Float, "xf"),
            Node("Mul", ["xf", "t1"], "vf"), Cast("vf", velocity.Type, velocity.Name),
        ],
        [Ints("column", -1, 1)]);

    /// <summary>A network whose calls never end: a loop without a count whose condition stays true.</summary>
    public static byte[] Endless { get; } = Model(
        [Time, State],
        [Velocity],
        [
            Node("Unsqueeze", ["t", "one"], "t1"), Node("Mul", ["x", "t1"], "tx"),
            Node("Loop", ["", "yes", "tx"], "v", Protobuf.Message(5, Protobuf.Text(1, "body"), Protobuf.Number(20, 5), Protobuf.Message(6,
                Node("Identity", ["go"], "still"), Node("Neg", ["turn"], "turned"), Protobuf.Text(2, "body"),
                Info(11, new("i", Int64)), Info(11, new("go", Bool)), Info(11, new("turn", Float, -1, 2)),
                Info(12, new("still", Bool)), Info(12, new("turned", Float, -1, 2))))),
        ],
        [Ints("one", 1), Initializer("yes", Bool, [], [1])]);

    /// <summary>A model v = t x + f of inputs besides, where nodes make <c>f</c> of them.</summary>
    public static byte[] TimesTimePlus(TinyValue[] inputs, byte[][] nodes, params byte[][] initializers) => Model(
        [Time, State, .. inputs],
        [Velocity],
        [Node("Unsqueeze", ["t", "one"], "t1"), Node("Mul", ["x", "t1"], "tx"), .. nodes, Node("Add", ["tx", "f"], "v")],
        [Ints("one", 1), .. initializers]);

    /// <summary>The card that fits v = t x + c: c is fed as (value − (1, −2)) / (2, 0.5), and 3 for none.</summary>
    public static FlowCard ConditionCard { get; } = Card with
    {
        Conditions = new ConditionsCard(Vectors: [new ConditionInputCard("c", [2], new ColumnsCard(["warmth", "wetness"], [1, -2], [2, 0.5]), Null: 3)]),
    };

    /// <summary>Writes a model and its card into a folder.</summary>
    public static string Write(TemporaryFolder folder, string name, byte[] model, FlowCard card)
    {
        string path = folder.File(name, model);
        CardFile.Write(path, card);
        return path;
    }

    public static byte[] Model(TinyValue[] inputs, TinyValue[] outputs, byte[][] nodes, byte[][] initializers) =>
    [
        .. Protobuf.Number(1, 10), // ir_version
        .. Protobuf.Text(2, "FlowRuntime.Tests"),
        .. Protobuf.Message(7,
            [.. nodes, Protobuf.Text(2, "graph"), .. initializers, .. inputs.Select(value => Info(11, value)), .. outputs.Select(value => Info(12, value))]),
        .. Protobuf.Message(8, Protobuf.Text(1, ""), Protobuf.Number(2, 20)), // opset 20
    ];

    public static byte[] Node(string operation, string[] inputs, string output, params byte[][] attributes) =>
        Protobuf.Message(1, [.. inputs.Select(input => Protobuf.Text(1, input)), Protobuf.Text(2, output), Protobuf.Text(4, operation), .. attributes]);

    public static byte[] Cast(string input, int type, string output) => Node("Cast", [input], output, Attribute("to", type));

    public static byte[] Attribute(string name, long value) => Protobuf.Message(5, Protobuf.Text(1, name), Protobuf.Number(3, value), Protobuf.Number(20, 2));

    /// <summary>A number in float32 as an attribute: field 2, four bytes.</summary>
    public static byte[] Attribute(string name, float value) => Protobuf.Message(5, Protobuf.Text(1, name), [0x15, .. BitConverter.GetBytes(value)], Protobuf.Number(20, 1));

    private static byte[] Info(int number, TinyValue value)
    {
        IEnumerable<byte[]> sizes = value.Sizes.Select(size =>
            Protobuf.Message(1, size < 0 ? Protobuf.Text(2, "N") : Protobuf.Number(1, size)));
        byte[] tensor = Protobuf.Message(1, value.HasShape ? [Protobuf.Number(1, value.Type), Protobuf.Message(2, sizes)] : new[] { Protobuf.Number(1, value.Type) });
        return Protobuf.Message(number, Protobuf.Text(1, value.Name), Protobuf.Message(2, tensor));
    }

    public static byte[] Floats(string name, int[] sizes, params float[] values) =>
        Initializer(name, Float, sizes, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());

    public static byte[] Ints(string name, params long[] values) =>
        Initializer(name, Int64, [values.Length], MemoryMarshal.AsBytes(values.AsSpan()).ToArray());

    private static byte[] Initializer(string name, int type, int[] sizes, byte[] raw) => Protobuf.Message(5,
        [.. sizes.Select(size => Protobuf.Number(1, size)), Protobuf.Number(2, type), Protobuf.Text(8, name), Protobuf.Message(9, raw)]);
}
