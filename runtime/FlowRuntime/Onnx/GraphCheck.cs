using System.Text;
using FlowRuntime.Cards;

namespace FlowRuntime.Onnx;

/// <summary>
/// Holds a model's file against bounds before ONNX Runtime reads it: what it claims to hold it holds, it names no file but those in its folder, and
/// its graphs end. What a graph computes is not judged.
/// </summary>
/// <remarks>
/// The file is walked field by field and never held in memory. Source of the field numbers: onnx.proto of the ONNX project, IR version 13.
/// </remarks>
internal sealed class GraphCheck
{
    /// <summary>Nodes, those of functions counted at each of their calls.</summary>
    private const long MostNodes = 1_000_000;

    private const long MostFields = 20_000_000;
    private const int DeepestGraph = 16;
    private const int LongestName = 1 << 12;

    /// <summary>Whole numbers by which ONNX Runtime divides or counts without a look at them, and what they may be: others end the process. Seen with version 1.31.</summary>
    private static readonly Dictionary<(string Operation, string Attribute), (long Least, long Most)> Trusted = new()
    {
        [("DepthToSpace", "blocksize")] = (1, ushort.MaxValue),
        [("SpaceToDepth", "blocksize")] = (1, ushort.MaxValue),
        [("GatherND", "batch_dims")] = (0, 64),
    };

    private static class Model { public const int Graph = 7, Function = 25; }

    private static class Graph { public const int Node = 1, Initializer = 5, SparseInitializer = 15; }

    private static class Node { public const int Operation = 4, Attribute = 5, Domain = 7, Overload = 8; }

    private static class Attribute { public const int Name = 1, Whole = 3, Tensor = 5, Graph = 6, Tensors = 10, Graphs = 11, Sparse = 22, Sparses = 23; }

    private static class Function { public const int Name = 1, Node = 7, Domain = 10, Attribute = 11, Overload = 13; }

    private readonly FileStream _file;
    private readonly ExternalData _external;
    private readonly Dictionary<string, FunctionBody> _functions = [];
    private long _fields;

    private GraphCheck(string path, FileStream file) => (_file, _external) = (file, new ExternalData(path));

    /// <summary>Checks a model's file.</summary>
    /// <param name="path">The ONNX file.</param>
    /// <exception cref="InvalidDataException">It is no ONNX model, or not one to be opened; the message says what is wrong, and where.</exception>
    public static void Check(string path)
    {
        using FileStream file = File.OpenRead(path);
        var check = new GraphCheck(path, file);
        try
        {
            check.Check();
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{path} is not opened: {e.Message}.", e);
        }
    }

    private void Check()
    {
        List<ProtobufField> graphs = [], functions = [];
        foreach (ProtobufField field in Fields(0, _file.Length))
        {
            if (field.Number == Model.Graph)
                graphs.Add(Nested(field));
            else if (field.Number == Model.Function)
                functions.Add(Nested(field));
        }
        if (graphs.Count != 1)
            throw new InvalidDataException($"it holds {graphs.Count} graphs instead of one");
        foreach (ProtobufField function in functions)
            ReadFunction(function);
        var main = new FunctionBody("the graph");
        ReadGraph(graphs[0], main, depth: 1);
        if (main.Expanded(_functions, []) is var nodes && nodes > MostNodes)
            throw new InvalidDataException($"its graph has {(nodes == long.MaxValue ? "more nodes than can be counted" : $"{nodes} nodes")}, functions in place; at most {MostNodes} are opened");
    }

    private void ReadFunction(ProtobufField field)
    {
        (string name, string domain, string overload) = ("", "", "");
        var nodes = new List<ProtobufField>();
        foreach (ProtobufField part in Fields(field))
        {
            switch (part.Number)
            {
                case Function.Name:
                    name = Name(part);
                    break;
                case Function.Domain:
                    domain = Name(part);
                    break;
                case Function.Overload:
                    overload = Name(part);
                    break;
                case Function.Node:
                    nodes.Add(Nested(part));
                    break;
                case Function.Attribute:
                    nodes.Add(Nested(part) with { Number = Function.Attribute });
                    break;
            }
        }
        var body = new FunctionBody($"the function '{name}'");
        foreach (ProtobufField part in nodes)
        {
            if (part.Number == Function.Attribute)
                ReadAttribute(part, body, depth: 1);
            else
                ReadNode(part, body, depth: 1);
        }
        _functions[FunctionBody.Key(domain, name, overload)] = body;
    }

