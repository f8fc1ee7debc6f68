using System.Runtime.InteropServices;
using System.Text;
using FlowRuntime.Cards;
using FlowRuntime.Tests;

namespace FlowRuntime.Bench.Hostile;

/// <summary>An ONNX model that is being changed, field by field, with the chance that decides how.</summary>
/// <remarks>Field numbers are those of onnx.proto of the ONNX project.</remarks>
internal sealed class MutableModel
{
    public const int Float = 1;
    public const int Int64 = 7;
    public const int Text = 8;
    public const int Bool = 9;

    private const int GraphField = 7;

    private readonly WireField _graphField;
    private int _names;

    public MutableModel(byte[] bytes, FlowCard card, Random random)
    {
        Model = WireMessage.Parse(bytes);
        _graphField = Model.All(GraphField).Single();
        Graph = WireMessage.Parse(_graphField.Content);
        (Card, Random) = (card, random);
    }

    /// <summary>ModelProto: ir_version 1, graph 7, opset_import 8, metadata 14, functions 25.</summary>
    public WireMessage Model { get; }

    /// <summary>GraphProto: node 1, name 2, initializer 5, input 11, output 12, value_info 13, sparse_initializer 15.</summary>
    public WireMessage Graph { get; }

    public FlowCard Card { get; }

    public Random Random { get; }

    public string State => Card.Inputs.State;

    public byte[] ToBytes()
    {
        _graphField.Content = Graph.ToBytes();
        return Model.ToBytes();
    }

    public T Pick<T>(params IReadOnlyList<T> of) => of[Random.Next(of.Count)];

    public bool Chance(double share) => Random.NextDouble() < share;

    /// <summary>A size such as an attacker would claim, or one that is merely wrong.</summary>
    public long HostileSize() => Pick(
        0, -1, 1, 2, 3, 7, 255, 65_536, 1 << 20, 100_000_000, int.MaxValue, 1L + int.MaxValue, 1L << 32, (1L << 32) + 1, 1L << 40, 1L << 61, 1L << 62, long.MaxValue, long.MinValue, long.MinValue + 1, -2, int.MinValue);

    /// <summary>Changes one of the messages of a field number; nothing where there is none.</summary>
    public void Change(WireMessage within, int number, Action<WireMessage> change)
    {
        if (within.All(number) is not { Count: > 0 } fields)
            return;
        WireField field = Pick(fields);
        if (WireMessage.TryParse(field.Content) is not { } message)
            return;
        change(message);
        field.Content = message.ToBytes();
    }

    public static void SetText(WireMessage message, int number, string text) => SetContent(message, number, Encoding.UTF8.GetBytes(text));

    public static void SetContent(WireMessage message, int number, byte[] content)
    {
        message.Fields.RemoveAll(field => field.Number == number);
        message.Fields.Add(new WireField(number, WireField.LengthDelimited) { Content = content });
    }

    public static void SetNumber(WireMessage message, int number, long value)
    {
        message.Fields.RemoveAll(field => field.Number == number);
        message.Fields.Add(new WireField(number, WireField.Varint) { Value = (ulong)value });
    }

    public static void Append(WireMessage message, int number, byte[] content) =>
        message.Fields.Add(new WireField(number, WireField.LengthDelimited) { Content = content });

    public static string TextOf(WireField field) => Encoding.UTF8.GetString(field.Content);

    public string NewName() => $"hostile{_names++}";

    /// <summary>Adds a node.</summary>
    /// <returns>The name of its first output.</returns>
    public string Add(string operation, string[] inputs, byte[][]? attributes = null, string domain = "", int outputs = 1)
    {
        string[] names = [.. Enumerable.Range(0, outputs).Select(_ => NewName())];
        Append(Graph, 1, Node(operation, inputs, names, attributes, domain));
        return names[0];
    }

    public static byte[] Node(string operation, string[] inputs, string[] outputs, byte[][]? attributes = null, string domain = "") =>
    [
        .. inputs.SelectMany(input => Protobuf.Text(1, input)), .. outputs.SelectMany(output => Protobuf.Text(2, output)), .. Protobuf.Text(4, operation),
        .. (attributes ?? []).SelectMany(attribute => Protobuf.Message(5, attribute)), .. domain.Length > 0 ? Protobuf.Text(7, domain) : [],
    ];

    public static byte[] Integer(string name, long value) => [.. Protobuf.Text(1, name), .. Protobuf.Number(3, value), .. Protobuf.Number(20, 2)];

