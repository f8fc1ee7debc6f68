using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using FlowRuntime.Training.Data;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Checkpoints;

/// <summary>
/// Named float32 tensors in a safetensors file: 8 bytes with the header's length, the header as JSON, the values. Files written here hold a
/// SHA-256 of their header and values, which is checked on reading; files of others are read without one.
/// </summary>
/// <remarks>Source: the format's description, https://github.com/huggingface/safetensors.</remarks>
public static class Safetensors
{
    private const int Alignment = 8;
    private const int MaxHeaderLength = 1 << 24;
    private const int BufferLength = 1 << 20;
    private const string Float32 = "F32", Metadata = "__metadata__", Checksum = "sha256";

    /// <summary>What stands in the header for the checksum while it is taken.</summary>
    private static readonly string NoChecksum = new('0', 2 * SHA256.HashSizeInBytes);

    /// <summary>Writes tensors to a temporary file, flushes it to the disk and gives it the name.</summary>
    /// <param name="path">The file, which is replaced.</param>
    /// <param name="tensors">The tensors by name; float32.</param>
    /// <param name="metadata">Texts by name that go with them.</param>
    public static void Write(string path, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var texts = new JsonObject { [Checksum] = NoChecksum };
        foreach ((string name, string text) in metadata ?? new Dictionary<string, string>())
            texts[name] = text;
        var header = new JsonObject { [Metadata] = texts };
        var values = new List<float[]>();
        long offset = 0;
        foreach ((string name, Tensor tensor) in tensors)
        {
            using var scope = NewDisposeScope();
            Tensor host = tensor.detach().cpu();
            values.Add(host.data<float>().ToArray());
            long end = offset + tensor.numel() * sizeof(float);
            header[name] = new JsonObject
            {
                ["dtype"] = Float32,
                ["shape"] = new JsonArray([.. tensor.shape.Select(size => JsonValue.Create(size))]),
                ["data_offsets"] = new JsonArray(offset, end),
            };
            offset = end;
        }
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Bytes(header));
        foreach (float[] part in values)
            hash.AppendData(MemoryMarshal.AsBytes<float>(part));
        texts[Checksum] = Convert.ToHexStringLower(hash.GetHashAndReset());