    private void ReadGraph(ProtobufField graph, FunctionBody body, int depth)
    {
        if (depth > DeepestGraph)
            throw new InvalidDataException($"its graphs lie more than {DeepestGraph} deep in one another");
        foreach (ProtobufField field in Fields(graph))
        {
            switch (field.Number)
            {
                case Graph.Node:
                    ReadNode(Nested(field), body, depth);
                    break;
                case Graph.Initializer:
                    TensorCheck.Check(this, Nested(field), _external);
                    break;
                case Graph.SparseInitializer:
                    throw Sparse();
            }
        }
    }

    private void ReadNode(ProtobufField node, FunctionBody body, int depth)
    {
        (string operation, string domain, string overload) = ("", "", "");
        var numbers = new List<(string Name, long Value)>();
        foreach (ProtobufField field in Fields(node))
        {
            switch (field.Number)
            {
                case Node.Operation:
                    operation = Name(field);
                    break;
                case Node.Domain:
                    domain = Name(field);
                    break;
                case Node.Overload:
                    overload = Name(field);
                    break;
                case Node.Attribute:
                    numbers.Add(ReadAttribute(Nested(field), body, depth));
                    break;
            }
        }
        foreach ((string name, long value) in numbers)
        {
            if (Trusted.TryGetValue((operation, name), out var range) && (value < range.Least || value > range.Most))
                throw new InvalidDataException($"its node {operation} has {name} {value}, which is not from {range.Least} to {range.Most}. The file is broken; fetch or export it again");
        }
        if (operation == "EPContext") // a program for a device, inside or in a file that its attributes name
            throw new InvalidDataException("its node EPContext holds a program made for one device. Give the model that it was made of");
        body.Add(FunctionBody.Key(domain, operation, overload));
    }

    /// <summary>Reads an attribute.</summary>
    /// <returns>Its name, and its value where that is a whole number.</returns>
    private (string Name, long Value) ReadAttribute(ProtobufField attribute, FunctionBody body, int depth)
    {
        (string name, long value) = ("", 0);
        foreach (ProtobufField field in Fields(attribute))
        {
            switch (field.Number)
            {
                case Attribute.Name:
                    name = Name(field);
                    break;
                case Attribute.Whole:
                    value = (long)field.Value;
                    break;
                case Attribute.Tensor or Attribute.Tensors:
                    TensorCheck.Check(this, Nested(field), _external);
                    break;
                case Attribute.Graph or Attribute.Graphs:
                    ReadGraph(Nested(field), body, depth + 1);
                    break;
                case Attribute.Sparse or Attribute.Sparses:
                    throw Sparse();
            }
        }
        return (name, value);
    }

    /// <summary>The fields of a nested message.</summary>
    public IEnumerable<ProtobufField> Fields(ProtobufField message) => Fields(message.Content, message.End);

    /// <summary>The packed numbers of a field.</summary>
    public void ReadPacked(ProtobufField field, Action<ulong> use) => ProtobufField.ReadPacked(_file, field, use);

    /// <summary>A name, which is short.</summary>
    public string Name(ProtobufField field)
    {
        Nested(field);
        if (field.Length > LongestName)
            throw new InvalidDataException($"the name at byte {field.Start} is {field.Length} bytes long; at most {LongestName} are read");
        byte[] text = new byte[field.Length];
        _file.Position = field.Content;
        _file.ReadExactly(text);
        return Encoding.UTF8.GetString(text);
    }

    /// <summary>A field that must hold bytes.</summary>
    public static ProtobufField Nested(ProtobufField field) => field.WireType == ProtobufField.LengthDelimited ? field
        : throw new InvalidDataException($"field {field.Number} at byte {field.Start} has wire type {field.WireType}");

    private static InvalidDataException Sparse() =>
        new("it has a sparse tensor, by which a small file could ask for any amount of memory. Export it with dense weights");

    private IEnumerable<ProtobufField> Fields(long start, long end)
    {
        foreach (ProtobufField field in ProtobufField.Read(_file, start, end))
        {
            if (++_fields > MostFields)
                throw new InvalidDataException($"it has more than {MostFields} fields");
            yield return field;
        }
    }
}
