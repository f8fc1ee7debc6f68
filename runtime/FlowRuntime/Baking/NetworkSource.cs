using System.Text;
using FlowRuntime.Cards;
using FlowRuntime.Onnx;
using static FlowRuntime.Cards.ProtobufBytes;

namespace FlowRuntime.Baking;

/// <summary>
/// A network of an ONNX file that is copied into another graph: its weights once, its nodes at each call, under names of their own. What a node computes is not looked at, and
/// nothing of it changes. What the wanted output does not depend on, such as a divergence, stays behind.
/// </summary>
/// <remarks>Source: onnx.proto of the ONNX project, by the field numbers there.</remarks>
internal sealed class NetworkSource : IDisposable
{
    private static class Model { public const int IrVersion = 1, Graph = 7, Imports = 8, Function = 25; }

    private static class Graph { public const int Node = 1, Name = 2, Initializer = 5, Input = 11, Output = 12, SparseInitializer = 15; }

    private static class Node { public const int Input = 1, Output = 2, Name = 3, Attribute = 5, Doc = 6; }

    private static class Attribute { public const int Tensor = 5, Graph = 6, Tensors = 10, Graphs = 11; }

    private static class Tensor { public const int Name = 8, Doc = 12, External = 13; }

    private static class Value { public const int Name = 1; }

    private static class Import { public const int Domain = 1, Version = 2; }

    private readonly byte[] _file;
    private readonly MemoryStream _stream;
    private readonly string _path;
    private readonly string _prefix;
    private readonly Dictionary<string, ProtobufField> _weights = [];
    private readonly string _output;
    private readonly List<ProtobufField> _nodes = [];
    private readonly List<string> _inputs = [];
    private readonly HashSet<string> _needed = []; // values that the output depends on
    private int _calls;

    /// <param name="path">The ONNX file.</param>
    /// <param name="prefix">What the names of its weights and values begin with.</param>
    /// <param name="output">The output that is wanted.</param>
    /// <exception cref="InvalidDataException">It is no ONNX model, or one that cannot be copied.</exception>
    public NetworkSource(string path, string prefix, string output)
    {
        (_path, _prefix, _output) = (path, prefix, output);
        _file = File.ReadAllBytes(path);
        _stream = new MemoryStream(_file, writable: false);
        foreach (ProtobufField field in ProtobufField.Read(_stream, 0, _file.Length))
        {
            switch (field.Number)
            {
                case Model.IrVersion:
                    IrVersion = (long)field.Value;
                    break;
                case Model.Graph:
                    ReadGraph(field);
                    break;
                case Model.Imports:
                    ReadImport(field);
                    break;
                case Model.Function:
                    Functions.Add(_file.AsMemory((int)field.Start, (int)(field.End - field.Start)));
                    break;
                default:
                    break; // who made it, and metadata
            }
        }
        KeepNeeded();
    }

    /// <summary>Version of the file's format.</summary>
    public long IrVersion { get; private set; }

    /// <summary>Versions of the operations by domain; ONNX's own is "".</summary>
    public Dictionary<string, long> Imports { get; } = [];

    /// <summary>Functions of the model's own, as fields of a model.</summary>
    public List<ReadOnlyMemory<byte>> Functions { get; } = [];

    /// <summary>Adds the weights as fields of a graph, in pieces of the file, since a field with another name has another length.</summary>
    public void AddWeights(List<ReadOnlyMemory<byte>> pieces)
    {
        foreach ((string name, ProtobufField weight) in _weights)
        {
            if (!_needed.Contains(name))
                continue;
            int head = pieces.Count;
            byte[] renamed = Text(Tensor.Name, $"{_prefix}/{name}");
            pieces.Add(default); // known once the length is
            pieces.Add(renamed);
            long length = renamed.Length;
            foreach (ProtobufField field in Fields(weight))
            {
                if (field.Number is Tensor.Name or Tensor.Doc)
                    continue;
                pieces.Add(Whole(field));
                length += pieces[^1].Length;
            }
            pieces[head] = Head(Graph.Initializer, length);
        }
    }

