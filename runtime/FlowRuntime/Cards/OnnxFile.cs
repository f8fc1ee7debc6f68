using System.Buffers;
using System.Text;

namespace FlowRuntime.Cards;

/// <summary>
/// Reads what an ONNX file says of itself, and replaces a metadata entry without touching the graph, by walking the
/// protobuf message in the file: the graph is never held in memory, and no length is trusted beyond the file's true size.
/// </summary>
/// <remarks>
/// Source: onnx.proto of the ONNX project. ModelProto holds the graph as field 7 and metadata entries as field 14, each a
/// StringStringEntryProto with key (1) and value (2); GraphProto holds initializers as field 5, each a TensorProto with
/// sizes (1) and element type (2).
/// </remarks>
public static class OnnxFile
{
    /// <summary>Longest metadata entry that is read or written, in bytes.</summary>
    public const int MaxEntryLength = 16 << 20;

    private const int MaxTopLevelFields = 100_000;
    private const int GraphField = 7;
    private const int MetadataField = 14;
    private const int KeyField = 1;
    private const int ValueField = 2;
    private const int InitializerField = 5;
    private const int SizesField = 1;
    private const int ElementTypeField = 2;

    /// <summary>Element types of real numbers: float, float16, double, bfloat16; and int8, in which weights are kept with scales.</summary>
    private static readonly ulong[] RealTypes = [1, 3, 10, 11, 16];

    /// <summary>Reads a metadata entry.</summary>
    /// <param name="path">The ONNX file.</param>
    /// <param name="key">Key of the entry.</param>
    /// <returns>Its value; null where the file has no such entry.</returns>
    /// <exception cref="InvalidDataException">The file is no ONNX model.</exception>
    public static string? ReadMetadata(string path, string key) => Read(path, (file, fields) =>
    {
        string? found = null;
        foreach (ProtobufField field in fields.Where(field => field.Number == MetadataField))
        {
            if (ReadEntry(file, field) is { } entry && entry.Key == key)
                found = entry.Value;
        }
        return found;
    });

