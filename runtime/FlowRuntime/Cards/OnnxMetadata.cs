using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace FlowRuntime.Cards;

/// <summary>
/// Reads and replaces one metadata entry of an ONNX file without touching its graph, by walking the top level of the
/// protobuf message. Nothing but that entry is ever held in memory, and nothing is allocated by a length that the file
/// claims beyond its true size.
/// </summary>
/// <remarks>
/// Source: onnx.proto of the ONNX project: ModelProto holds the graph as field 7 and metadata entries as field 14, each
/// a StringStringEntryProto with key (1) and value (2); and the encoding page of Protocol Buffers.
/// </remarks>
public static class OnnxMetadata
{
    /// <summary>Longest metadata entry that is read, in bytes.</summary>
    public const int MaxEntryLength = 16 << 20;

    private const int GraphField = 7;
    private const int MetadataField = 14;
    private const int KeyField = 1;
    private const int ValueField = 2;
    private const int LengthDelimited = 2;

    /// <summary>Reads a metadata entry.</summary>
    /// <param name="path">The ONNX file.</param>
    /// <param name="key">Key of the entry.</param>
    /// <returns>Its value; null where the file has no such entry.</returns>
    /// <exception cref="InvalidDataException">The file is no ONNX model.</exception>
    public static string? Read(string path, string key)
    {
        using FileStream file = File.OpenRead(path);
        string? found = null;
        foreach (Field field in Walk(file, path))
        {
            if (field.Number == MetadataField && ReadEntry(file, field, path) is { } entry && entry.Key == key)
                found = entry.Value;
        }
        return found;
    }

