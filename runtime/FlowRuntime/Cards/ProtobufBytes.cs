using System.Buffers.Binary;
using System.Text;

namespace FlowRuntime.Cards;

/// <summary>Writes fields of protobuf messages.</summary>
/// <remarks>Source: the encoding page of Protocol Buffers, https://protobuf.dev/programming-guides/encoding.</remarks>
internal static class ProtobufBytes
{
    /// <summary>A nested message of these fields.</summary>
    public static byte[] Message(int number, params ReadOnlySpan<byte[]> fields)
    {
        int length = 0;
        foreach (byte[] field in fields)
            length += field.Length;
        byte[] head = Head(number, length), message = new byte[head.Length + length];
        head.CopyTo(message, 0);
        int at = head.Length;
        foreach (byte[] field in fields)
        {
            field.CopyTo(message, at);
            at += field.Length;
        }
        return message;
    }

    /// <summary>A text.</summary>
    public static byte[] Text(int number, string text) => Message(number, Encoding.UTF8.GetBytes(text));

    /// <summary>A whole number.</summary>
    public static byte[] Number(int number, long value) => [.. Varint((ulong)number << 3 | ProtobufField.Varint), .. Varint((ulong)value)];

    /// <summary>A number in float32.</summary>
    public static byte[] Single(int number, float value)
    {
        byte[] field = [.. Varint((ulong)number << 3 | ProtobufField.FourBytes), 0, 0, 0, 0];
        BinaryPrimitives.WriteSingleLittleEndian(field.AsSpan(field.Length - sizeof(float)), value);
        return field;
    }

    /// <summary>What stands before content of a length.</summary>
    public static byte[] Head(int number, long length) => [.. Varint((ulong)number << 3 | ProtobufField.LengthDelimited), .. Varint((ulong)length)];

    private static List<byte> Varint(ulong value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return bytes;
    }
}