    /// <summary>Replaces or adds a metadata entry; every other byte of the model is copied as it is.</summary>
    /// <param name="path">The ONNX file; it is replaced once the new one is complete.</param>
    /// <param name="key">Key of the entry.</param>
    /// <param name="value">Its new value.</param>
    /// <exception cref="InvalidDataException">The file is no ONNX model, or the value is too long.</exception>
    public static void WriteMetadata(string path, string key, string value)
    {
        byte[] entry = MetadataEntry(key, value);
        if (entry.Length > MaxEntryLength)
            throw new InvalidDataException($"{path}: the value of '{key}' makes an entry of {entry.Length} bytes; at most {MaxEntryLength} are allowed.");
        string partial = path + ".partial";
        try
        {
            using (FileStream target = File.Create(partial))
            {
                Read(path, (source, fields) =>
                {
                    foreach (ProtobufField field in fields)
                    {
                        if (field.Number != MetadataField || ReadEntry(source, field)?.Key != key)
                            ForEachBlock(source, field.Start, field.End, block => target.Write(block));
                    }
                    return true;
                });
                target.Write(entry);
                DiskFlush.Flush(target);
            }
            File.Move(partial, path, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    /// <summary>A metadata entry as a field of the model.</summary>
    internal static byte[] MetadataEntry(string key, string value) => ProtobufBytes.Message(MetadataField, ProtobufBytes.Text(KeyField, key), ProtobufBytes.Text(ValueField, value));

    /// <summary>SHA-256 of the graph's bytes (field 7), which ties hints to a graph whatever the metadata say.</summary>
    /// <param name="path">The ONNX file.</param>
    /// <returns>64 hexadecimal digits.</returns>
    /// <exception cref="InvalidDataException">The file is no ONNX model.</exception>
    public static string GraphHash(string path) => Read(path, (file, fields) =>
    {
        using var hash = new Sha256();
        ProtobufField graph = fields.Single(field => field.Number == GraphField);
        ForEachBlock(file, graph.Content, graph.End, hash.Append);
        return hash.Finish();
    });

    /// <summary>Number of real-valued numbers that the graph's initializers hold, weights in int8 and their scales included.</summary>
    /// <param name="path">The ONNX file.</param>
    /// <exception cref="InvalidDataException">The file is no ONNX model.</exception>
    public static long ParameterCount(string path) => Read(path, (file, fields) =>
    {
        ProtobufField graph = fields.Single(field => field.Number == GraphField);
        return ProtobufField.Read(file, graph.Content, graph.End)
            .Where(field => field is { Number: InitializerField, WireType: ProtobufField.LengthDelimited })
            .Aggregate(0L, (sum, field) => RealValues(file, field) is var values && values <= long.MaxValue - sum
                ? sum + values
                : throw new InvalidDataException($"the initializers up to byte {field.End} claim more values than fit a number"));
    });

    private static long RealValues(Stream file, ProtobufField initializer)
    {
        ulong product = 1, type = 0;
        void Multiply(ulong size) => product = size == 0 ? 0 : product > long.MaxValue / size
            ? throw new InvalidDataException($"the initializer at byte {initializer.Start} claims more values than fit a number")
            : product * size;
        foreach (ProtobufField field in ProtobufField.Read(file, initializer.Content, initializer.End))
        {
            if (field is { Number: ElementTypeField, WireType: ProtobufField.Varint })
                type = field.Value;
            else if (field is { Number: SizesField, WireType: ProtobufField.Varint })
                Multiply(field.Value);
            else if (field is { Number: SizesField, WireType: ProtobufField.LengthDelimited })
                ProtobufField.ReadPacked(file, field, Multiply);
        }
        return RealTypes.Contains(type) ? (long)product : 0;
    }

    /// <summary>Reads the top level, which must be a model's: one graph, and graph and metadata as nested messages.</summary>
    private static T Read<T>(string path, Func<FileStream, List<ProtobufField>, T> use)
    {
        using FileStream file = File.OpenRead(path);
        try
        {
            var fields = new List<ProtobufField>();
            foreach (ProtobufField field in ProtobufField.Read(file, 0, file.Length))
            {
                if (field.Number is GraphField or MetadataField && field.WireType != ProtobufField.LengthDelimited)
                    throw new InvalidDataException($"field {field.Number} at byte {field.Start} has wire type {field.WireType}");
                if (fields.Count == MaxTopLevelFields)
                    throw new InvalidDataException($"it has more than {MaxTopLevelFields} fields at its top level");
                fields.Add(field);
            }
            int graphs = fields.Count(field => field.Number == GraphField);
            if (graphs != 1)
                throw new InvalidDataException($"it holds {graphs} graphs instead of one");
            return use(file, fields);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{path} is not an ONNX model: {e.Message}. Give a whole .onnx file.", e);
        }
    }

    private static (string Key, string Value)? ReadEntry(FileStream file, ProtobufField entry)
    {
        if (entry.Length > MaxEntryLength)
            return null; // nobody's card
        string key = "", value = "";
        foreach (ProtobufField field in ProtobufField.Read(file, entry.Content, entry.End))
        {
            if (field.WireType != ProtobufField.LengthDelimited || field.Number is not (KeyField or ValueField))
                continue;
            byte[] text = new byte[field.Length];
            file.Position = field.Content;
            file.ReadExactly(text);
            if (field.Number == KeyField)
                key = Encoding.UTF8.GetString(text);
            else
                value = Encoding.UTF8.GetString(text);
        }
        return (key, value);
    }

    private static void ForEachBlock(FileStream source, long start, long end, Action<ReadOnlySpan<byte>> use)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(1 << 16);
        try
        {
            source.Position = start;
            for (long left = end - start; left > 0;)
            {
                int count = (int)Math.Min(left, buffer.Length);
                source.ReadExactly(buffer, 0, count);
                use(buffer.AsSpan(0, count));
                left -= count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
