using System.Text;

namespace FlowRuntime.Tests;

/// <summary>Writes protobuf messages by hand, well-formed or not.</summary>
internal static class Protobuf
{
    public static byte[] Varint(ulong value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        return [.. bytes, (byte)value];
    }

    /// <summary>The tag of a field: its number and wire type.</summary>
    public static byte[] Tag(int number, int wireType) => Varint((ulong)number << 3 | (uint)wireType);

    /// <summary>A field that holds a number.</summary>
    public static byte[] Number(int number, long value) => [.. Tag(number, 0), .. Varint((ulong)value)];

    /// <summary>A field that holds bytes: a nested message made of these parts.</summary>
    public static byte[] Message(int number, params IEnumerable<byte[]> parts)
    {
        byte[] content = [.. parts.SelectMany(part => part)];
        return [.. Tag(number, 2), .. Varint((ulong)content.Length), .. content];
    }

    /// <summary>A field that holds a text.</summary>
    public static byte[] Text(int number, string text) => Message(number, Encoding.UTF8.GetBytes(text));
}
