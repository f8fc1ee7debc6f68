using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Checkpoints;

/// <summary>Named float32 tensors in a safetensors file: 8 bytes with the header's length, the header as JSON, the values.</summary>
/// <remarks>Source: the format's description, https://github.com/huggingface/safetensors.</remarks>
public static class Safetensors
{
    private const int Alignment = 8;
    private const int MaxHeaderLength = 1 << 24;
    private const string Float32 = "F32";

    /// <summary>Writes tensors to a temporary file, which then takes the name.</summary>
    /// <param name="path">The file, which is replaced.</param>
    /// <param name="tensors">The tensors by name; float32.</param>
    public static void Write(string path, IReadOnlyDictionary<string, Tensor> tensors)
    {
        var header = new JsonObject();
        long offset = 0;
        foreach ((string name, Tensor tensor) in tensors)
        {
            long end = offset + tensor.numel() * sizeof(float);
            header[name] = new JsonObject
            {
                ["dtype"] = Float32,
                ["shape"] = new JsonArray([.. tensor.shape.Select(size => JsonValue.Create(size))]),
                ["data_offsets"] = new JsonArray(offset, end),
            };
            offset = end;
        }
        byte[] json = System.Text.Encoding.UTF8.GetBytes(header.ToJsonString());
        byte[] padded = new byte[(json.Length + Alignment - 1) / Alignment * Alignment];
        padded.AsSpan().Fill((byte)' ');
        json.CopyTo(padded, 0);

        string partial = path + ".partial";
        try
        {
            using (FileStream file = File.Create(partial))
            {
                Span<byte> length = stackalloc byte[sizeof(ulong)];
                BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)padded.Length);
                file.Write(length);
                file.Write(padded);
                foreach (Tensor tensor in tensors.Values)
                    file.Write(MemoryMarshal.AsBytes<float>(tensor.detach().cpu().data<float>().ToArray()));
                file.Flush(flushToDisk: true);
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
    /// <exception cref="InvalidDataException">The file is broken or does not hold these tensors; the message names the first that differs.</exception>
    public static void ReadInto(string path, IReadOnlyDictionary<string, Tensor> tensors)
    {
        using FileStream file = File.OpenRead(path);
        JsonObject header = ReadHeader(file, path);
        long data = file.Position;
        using var noGradient = no_grad();
        foreach ((string name, Tensor tensor) in tensors)
        {
            if (header[name] is not JsonObject entry)
                throw new InvalidDataException($"{path}: there is no tensor '{name}'. The file belongs to another network.");
            (long start, long end) = Entry(entry, name, tensor, file.Length - data, path);
            byte[] bytes = new byte[end - start];
            file.Position = data + start;
            file.ReadExactly(bytes);
            using Tensor values = tensor_from(bytes, tensor.shape);
            tensor.copy_(values);
        }
    }

    private static Tensor tensor_from(byte[] bytes, long[] shape) => tensor(MemoryMarshal.Cast<byte, float>(bytes).ToArray()).reshape(shape);

    private static (long Start, long End) Entry(JsonObject entry, string name, Tensor tensor, long available, string path)
    {
        try
        {
            long[] shape = [.. entry["shape"]!.AsArray().Select(size => (long)size!)];
            long[] offsets = [.. entry["data_offsets"]!.AsArray().Select(offset => (long)offset!)];
            if ((string?)entry["dtype"] != Float32 || !shape.AsSpan().SequenceEqual(tensor.shape))
                throw new InvalidDataException($"{path}: the tensor '{name}' is {entry["dtype"]} [{string.Join(", ", shape)}], not {Float32} [{string.Join(", ", tensor.shape)}]. The file belongs to another network.");
            if (offsets is not [>= 0, _] || offsets[1] - offsets[0] != tensor.numel() * sizeof(float) || offsets[1] > available)
                throw new InvalidDataException($"{path}: the tensor '{name}' does not lie inside the file. The file is cut short or broken.");
            return (offsets[0], offsets[1]);
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException or NullReferenceException)
        {
            throw new InvalidDataException($"{path}: the entry of tensor '{name}' is broken.", e);
        }
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
        return Cards.StrictJson.Parse(System.Text.Encoding.UTF8.GetString(json), path);
    }
}