    /// <summary>Replaces or adds a metadata entry; every other byte of the model is copied as it is.</summary>
    /// <param name="path">The ONNX file; it is replaced once the new one is complete.</param>
    /// <param name="key">Key of the entry.</param>
    /// <param name="value">Its new value.</param>
    /// <exception cref="InvalidDataException">The file is no ONNX model, or the value is too long.</exception>
    public static void Write(string path, string key, string value)
    {
        byte[] entry = EncodeEntry(key, value);
        if (entry.Length > MaxEntryLength)
            throw new InvalidDataException($"{path}: the value of '{key}' has {entry.Length} bytes; at most {MaxEntryLength} are allowed.");
        string partial = path + ".partial";
        try
        {
            using (FileStream source = File.OpenRead(path))
            using (FileStream target = File.Create(partial))
            {
                foreach (Field field in Walk(source, path))
                {
                    if (field.Number == MetadataField && ReadEntry(source, field, path)?.Key == key)
                        continue;
                    source.Position = field.Start;
                    CopyBytes(source, target, field.End - field.Start);
                }
                target.Write(entry);
                target.Flush(flushToDisk: true);
            }
            File.Move(partial, path, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    /// <summary>SHA-256 of the graph's bytes (field 7), which ties hints to a graph whatever the metadata say.</summary>
    /// <param name="path">The ONNX file.</param>
    /// <returns>64 hexadecimal digits.</returns>
    /// <exception cref="InvalidDataException">The file is no ONNX model.</exception>
    public static string GraphHash(string path)
    {
        using FileStream file = File.OpenRead(path);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(1 << 16);
        try
        {
            foreach (Field field in Walk(file, path).Where(field => field.Number == GraphField))
            {
                file.Position = field.Content;
                for (long left = field.End - field.Content; left > 0;)
                {
                    int read = file.Read(buffer, 0, (int)Math.Min(left, buffer.Length));
                    if (read == 0)
                        throw NotOnnx(path, "it ends inside its graph");
                    hash.AppendData(buffer, 0, read);
                    left -= read;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>One top-level field: where it starts, where its content starts, and where it ends.</summary>
    private readonly record struct Field(int Number, long Start, long Content, long End);

    private static List<Field> Walk(FileStream file, string path)
    {
        var fields = new List<Field>();
        int graphs = 0;
        file.Position = 0;
        while (file.Position < file.Length)
        {
            long start = file.Position;
            ulong tag = ReadVarint(file, path);
            int number = (int)Math.Min(tag >> 3, int.MaxValue);
            int wireType = (int)(tag & 7);
            if (number == 0 || (number is GraphField or MetadataField && wireType != LengthDelimited))
                throw NotOnnx(path, $"field {number} at byte {start} has wire type {wireType}");
            long content = file.Position, length;
            switch (wireType)
            {
                case 0:
                    ReadVarint(file, path);
                    content = file.Position;
                    length = 0;
                    break;
                case 1:
                    length = 8;
                    break;
                case LengthDelimited:
                    ulong claimed = ReadVarint(file, path);
                    content = file.Position;
                    if (claimed > (ulong)(file.Length - content))
                        throw NotOnnx(path, $"field {number} at byte {start} claims {claimed} bytes, but {file.Length - content} are left");
                    length = (long)claimed;
                    break;
                case 5:
                    length = 4;
                    break;
                default:
                    throw NotOnnx(path, $"byte {start} has the unknown wire type {wireType}");
            }
            if (length > file.Length - content)
                throw NotOnnx(path, $"it ends inside field {number}");
            graphs += number == GraphField ? 1 : 0;
            file.Position = content + length;
            fields.Add(new Field(number, start, content, file.Position));
        }
        if (graphs != 1)
            throw NotOnnx(path, $"it holds {graphs} graphs instead of one");
        return fields;
    }

    private static (string Key, string Value)? ReadEntry(FileStream file, Field field, string path)
    {
        long length = field.End - field.Content;
        if (length > MaxEntryLength)
            return null; // nobody's card
        byte[] bytes = new byte[length];
        file.Position = field.Content;
        file.ReadExactly(bytes);
        string key = "", value = "";
        using var content = new MemoryStream(bytes);
        while (content.Position < content.Length)
        {
            ulong tag = ReadVarint(content, path);
            ulong size = (tag & 7) == LengthDelimited ? ReadVarint(content, path) : ulong.MaxValue;
            if (size > (ulong)(content.Length - content.Position))
                throw NotOnnx(path, $"the metadata entry at byte {field.Start} is broken");
            string text = Encoding.UTF8.GetString(bytes, (int)content.Position, (int)size);
            content.Position += (long)size;
            if (tag >> 3 == KeyField)
                key = text;
            else if (tag >> 3 == ValueField)
                value = text;
        }
        return (key, value);
    }

    private static byte[] EncodeEntry(string key, string value)
    {
        byte[] keyBytes = Encoding.UTF8.GetBytes(key), valueBytes = Encoding.UTF8.GetBytes(value);
        using var inner = new MemoryStream();
        WriteBytes(inner, KeyField, keyBytes);
        WriteBytes(inner, ValueField, valueBytes);
        using var outer = new MemoryStream();
        WriteBytes(outer, MetadataField, inner.ToArray());
        return outer.ToArray();
    }

    private static void WriteBytes(MemoryStream target, int field, byte[] bytes)
    {
        WriteVarint(target, (uint)(field << 3 | LengthDelimited));
        WriteVarint(target, (uint)bytes.Length);
        target.Write(bytes);
    }

    private static void WriteVarint(MemoryStream target, uint value)
    {
        for (; value >= 0x80; value >>= 7)
            target.WriteByte((byte)(value | 0x80));
        target.WriteByte((byte)value);
    }

    private static ulong ReadVarint(Stream source, string path)
    {
        ulong value = 0;
        for (int shift = 0; shift < 70; shift += 7)
        {
            int next = source.ReadByte();
            if (next < 0)
                throw NotOnnx(path, "it ends inside a number");
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }
        throw NotOnnx(path, $"the number before byte {source.Position} is longer than 10 bytes");
    }

    private static void CopyBytes(FileStream source, FileStream target, long count)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(1 << 16);
        try
        {
            for (long left = count; left > 0;)
            {
                int read = source.Read(buffer, 0, (int)Math.Min(left, buffer.Length));
                if (read == 0)
                    throw new EndOfStreamException();
                target.Write(buffer, 0, read);
                left -= read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static InvalidDataException NotOnnx(string path, string why) =>
        new($"{path} is not an ONNX model: {why}. Give a file that ends in .onnx, whole and unpacked.");
}
