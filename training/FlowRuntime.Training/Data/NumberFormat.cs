using System.Numerics;
using System.Runtime.InteropServices;

namespace FlowRuntime.Training.Data;

/// <summary>How the numbers of an array are stored, as NumPy calls it; little-endian, as the machines are that libtorch runs on.</summary>
/// <param name="Name">NumPy's name, such as <c>&lt;f4</c>.</param>
/// <param name="Size">Bytes of a number.</param>
/// <param name="Decode">Turns bytes into numbers.</param>
internal sealed record NumberFormat(string Name, int Size, NumberFormat.Decoder Decode)
{
    private static readonly Dictionary<string, NumberFormat> Known = new NumberFormat[]
    {
        new("<f8", 8, DecodeAs<double>), new("<f4", 4, DecodeAs<float>), new("<f2", 2, DecodeAs<Half>),
        new("<i8", 8, DecodeAs<long>), new("<i4", 4, DecodeAs<int>), new("<i2", 2, DecodeAs<short>), new("|i1", 1, DecodeAs<sbyte>),
        new("<u8", 8, DecodeAs<ulong>), new("<u4", 4, DecodeAs<uint>), new("<u2", 2, DecodeAs<ushort>), new("|u1", 1, DecodeAs<byte>),
        new("|b1", 1, DecodeAs<byte>),
    }.ToDictionary(format => format.Name);

    /// <summary>Turns bytes into as many numbers as the destination takes.</summary>
    public delegate void Decoder(ReadOnlySpan<byte> bytes, Span<double> numbers);

    /// <summary>The format of a name; null where it is not known.</summary>
    public static NumberFormat? Of(string name) => Known.GetValueOrDefault(name);

    private static void DecodeAs<T>(ReadOnlySpan<byte> bytes, Span<double> numbers)
        where T : unmanaged, INumberBase<T>
    {
        ReadOnlySpan<T> typed = MemoryMarshal.Cast<byte, T>(bytes);
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = double.CreateTruncating(typed[i]);
    }
}
