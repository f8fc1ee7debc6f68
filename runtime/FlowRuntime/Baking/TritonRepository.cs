using System.Text;
using FlowRuntime.Cards;

namespace FlowRuntime.Baking;

/// <summary>A model repository of the Triton inference server with a baked sampler: REPOSITORY/NAME/config.pbtxt and REPOSITORY/NAME/1/model.onnx.</summary>
/// <remarks>
/// Requests are put together where every input and output has the samples as its first dimension. Source: message ModelConfig of model_config.proto in
/// triton-inference-server/common.
/// </remarks>
internal static class TritonRepository
{
    /// <summary>Samples that a server puts together at most, where nothing is said.</summary>
    public const int DefaultMaxBatch = 256;

    private const string Config = "config.pbtxt", Version = "1", Model = "model.onnx", Mark = "# Written by flow bake.", Partial = ".partial", Replaced = ".replaced";

    private const long Float = 1, Open = -1; // onnx.proto's float32, and a size that is open

    private static class Proto { public const int Graph = 7, Input = 11, Output = 12, Name = 1, Type = 2, Tensor = 1, Element = 1, Shape = 2, Dimension = 1, Size = 1; }

    /// <summary>The folder of a model, which is none yet or one of ours.</summary>
    /// <param name="repository">The repository, by its full path; it may be made.</param>
    /// <param name="name">The model's name there.</param>
    /// <exception cref="ArgumentException">The name stands in no address, or something else is there.</exception>
    public static string EntryOf(string repository, string name)
    {
        foreach (char letter in name)
        {
            if (!char.IsAsciiLetterOrDigit(letter) && letter is not ('-' or '_' or '.'))
                throw new ArgumentException($"'{name}' would be the model's name in addresses: name it by --out, with letters, digits, '-', '_' and '.'.");
        }
        string entry = Path.Combine(repository, name);
        if (name.Length == 0 || name[0] == '.')
            throw new ArgumentException($"'{name}' is no name for a model: name it by --out.");
        if (File.Exists(repository) || File.Exists(entry) || Directory.Exists(entry) && !(IsOurs(entry) && File.Exists(Path.Combine(entry, Config))))
            throw new ArgumentException($"{(File.Exists(repository) ? repository : entry)} is there and was not written by flow bake: move it away, or name another.");
        foreach (string aside in (string[])[entry + Partial, entry + Replaced])
        {
            if (!IsOurs(aside))
                throw new ArgumentException($"{aside} is in the way: move it away.");
        }
        if (!Directory.Exists(Path.GetDirectoryName(repository)))
            throw new ArgumentException($"There is no folder {Path.GetDirectoryName(repository)}. Make it first.");
        RequireWritable(repository, entry + Partial);
        return entry;
    }

    /// <summary>Makes the longest of the paths that are written, and takes it away again.</summary>
    private static void RequireWritable(string repository, string partial)
    {
        bool made = !Directory.Exists(repository);
        try
        {
            Remove(partial);
            Directory.CreateDirectory(Path.Combine(partial, Version, Model + Partial));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ArgumentException($"{repository} cannot be written: {e.Message}", e);
        }
        finally
        {
            TakeAway(repository, partial, made);
        }
    }

    /// <summary>Removes what was begun, and the repository where it was made for that and holds nothing.</summary>
    private static void TakeAway(string repository, string partial, bool made)
    {
        Remove(partial);
        if (made && Directory.Exists(repository) && Directory.GetFileSystemEntries(repository).Length == 0)
            Directory.Delete(repository);
    }

    /// <summary>Writes a sampler into a repository: all of it, or nothing.</summary>
    /// <param name="model">The model.</param>
    /// <param name="entry">Its folder, of <see cref="EntryOf"/>.</param>
    /// <param name="options">The solver.</param>
    /// <param name="maxBatch">Samples that the server may put together.</param>
    /// <returns>What keeps the server from putting requests together; null where it may.</returns>
    public static string? Write(FlowModel model, string entry, BakeOptions options, int maxBatch)
    {
        string partial = entry + Partial, version = Path.Combine(partial, Version), file = Path.Combine(version, Model), replaced = entry + Replaced, repository = Path.GetDirectoryName(entry)!;
        bool made = !Directory.Exists(repository);
        try
        {
            Remove(partial);
            Remove(replaced);
            Directory.CreateDirectory(version);
            SamplerFile.Write(model, file, options);
            string config = ConfigOf(file, Path.GetFileName(entry), maxBatch, out string? alone);
            using (FileStream target = File.Create(Path.Combine(partial, Config)))
            {
                target.Write(Encoding.UTF8.GetBytes(config));
                DiskFlush.Flush(target);
            }
            if (Directory.Exists(entry))
                Directory.Move(entry, replaced);
            try
            {
                Directory.Move(partial, entry);
            }
            catch when (Directory.Exists(replaced))
            {
                Directory.Move(replaced, entry);
                throw;
            }
            Remove(replaced);
            return alone;
        }
        catch
        {
            TakeAway(repository, partial, made);
            throw;
        }
    }

