using System.Text;
using FlowRuntime.Tests;

namespace FlowRuntime.Bench.Hostile;

/// <summary>Mutations of what a model has: its nodes, attributes, initializers, values and versions.</summary>
internal static class DamagedParts
{
    private const int LongText = 4 << 20;

    public static IReadOnlyList<Mutation> All { get; } =
    [
        new("node: other operator", model => model.Change(model.Graph, 1, node => MutableModel.SetText(node, 4, model.Pick(HostileNodes.Operators)))),
        new("node: other domain", model => model.Change(model.Graph, 1, node => MutableModel.SetText(node, 7, model.Pick("com.microsoft", "ai.onnx.ml", "com.microsoft.nchwc", "com.ms.internal.nhwc", "ai.onnx.preview.training", "nobody.knows")))),
        new("node: operator with a long name", model => model.Change(model.Graph, 1, node => MutableModel.SetText(node, 4, new string('a', LongText)))),
        new("node: other input", model => model.Change(model.Graph, 1, node => Rename(model, node, 1))),
        new("node: other output", model => model.Change(model.Graph, 1, node => Rename(model, node, 2))),
        new("node: its own input", model => model.Change(model.Graph, 1, node => MutableModel.SetContent(node, 1, node.All(2)[0].Content))),
        new("node: deleted", model => Delete(model, model.Graph, 1)),
        new("node: twice", model => Repeat(model, model.Graph, 1)),
        new("node: input twice or deleted", model => model.Change(model.Graph, 1, node => Either(model, node, 1))),
        new("node: output twice or deleted", model => model.Change(model.Graph, 1, node => Either(model, node, 2))),
        new("node: order", model => model.Random.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(model.Graph.Fields))),
        new("attribute: other value", model => Attribute(model, attribute => OtherValue(model, attribute))),
        new("attribute: other type", model => Attribute(model, attribute => MutableModel.SetNumber(attribute, 20, model.Pick<long>(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 99, -1, int.MaxValue)))),
        new("attribute: other name", model => Attribute(model, attribute => MutableModel.SetText(attribute, 1, model.Pick(HostileNodes.AttributeNames)))),
        new("attribute: added", model => model.Change(model.Graph, 1, node => MutableModel.Append(node, 5, HostileNodes.AnyAttribute(model)))),
        new("attribute: deleted", model => model.Change(model.Graph, 1, node => Delete(model, node, 5))),
        new("initializer: other sizes", model => model.Change(model.Graph, 5, tensor => OtherSizes(model, tensor))),
        new("initializer: other type", model => model.Change(model.Graph, 5, tensor => MutableModel.SetNumber(tensor, 2, model.Pick<long>(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 20, 21, 22, 23, 24, 25, 99, -1, int.MinValue)))),
        new("initializer: sizes and type", model => model.Change(model.Graph, 5, tensor =>
        {
            OtherSizes(model, tensor);
            MutableModel.SetNumber(tensor, 2, model.Random.Next(24));
        })),
        new("initializer: sizes without data", model => model.Change(model.Graph, 5, tensor =>
        {
            OtherSizes(model, tensor);
            tensor.Fields.RemoveAll(part => part.Number == 9);
        })),
        new("initializer: data cut or lengthened", model => model.Change(model.Graph, 5, tensor =>
        {
            byte[] data = tensor.All(9) is [var raw, ..] ? raw.Content : [];
            MutableModel.SetContent(tensor, 9, model.Chance(0.5) ? data[..model.Random.Next(data.Length + 1)] : [.. data, .. new byte[model.Random.Next(1, 5000)]]);
        })),
        new("initializer: data in another field", model => model.Change(model.Graph, 5, tensor =>
        {
            foreach (WireField raw in tensor.All(9))
                raw.Number = model.Pick(4, 5, 6, 7, 10, 11);
        })),
        new("initializer: data elsewhere", model => model.Change(model.Graph, 5, tensor =>
        {
            tensor.Fields.RemoveAll(part => part.Number == 9);
            MutableModel.SetNumber(tensor, 14, 1);
            MutableModel.Append(tensor, 13, [.. Protobuf.Text(1, "location"), .. Protobuf.Text(2, model.Pick("data.bin", "../../../../etc/passwd", "/etc/passwd", "/dev/zero", "/proc/self/mem", ".", "", "*/_ORT_MEM_ADDR_/*"))]);
            MutableModel.Append(tensor, 13, [.. Protobuf.Text(1, "offset"), .. Protobuf.Text(2, $"{model.HostileSize()}")]);
            MutableModel.Append(tensor, 13, [.. Protobuf.Text(1, "length"), .. Protobuf.Text(2, $"{model.HostileSize()}")]);
        })),
        new("initializer: a name that others have", model => model.Change(model.Graph, 5, tensor => MutableModel.SetContent(tensor, 8, AnyName(model)))),
        new("initializer: deleted", model => Delete(model, model.Graph, 5)),
        new("initializer: twice", model => Repeat(model, model.Graph, 5)),
        new("initializer: of texts", model => model.Change(model.Graph, 5, tensor =>
        {
            MutableModel.SetNumber(tensor, 2, MutableModel.Text);
            tensor.Fields.RemoveAll(part => part.Number == 9);
            for (int i = model.Random.Next(3); i > 0; i--)
                MutableModel.Append(tensor, 6, new byte[model.Pick(0, 1, LongText)]);
        })),
        new("initializer: sparse", model =>
        {
            (string name, long size) = (model.NewName(), model.HostileSize());
            MutableModel.Append(model.Graph, 15,
            [
                .. Protobuf.Message(1, MutableModel.Tensor(name, MutableModel.Float, [2], new byte[8])),
                .. Protobuf.Message(2, MutableModel.Tensor(name + "i", MutableModel.Int64, [2], [.. BitConverter.GetBytes(model.HostileSize()), .. BitConverter.GetBytes(model.HostileSize())])),
                .. Protobuf.Number(3, size), .. model.Chance(0.5) ? Protobuf.Number(3, model.HostileSize()) : [],
            ]);
            model.Depend(name);
        }),
        new("input: other sizes or type", model => model.Change(model.Graph, 11, value => OtherType(model, value))),
        new("output: other sizes or type", model => model.Change(model.Graph, 12, value => OtherType(model, value))),
        new("input: deleted or twice", model => Either(model, model.Graph, 11)),
        new("output: deleted or twice", model => Either(model, model.Graph, 12)),
        new("output: another value", model => model.Change(model.Graph, 12, value => MutableModel.SetContent(value, 1, AnyName(model)))),
        new("input: another name", model => model.Change(model.Graph, 11, value => MutableModel.SetContent(value, 1, AnyName(model)))),
        new("inner value: said to be another", model => MutableModel.Append(model.Graph, 13, MutableModel.Value(Encoding.UTF8.GetString(AnyName(model)), model.Random.Next(25), [.. Enumerable.Range(0, model.Random.Next(6)).Select(_ => model.HostileSize())]))),
        new("versions", model =>
        {
            if (model.Chance(0.3))
                MutableModel.SetNumber(model.Model, 1, model.HostileSize());
            else
                MutableModel.SetContent(model.Model, 8, [.. model.Chance(0.5) ? Protobuf.Text(1, model.Pick("", "com.microsoft", "ai.onnx.ml", "x")) : [], .. Protobuf.Number(2, model.Pick(model.HostileSize(), model.Random.Next(30)))]);
        }),
        new("bits of the graph", model => Bits(model, model.Graph)),
        new("bits of a node", model => model.Change(model.Graph, 1, node => Bits(model, node))),
        new("bits of the small parts", model =>
        {
            foreach (WireField part in model.Graph.Fields.Where(part => part.Content.Length is > 0 and < 200))
            {
                if (model.Chance(0.02))
                    part.Content[model.Random.Next(part.Content.Length)] = (byte)model.Random.Next(256);
            }
        }),
        new("a wrong length", model =>
        {
            WireField part = model.Pick(model.Graph.Fields);
            part.ClaimedLength = (ulong)model.Pick(model.HostileSize(), part.Content.Length + model.Random.Next(-3, 4));
        }),
        new("a field of another kind", model =>
        {
            WireField part = model.Pick(model.Graph.Fields);
            part.Number = model.Random.Next(1, 30);
        }),
    ];

    private static void Attribute(MutableModel model, Action<WireMessage> change)
    {
        WireField[] nodes = [.. model.Graph.All(1).Where(node => WireMessage.Parse(node.Content).All(5).Count > 0)];
        if (nodes.Length == 0)
            return;
        WireField chosen = model.Pick(nodes);
        WireMessage message = WireMessage.Parse(chosen.Content);
        model.Change(message, 5, change);
        chosen.Content = message.ToBytes();
    }

    private static void OtherValue(MutableModel model, WireMessage attribute)
    {
        foreach (WireField part in attribute.Fields.Where(part => part.Number is not (1 or 20)))
        {
            if (part.WireType == WireField.Varint)
                part.Value = (ulong)model.HostileSize();
            else if (part.Number == 8 && WireMessage.TryParse(part.Content) is not null)
                part.Content = [.. Enumerable.Range(0, model.Random.Next(6)).SelectMany(_ => Protobuf.Varint((ulong)model.HostileSize()))];
            else
                model.Random.NextBytes(part.Content = [.. part.Content]);
        }
    }

    private static void OtherSizes(MutableModel model, WireMessage tensor)
    {
        tensor.Fields.RemoveAll(part => part.Number == 1);
        for (int i = model.Random.Next(6); i > 0; i--)
            tensor.Fields.Add(new WireField(1, WireField.Varint) { Value = (ulong)model.HostileSize() });
        if (model.Chance(0.05))
        {
            for (int i = 0; i < 100_000; i++)
                tensor.Fields.Add(new WireField(1, WireField.Varint) { Value = 1 });
        }
    }

    private static void OtherType(MutableModel model, WireMessage value)
    {
        string name = MutableModel.TextOf(value.All(1)[0]);
        byte[] tensor = MutableModel.Value(name, model.Chance(0.5) ? MutableModel.Float : model.Random.Next(25), [.. Enumerable.Range(0, model.Random.Next(5)).Select(i => i == 0 && model.Chance(0.7) ? -1 : model.HostileSize())]);
        if (model.Chance(0.7))
        {
            value.Fields.Clear();
            value.Fields.AddRange(WireMessage.Parse(tensor).Fields);
            return;
        }
        byte[] type = Protobuf.Message(1, Protobuf.Number(1, 1)); // within sequences, optionals or maps, many deep
        for (int depth = model.Pick(1, 10, 90, 1000); depth > 0; depth--)
            type = model.Pick(4, 9) is var kind ? Protobuf.Message(kind, Protobuf.Message(1, type)) : type;
        MutableModel.SetContent(value, 2, type);
    }

    private static void Bits(MutableModel model, WireMessage message)
    {
        byte[] bytes = message.ToBytes();
        for (int flips = model.Random.Next(1, 6); flips > 0; flips--)
            bytes[model.Random.Next(bytes.Length)] ^= (byte)(1 << model.Random.Next(8));
        message.Fields.Clear();
        if (WireMessage.TryParse(bytes) is { } parsed)
            message.Fields.AddRange(parsed.Fields);
    }

    private static void Rename(MutableModel model, WireMessage node, int number)
    {
        if (node.All(number) is { Count: > 0 } names)
            model.Pick(names).Content = model.Pick(AnyName(model), [], "nowhere"u8.ToArray(), new byte[LongText], [0xFF, 0xFE]);
    }

    /// <summary>The name of some value of the graph.</summary>
    private static byte[] AnyName(MutableModel model)
    {
        if (model.Chance(0.2))
            return model.Graph.All(5) is { Count: > 0 } tensors && WireMessage.TryParse(model.Pick(tensors).Content)?.All(8) is [var name, ..] ? name.Content : [];
        WireMessage? node = model.Graph.All(1) is { Count: > 0 } nodes ? WireMessage.TryParse(model.Pick(nodes).Content) : null;
        return node?.Fields.FindAll(part => part.Number is 1 or 2) is { Count: > 0 } names ? model.Pick(names).Content : [];
    }

    private static void Delete(MutableModel model, WireMessage message, int number)
    {
        if (message.All(number) is { Count: > 0 } parts)
            message.Fields.Remove(model.Pick(parts));
    }

    private static void Repeat(MutableModel model, WireMessage message, int number)
    {
        if (message.All(number) is { Count: > 0 } parts)
            message.Fields.Insert(model.Random.Next(message.Fields.Count), model.Pick(parts).Copy());
    }

    private static void Either(MutableModel model, WireMessage message, int number)
    {
        if (model.Chance(0.5))
            Delete(model, message, number);
        else
            Repeat(model, message, number);
    }
}