    /// <summary>Calls the network once more.</summary>
    /// <param name="scope">Where.</param>
    /// <param name="inputs">What stands in the place of each of its inputs.</param>
    /// <returns>Name of the wanted output there.</returns>
    /// <exception cref="NotSupportedException">The output depends on an input that is not among them.</exception>
    public string Call(GraphScope scope, IReadOnlyDictionary<string, string> inputs)
    {
        foreach (string input in _inputs)
        {
            if (_needed.Contains(input) && !_weights.ContainsKey(input) && !inputs.ContainsKey(input))
                throw new NotSupportedException($"{_path} takes '{input}', which a sampler has nothing to give for.");
        }
        int call = _calls++;
        string Renamed(string name) => name.Length == 0 ? "" // an input that is left out
            : _weights.ContainsKey(name) ? $"{_prefix}/{name}" : inputs.TryGetValue(name, out string? given) ? given : $"{_prefix}{call}/{name}";
        foreach (ProtobufField node in _nodes)
            scope.Add(Message(Graph.Node, Copy(node, Renamed, $"{_prefix}{call}/")));
        return Renamed(_output);
    }

    public void Dispose() => _stream.Dispose();

    /// <summary>A node's content with other names.</summary>
    private byte[] Copy(ProtobufField node, Func<string, string> renamed, string prefix)
    {
        var copy = new MemoryStream();
        foreach (ProtobufField field in Fields(node))
        {
            switch (field.Number)
            {
                case Node.Input or Node.Output:
                    copy.Write(Text(field.Number, renamed(TextOf(field))));
                    break;
                case Node.Name:
                    copy.Write(Text(field.Number, prefix + TextOf(field)));
                    break;
                case Node.Attribute:
                    copy.Write(CopyAttribute(field, renamed, prefix));
                    break;
                case Node.Doc:
                    break;
                default:
                    copy.Write(Whole(field).Span);
                    break;
            }
        }
        return copy.ToArray();
    }

    private byte[] CopyAttribute(ProtobufField attribute, Func<string, string> renamed, string prefix)
    {
        List<byte[]> fields = [];
        foreach (ProtobufField field in Fields(attribute))
        {
            if (field.Number is Attribute.Tensor or Attribute.Tensors)
                RequireInside(field);
            fields.Add(field.Number is Attribute.Graph or Attribute.Graphs ? Message(field.Number, CopyBody(field, renamed, prefix)) : Whole(field).ToArray());
        }
        return Message(Node.Attribute, [.. fields]);
    }

    /// <summary>A graph inside a node. It sees the names around it, and has names of its own for the rest.</summary>
    private byte[] CopyBody(ProtobufField graph, Func<string, string> renamed, string prefix)
    {
        HashSet<string> own = [];
        foreach (ProtobufField field in Fields(graph))
        {
            if (field.Number is Graph.Initializer or Graph.Input)
                own.Add(NameOf(field, field.Number == Graph.Initializer ? Tensor.Name : Value.Name));
            else if (field.Number == Graph.Node)
                AddOutputs(field, own);
        }
        string Inside(string name) => name.Length > 0 && own.Contains(name) ? prefix + name : renamed(name);
        var copy = new MemoryStream();
        foreach (ProtobufField field in Fields(graph))
        {
            switch (field.Number)
            {
                case Graph.Node:
                    copy.Write(Message(Graph.Node, Copy(field, Inside, prefix)));
                    break;
                case Graph.Initializer:
                    copy.Write(Renamed(RequireInside(field), Tensor.Name, Inside));
                    break;
                case Graph.Input or Graph.Output:
                    copy.Write(Renamed(field, Value.Name, Inside));
                    break;
                case Graph.SparseInitializer:
                    throw Unfit("it holds sparse weights");
                case Graph.Name:
                    copy.Write(Whole(field).Span);
                    break;
                default:
                    break; // what is known of shapes, by the old names
            }
        }
        return copy.ToArray();
    }

