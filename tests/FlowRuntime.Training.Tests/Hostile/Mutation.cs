using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;
using CsCheck;

namespace FlowRuntime.Training.Tests.Hostile;

/// <summary>Files that are nearly right: whole ones with some of their bytes, numbers and lengths changed.</summary>
internal static class Mutation
{
    /// <summary>Numbers at which a reader that believes them goes wrong.</summary>
    public static readonly BigInteger[] Edges =
    [
        0, 1, 2, 3, 8, -1, -8, 127, 128, 255, 256, short.MaxValue, ushort.MaxValue, 65_536, int.MaxValue, int.MinValue, uint.MaxValue, (BigInteger)uint.MaxValue + 1,
        1 << 20, 1 << 29, 1L << 31, 1L << 40, long.MaxValue, long.MaxValue - 3, long.MinValue, ulong.MaxValue, BigInteger.Pow(10, 30),
    ];

    private static readonly string[] Words = [.. Edges.Select(number => number.ToString(CultureInfo.InvariantCulture)), "1e400", "-1e400", "NaN", "Infinity", "1.5", "", "\0", "\n", "\r", "'", "\"", "null", "[]", "{}", "\\ud800", "é", "\u001b[31m"];

    /// <summary>A whole file with one to four changes.</summary>
    public static Gen<byte[]> Of(params byte[][] whole) =>
        Gen.Select(Gen.OneOf(whole), Gen.Select(Gen.Int[0, 9], Gen.Double[0, 1], Gen.Double[0, 1], Gen.Int[0, 1000], Gen.OneOf(whole)).Array[1, 4])
            .Select((start, changes) => changes.Aggregate(start, (bytes, change) => Change(bytes, change.Item1, change.Item2, change.Item3, change.Item4, change.Item5)));

    private static byte[] Change(byte[] bytes, int kind, double place, double extent, int choice, byte[] other)
    {
        int at = (int)(place * bytes.Length), length = Math.Min(bytes.Length - at, (int)Math.Pow(bytes.Length + 1, extent));
        byte[] changed = [.. bytes];
        switch (kind)
        {
            case 0:
                if (at < bytes.Length)
                    changed[at] ^= (byte)(1 << choice % 8);
                return changed;
            case 1:
                if (at < bytes.Length)
                    changed[at] = (byte)choice;
                return changed;
            case 2:
                return [.. bytes[..at], .. Number(choice).Take(bytes.Length - at), .. bytes[Math.Min(bytes.Length, at + Number(choice).Length)..]];
            case 3:
                return bytes[..at];
            case 4:
                return [.. bytes[..at], .. bytes[(at + length)..]];
            case 5:
                return [.. bytes[..at], .. bytes[at..(at + length)], .. bytes[at..]];
            case 6:
                return [.. bytes[..at], .. other[Math.Min(at, other.Length)..]];
            case 7:
                changed.AsSpan(at, length).Fill((byte)(choice % 2 == 0 ? 0 : 0xFF));
                return changed;
            default:
                return WithWord(bytes, at, Encoding.UTF8.GetBytes(Words[choice % Words.Length]));
        }
    }

    /// <summary>An edge in 1 to 8 bytes, in either order.</summary>
    private static byte[] Number(int choice)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)(Edges[choice % (Edges.Length - 1)] & ulong.MaxValue));
        byte[] number = bytes[..(1 << choice % 4)];
        return choice / 4 % 2 == 0 ? number : [.. number.Reverse()];
    }

    /// <summary>Puts a word in place of the next number that is written in digits, or into the middle of what is there.</summary>
    private static byte[] WithWord(byte[] bytes, int at, byte[] word)
    {
        int first = Array.FindIndex(bytes, at, value => char.IsAsciiDigit((char)value)), end = first;
        if (first < 0)
            (first, end) = (at, at);
        while (end < bytes.Length && char.IsAsciiDigit((char)bytes[end]))
            end++;
        return [.. bytes[..first], .. word, .. bytes[end..]];
    }
}
