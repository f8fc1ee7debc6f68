using System.Buffers.Binary;
using System.Text;

namespace FlowRuntime.TrainTool.Tests;

/// <summary>What TensorBoard would read from a folder of event files: a reader of its own, down to the bits.</summary>
internal static class EventRecords
{
    /// <summary>An event: what it tells under which tag. A START has the tag <see cref="Start"/>, a version the tag <see cref="Version"/>.</summary>
    internal sealed record Told(double WallTime, long Step, string Tag, float Value, byte[] Png, int Width, int Height);

    public const string Start = "(start)", Version = "(version)";

    /// <summary>All that is told, in the files' order, without what a later START takes back.</summary>
    public static List<Told> Kept(string folder)
    {
        var kept = new List<Told>();
        foreach (Told told in Directory.GetFiles(folder, "events.out.tfevents.*").Order(StringComparer.Ordinal).SelectMany(Read))
        {
            if (told.Tag == Start)
                kept.RemoveAll(earlier => earlier.Step >= told.Step);
            else if (told.Tag != Version)
                kept.Add(told);
        }
        return kept;
    }

    /// <summary>Everything in a file; its frames and sums are checked.</summary>
    public static IEnumerable<Told> Read(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        for (int at = 0; at < file.Length;)
        {
            int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));
            Assert.Equal(Masked(file.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 8)));
            byte[] body = file[(at + 12)..(at + 12 + length)];
            Assert.Equal(Masked(body), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 12 + length)));
            at += 16 + length;
            foreach (Told told in Event(body))
                yield return told;
        }
    }

    /// <summary>CRC-32C by its definition, bit by bit: division by the reflected Castagnoli polynomial.</summary>
    public static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        uint crc = ~0u;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc & 1) == 1 ? crc >> 1 ^ 0x82F63B78 : crc >> 1;
        }
        return ~crc;
    }

    private static uint Masked(ReadOnlySpan<byte> bytes)
    {
        uint crc = Crc32C(bytes);
        return (crc >> 15 | crc << 17) + 0xA282EAD8;
    }

    private static IEnumerable<Told> Event(byte[] body)
    {
        List<Field> fields = Fields(body);
        var bare = new Told(fields.Where(field => field.Number == 1).Select(field => BitConverter.ToDouble(field.Bytes)).Single(),
            fields.Where(field => field.Number == 2).Select(field => (long)field.Integer).SingleOrDefault(), "", 0, [], 0, 0);
        foreach (Field field in fields)
        {
            if (field.Number == 3)
                yield return bare with { Tag = Version, Png = field.Bytes };
            if (field.Number == 7)
                yield return bare with { Tag = Fields(field.Bytes).Single() is { Number: 1, Integer: 1 } ? Start : "" };
            foreach (Field value in field.Number == 5 ? Fields(field.Bytes) : [])
            {
                List<Field> parts = Fields(value.Bytes);
                Told told = bare with { Tag = Encoding.UTF8.GetString(parts.Single(part => part.Number == 1).Bytes) };
                if (parts.Any(part => part.Number == 2))
                    yield return told with { Value = BitConverter.ToSingle(parts.Single(part => part.Number == 2).Bytes) };
                if (parts.Any(part => part.Number == 4))
                {
                    Dictionary<int, Field> image = Fields(parts.Single(part => part.Number == 4).Bytes).ToDictionary(part => part.Number);
                    yield return told with { Height = (int)image[1].Integer, Width = (int)image[2].Integer, Png = image[4].Bytes };
                }
            }
        }
    }

    private static List<Field> Fields(byte[] message)
    {
        var fields = new List<Field>();
        for (int at = 0; at < message.Length;)
        {
            ulong key = Varint(ref at);
            int number = (int)(key >> 3);
            if ((key & 7) == 0)
            {
                fields.Add(new Field(number, Varint(ref at), []));
                continue;
            }
            int size = (key & 7) switch { 1 => 8, 5 => 4, 2 => (int)Varint(ref at), _ => throw new InvalidDataException($"Wire type {key & 7}.") };
            fields.Add(new Field(number, 0, message[at..(at + size)]));
            at += size;
        }
        return fields;

        ulong Varint(ref int at)
        {
            ulong value = 0;
            for (int shift = 0; ; shift += 7)
            {
                byte next = message[at++];
                value |= (ulong)(next & 0x7F) << shift;
                if (next < 0x80)
                    return value;
            }
        }
    }

    private sealed record Field(int Number, ulong Integer, byte[] Bytes);
}