    private static void Remove(string folder)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    }

    /// <summary>Whether a folder holds nothing but what is written here, or is not there.</summary>
    private static bool IsOurs(string folder)
    {
        string config = Path.Combine(folder, Config);
        return !File.Exists(folder) && Holds(folder, Version, Config) && Holds(Path.Combine(folder, Version), Model, Model + Partial)
            && (!File.Exists(config) || File.ReadAllText(config).StartsWith(Mark, StringComparison.Ordinal));
    }

    /// <summary>Whether nothing is in a folder but these.</summary>
    private static bool Holds(string folder, string one, string other)
    {
        if (!Directory.Exists(folder))
            return !File.Exists(folder);
        foreach (string path in Directory.GetFileSystemEntries(folder))
        {
            string name = Path.GetFileName(path);
            if (name != one && name != other)
                return false;
        }
        return true;
    }

    /// <summary>The configuration of a sampler's file, by the inputs and outputs that it declares.</summary>
    private static string ConfigOf(string file, string name, int maxBatch, out string? alone)
    {
        var values = new List<Declared>();
        using (FileStream stream = File.OpenRead(file))
        {
            foreach (ProtobufField graph in ProtobufField.Read(stream, 0, stream.Length))
            {
                if (graph.Number != Proto.Graph)
                    continue;
                foreach (ProtobufField value in ProtobufField.Read(stream, graph.Content, graph.End))
                {
                    if (value.Number is Proto.Input or Proto.Output)
                        values.Add(new Declared(stream, value));
                }
            }
        }
        alone = null;
        foreach (Declared value in values)
        {
            if (value.Shape.Count < 2 || value.Shape[0] != Open) // a shape without dimensions is none that a configuration can have
                alone ??= value.Name;
        }
        var config = new StringBuilder();
        config.Append(Mark).Append("\nname: ").Append(Quoted(name)).Append("\nbackend: \"onnxruntime\"\nmax_batch_size: ").Append(alone is null ? maxBatch : 0).Append('\n');
        foreach (Declared value in values)
        {
            config.Append(value.Field == Proto.Input ? "input" : "output").Append(" {\n  name: ").Append(Quoted(value.Name)).Append("\n  data_type: ").Append(value.IsFloat ? "TYPE_FP32" : "TYPE_INT64").Append("\n  dims: [ ");
            for (int i = alone is null ? 1 : 0; i < value.Shape.Count; i++)
                config.Append(value.Shape[i]).Append(i + 1 < value.Shape.Count ? ", " : "");
            config.Append(" ]\n}\n");
        }
        if (alone is null)
            config.Append("dynamic_batching { }\n");
        return config.ToString();
    }

    /// <summary>An input or output as a file declares it; −1 stands for a size that is open.</summary>
    private sealed class Declared
    {
        public readonly int Field;
        public readonly string Name = "";
        public readonly bool IsFloat;
        public readonly List<long> Shape = [];

        public Declared(FileStream stream, ProtobufField value)
        {
            Field = value.Number;
            foreach (ProtobufField field in ProtobufField.Read(stream, value.Content, value.End))
            {
                if (field.Number == Proto.Name)
                {
                    byte[] text = new byte[field.Length];
                    stream.Position = field.Content;
                    stream.ReadExactly(text);
                    Name = Encoding.UTF8.GetString(text);
                }
                else if (field.Number == Proto.Type)
                {
                    ProtobufField tensor = Inner(stream, field, Proto.Tensor);
                    IsFloat = Inner(stream, tensor, Proto.Element).Value == Float;
                    ProtobufField sizes = Inner(stream, tensor, Proto.Shape);
                    foreach (ProtobufField size in ProtobufField.Read(stream, sizes.Content, sizes.End))
                        Shape.Add(Inner(stream, size, Proto.Size) is { Number: Proto.Size } known ? (long)known.Value : Open);
                }
            }
        }

        private static ProtobufField Inner(FileStream stream, ProtobufField message, int number)
        {
            foreach (ProtobufField field in ProtobufField.Read(stream, message.Content, message.End))
            {
                if (field.Number == number)
                    return field;
            }
            return new ProtobufField(0, 0, 0, 0, 0, 0); // an empty one, as a message without it means
        }
    }

    /// <summary>A text as protobuf's text format has it.</summary>
    private static string Quoted(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (char letter in text)
        {
            if (letter is '"' or '\\')
                quoted.Append('\\').Append(letter);
            else if (letter < ' ')
                quoted.Append("\\0").Append((char)('0' + (letter >> 3))).Append((char)('0' + (letter & 7)));
            else
                quoted.Append(letter);
        }
        return quoted.Append('"').ToString();
    }
}