    private void AddOutputs(ProtobufField node, HashSet<string> names)
    {
        foreach (ProtobufField field in Fields(node))
        {
            if (field.Number == Node.Output)
                names.Add(TextOf(field));
        }
    }

    private byte[] Renamed(ProtobufField message, int nameField, Func<string, string> renamed)
    {
        List<byte[]> fields = [];
        foreach (ProtobufField field in Fields(message))
            fields.Add(field.Number == nameField ? Text(nameField, renamed(TextOf(field))) : Whole(field).ToArray());
        return Message(message.Number, [.. fields]);
    }

    private void ReadGraph(ProtobufField graph)
    {
        foreach (ProtobufField field in Fields(graph))
        {
            if (field.Number == Graph.Node)
                _nodes.Add(field);
            else if (field.Number == Graph.Initializer)
                _weights.Add(NameOf(RequireInside(field), Tensor.Name), field);
            else if (field.Number == Graph.Input)
                _inputs.Add(NameOf(field, Value.Name));
            else if (field.Number == Graph.SparseInitializer)
                throw Unfit("it holds sparse weights");
        }
    }

    /// <summary>Leaves out the nodes that the wanted output does not depend on; they stand in the order in which they are computed.</summary>
    private void KeepNeeded()
    {
        _needed.Add(_output);
        for (int i = _nodes.Count - 1; i >= 0; i--)
        {
            HashSet<string> outputs = [];
            AddOutputs(_nodes[i], outputs);
            if (outputs.Overlaps(_needed))
                AddInputs(_nodes[i]);
            else
                _nodes.RemoveAt(i);
        }
    }

    /// <summary>Adds what a node takes to what is needed, also what the graphs inside it take from around.</summary>
    private void AddInputs(ProtobufField node)
    {
        foreach (ProtobufField field in Fields(node))
        {
            if (field.Number == Node.Input)
                _needed.Add(TextOf(field));
            if (field.Number != Node.Attribute)
                continue;
            foreach (ProtobufField part in Fields(field))
            {
                if (part.Number is not (Attribute.Graph or Attribute.Graphs))
                    continue;
                foreach (ProtobufField inner in Fields(part))
                {
                    if (inner.Number == Graph.Node)
                        AddInputs(inner);
                    else if (inner.Number == Graph.Output)
                        _needed.Add(NameOf(inner, Value.Name));
                }
            }
        }
    }

    /// <summary>A tensor whose numbers stand in this file.</summary>
    private ProtobufField RequireInside(ProtobufField tensor)
    {
        foreach (ProtobufField field in Fields(tensor))
        {
            if (field.Number == Tensor.External)
                throw Unfit("its weights lie in another file");
        }
        return tensor;
    }

    private void ReadImport(ProtobufField import)
    {
        (string domain, long version) = ("", 0);
        foreach (ProtobufField field in Fields(import))
        {
            if (field.Number == Import.Domain)
                domain = TextOf(field);
            else if (field.Number == Import.Version)
                version = (long)field.Value;
        }
        Imports[domain == "ai.onnx" ? "" : domain] = version;
    }

    private string NameOf(ProtobufField message, int nameField)
    {
        string name = "";
        foreach (ProtobufField field in Fields(message))
        {
            if (field.Number == nameField)
                name = TextOf(field);
        }
        return name;
    }

    private IEnumerable<ProtobufField> Fields(ProtobufField message) => ProtobufField.Read(_stream, message.Content, message.End);

    private ReadOnlyMemory<byte> Whole(ProtobufField field) => _file.AsMemory((int)field.Start, (int)(field.End - field.Start));

    private string TextOf(ProtobufField field) => Encoding.UTF8.GetString(_file, (int)field.Content, (int)field.Length);

    private InvalidDataException Unfit(string why) => new($"{_path} cannot be baked: {why}. Save it with all weights inside the file.");
}