        string partial = path + ".partial";
        try
        {
            using (FileStream file = File.Create(partial))
            {
                byte[] json = Bytes(header);
                Span<byte> length = stackalloc byte[sizeof(ulong)];
                BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)json.Length);
                file.Write(length);
                file.Write(json);
                foreach (float[] part in values)
                    file.Write(MemoryMarshal.AsBytes<float>(part));
                Cards.DiskFlush.Flush(file);
            }
            File.Move(partial, path, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    /// <summary>Copies a file's values into tensors of the same names and shapes.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">The tensors by name, all of which the file must hold; float32.</param>
    /// <returns>The texts that go with the tensors, by name.</returns>
    /// <exception cref="InvalidDataException">The file is broken or does not hold these tensors; the message names the first that differs.</exception>
    public static IReadOnlyDictionary<string, string> ReadInto(string path, IReadOnlyDictionary<string, Tensor> tensors)
    {
        using FileStream file = File.OpenRead(path);
        JsonObject header = ReadHeader(file, path);
        long data = file.Position;
        foreach ((string name, Tensor tensor) in tensors)
        {
            if (header[name] is not JsonObject entry)
                throw new InvalidDataException($"{path}: there is no tensor '{name}'. The file belongs to another network.");
            if (Difference(entry, name, tensor, path) is { } difference)
                throw new InvalidDataException($"{path}: {difference}. The file belongs to another network.");
            Read(file, data, entry, name, tensor, path);
        }
        return Texts(header, path);
    }

    /// <summary>Copies those of a file's values that have a tensor of the same name and shape.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">The tensors by name; float32. Those that the file does not fit stay.</param>
    /// <returns>What does not fit, a sentence each: tensors that the file lacks or holds in another shape.</returns>
    /// <exception cref="InvalidDataException">The file is broken, or nothing in it fits.</exception>
    public static IReadOnlyList<string> ReadFitting(string path, IReadOnlyDictionary<string, Tensor> tensors)
    {
        using FileStream file = File.OpenRead(path);
        JsonObject header = ReadHeader(file, path);
        long data = file.Position;
        var differences = new List<string>();
        foreach ((string name, Tensor tensor) in tensors)
        {
            string? difference = header[name] is JsonObject entry ? Difference(entry, name, tensor, path) : $"there is no tensor '{name}'";
            if (difference is null)
                Read(file, data, header[name]!.AsObject(), name, tensor, path);
            else
                differences.Add(difference);
        }
        return differences.Count < tensors.Count ? differences
            : throw new InvalidDataException($"{path}: none of the network's {tensors.Count} tensors fits: {differences[0]}. Give the weights of a network of this kind and size.");
    }

    /// <summary>Reads the texts of a file, all of which is checked.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">The file is broken.</exception>
    public static IReadOnlyDictionary<string, string> ReadMetadata(string path)
    {
        using FileStream file = File.OpenRead(path);
        return Texts(ReadHeader(file, path), path);
    }

    /// <summary>Reads the texts of a file that was written here: one without a checksum is damaged.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">The file is broken.</exception>
    internal static IReadOnlyDictionary<string, string> ReadOwnMetadata(string path)
    {
        IReadOnlyDictionary<string, string> texts = ReadMetadata(path);
        return texts.ContainsKey(Checksum) ? texts : throw new InvalidDataException($"{path}: there is no checksum: it is damaged. Take an earlier copy of the file.");
    }

    private static void Read(FileStream file, long data, JsonObject entry, string name, Tensor tensor, string path)
    {
        (long start, long end) = Place(entry, name, tensor, path);
        byte[] bytes = new byte[end - start];
        file.Position = data + start;
        file.ReadExactly(bytes);
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        Tensor values = from_array(MemoryMarshal.Cast<byte, float>(bytes).ToArray()).reshape(tensor.shape);
        tensor.copy_(values);
    }

    /// <summary>In what an entry differs from a tensor; null where it does not.</summary>
    private static string? Difference(JsonObject entry, string name, Tensor tensor, string path) => Checked(path, name, () =>
    {
        long[] shape = [.. Given(entry["shape"]).AsArray().Select(size => (long)Given(size))];
        return (string?)entry["dtype"] == Float32 && shape.AsSpan().SequenceEqual(tensor.shape) ? null
            : $"the tensor '{name}' is {ForeignText.Shown($"{entry["dtype"]}")} [{ForeignText.Shown(string.Join(", ", shape))}], not {Float32} [{string.Join(", ", tensor.shape)}]";
    });

    private static (long Start, long End) Place(JsonObject entry, string name, Tensor tensor, string path)
    {
        (long start, long end) = Offsets(entry, name, path);
        return end - start == tensor.numel() * sizeof(float) ? (start, end)
            : throw new InvalidDataException($"{path}: the tensor '{name}' takes {end - start} bytes, which is not what its shape needs. The file is broken.");
    }

    /// <summary>Requires that the tensors lie one behind another from the header to the file's end, as the format says.</summary>
    private static void RequireTiling(JsonObject header, long available, string path)
    {
        long at = 0;
        foreach ((string name, (long start, long end)) in header.Where(entry => entry.Key != Metadata).Select(entry => (entry.Key, Offsets(entry.Value, entry.Key, path))).OrderBy(entry => entry.Item2))
        {
            if (start != at || end < start)
                throw new InvalidDataException($"{path}: the tensor '{ForeignText.Shown(name)}' lies from {start} to {end}, where {at} bytes are before it. The file is broken.");
            at = end;
        }
        if (at != available)
            throw new InvalidDataException($"{path}: its tensors need {at} bytes, and {available} follow the header. The file is cut short or broken.");
    }

    private static (long Start, long End) Offsets(JsonNode? entry, string name, string path) => Checked(path, name, () =>
        Given(Given(entry)["data_offsets"]).AsArray() is [{ } start, { } end] ? ((long)start, (long)end) : throw new FormatException());

    private static JsonNode Given(JsonNode? node) => node ?? throw new FormatException();

    private static T Checked<T>(string path, string name, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException or OverflowException)
        {
            throw new InvalidDataException($"{path}: the entry of tensor '{ForeignText.Shown(name)}' is broken.", e);
        }
    }

    private static Dictionary<string, string> Texts(JsonObject header, string path) => Checked(path, Metadata, () =>
        header[Metadata] is { } texts ? texts.AsObject().ToDictionary(text => text.Key, text => (string?)text.Value ?? throw new FormatException()) : []);

    private static byte[] Bytes(JsonObject header)
    {
        byte[] json = Encoding.UTF8.GetBytes(header.ToJsonString());
        byte[] padded = new byte[(json.Length + Alignment - 1) / Alignment * Alignment];
        padded.AsSpan().Fill((byte)' ');
        json.CopyTo(padded, 0);
        return padded;
    }

    private static JsonObject ReadHeader(FileStream file, string path)
    {
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        if (file.ReadAtLeast(length, length.Length, throwOnEndOfStream: false) < length.Length)
            throw new InvalidDataException($"{path} is no safetensors file: it is shorter than 8 bytes.");
        ulong claimed = BinaryPrimitives.ReadUInt64LittleEndian(length);
        if (claimed > MaxHeaderLength || claimed > (ulong)(file.Length - sizeof(ulong)))
            throw new InvalidDataException($"{path} is no safetensors file: it claims a header of {claimed} bytes.");
        byte[] json = new byte[claimed];
        file.ReadExactly(json);
        JsonObject header = Cards.StrictJson.Parse(Encoding.UTF8.GetString(json), path);
        RequireTiling(header, file.Length - file.Position, path);
        if (Texts(header, path).TryGetValue(Checksum, out string? checksum))
            Verify(file, json, checksum, path);
        return header;
    }

    private static void Verify(FileStream file, byte[] json, string checksum, string path)
    {
        long data = file.Position;
        int place = json.AsSpan().IndexOf(Encoding.UTF8.GetBytes($"\"{Checksum}\":\"{checksum}\""));
        if (checksum.Length != NoChecksum.Length || place < 0)
            throw new InvalidDataException($"{path}: the checksum is broken. Take an earlier copy of the file.");
        Encoding.UTF8.GetBytes(NoChecksum).CopyTo(json, place + Checksum.Length + 4); // after "sha256":"
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(json);
        byte[] buffer = new byte[BufferLength];
        for (int read = file.Read(buffer); read > 0; read = file.Read(buffer))
            hash.AppendData(buffer, 0, read);
        if (Convert.ToHexStringLower(hash.GetHashAndReset()) != checksum)
            throw new InvalidDataException($"{path}: the checksum does not fit what the file holds: it is cut short or damaged. Take an earlier copy of the file.");
        file.Position = data;
    }
}