    public static byte[] Integers(string name, params IEnumerable<long> values) =>
        [.. Protobuf.Text(1, name), .. values.SelectMany(value => Protobuf.Number(8, value)), .. Protobuf.Number(20, 7)];

    public static byte[] Real(string name, float value) => [.. Protobuf.Text(1, name), .. Protobuf.Tag(2, 5), .. BitConverter.GetBytes(value), .. Protobuf.Number(20, 1)];

    public static byte[] Reals(string name, params IEnumerable<float> values) =>
        [.. Protobuf.Text(1, name), .. values.SelectMany(value => (byte[])[.. Protobuf.Tag(7, 5), .. BitConverter.GetBytes(value)]), .. Protobuf.Number(20, 6)];

    public static byte[] Word(string name, string value) => [.. Protobuf.Text(1, name), .. Protobuf.Text(4, value), .. Protobuf.Number(20, 3)];

    public static byte[] Words(string name, params IEnumerable<string> values) => [.. Protobuf.Text(1, name), .. values.SelectMany(value => Protobuf.Text(9, value)), .. Protobuf.Number(20, 8)];

    public static byte[] Body(string name, params IEnumerable<byte[]> graph) => [.. Protobuf.Text(1, name), .. Protobuf.Message(6, graph), .. Protobuf.Number(20, 5)];

    /// <summary>The name, type and sizes of a value, −1 for an open one.</summary>
    public static byte[] Value(string name, int type, params long[] sizes) =>
    [
        .. Protobuf.Text(1, name),
        .. Protobuf.Message(2, Protobuf.Message(1, Protobuf.Number(1, type), Protobuf.Message(2, sizes.Select(size => size == -1 ? Protobuf.Message(1) : Protobuf.Message(1, Protobuf.Number(1, size)))))),
    ];

    public static byte[] Tensor(string name, int type, IEnumerable<long> sizes, byte[] raw) =>
        [.. sizes.SelectMany(size => Protobuf.Number(1, size)), .. Protobuf.Number(2, type), .. Protobuf.Text(8, name), .. Protobuf.Message(9, raw)];

    /// <summary>Adds integers: known when the graph is opened, or made of the state at each run.</summary>
    public string Integers(bool known, params long[] values) => Whole(known, values, [values.Length]);

    /// <summary>Adds one integer without a dimension.</summary>
    public string Scalar(bool known, long value) => Whole(known, [value], []);

    /// <summary>Adds reals.</summary>
    public string Reals(bool known, long[] sizes, params float[] values)
    {
        string name = Initializer(Float, sizes, MemoryMarshal.AsBytes<float>(values).ToArray());
        return known ? name : Add("Add", [name, Nothing()]);
    }

    public string Initializer(int type, long[] sizes, byte[] raw)
    {
        string name = NewName();
        Append(Graph, 5, Tensor(name, type, sizes, raw));
        return name;
    }

    private string Whole(bool known, long[] values, long[] sizes)
    {
        string name = Initializer(Int64, sizes, MemoryMarshal.AsBytes<long>(values).ToArray());
        return known ? name : Add("Add", [name, Add("Cast", [Nothing()], [Integer("to", Int64)])]);
    }

    /// <summary>Zero, made of the state, so that what follows from it is not known before a run.</summary>
    private string Nothing() => Add("Mul", [Add("ReduceSum", [State], [Integer("keepdims", 0)]), Initializer(Float, [], BitConverter.GetBytes(0f))]);

    /// <summary>Makes the prediction depend on a value, so that it is computed.</summary>
    public void Depend(string value, bool real = true)
    {
        string number = real ? value : Add("Cast", [value], [Integer("to", Float)]);
        string sum = Add("ReduceMax", [number], [Integer("keepdims", 0)]);
        string nothing = Add("Mul", [sum, Initializer(Float, [], BitConverter.GetBytes(0f))]);
        Replace(Card.Outputs.Prediction, inner => Node("Add", [inner, nothing], [Card.Outputs.Prediction]));
    }

    /// <summary>Gives what a name stands for another name, and the name to a node that is added.</summary>
    public void Replace(string output, Func<string, byte[]> node)
    {
        string inner = NewName();
        foreach (WireField field in Graph.All(1))
        {
            WireMessage message = WireMessage.Parse(field.Content);
            bool changed = false;
            foreach (WireField name in message.Fields.Where(name => name.Number is 1 or 2 && TextOf(name) == output))
            {
                name.Content = Encoding.UTF8.GetBytes(inner);
                changed = true;
            }
            if (changed)
                field.Content = message.ToBytes();
        }
        Append(Graph, 1, node(inner));
    }
}
