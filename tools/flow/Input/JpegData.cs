using System.Buffers.Binary;

namespace FlowRuntime.Tool.Input;

/// <summary>
/// Checks that a JPEG file is whole, part by part, before a decoder sees it: StbImageSharp looks for the end of a file for ever where a part claims to reach beyond it, and decodes as many scans as there are.
/// </summary>
/// <remarks>Source: ITU-T T.81, annex B (compressed data formats).</remarks>
internal static class JpegData
{
    /// <summary>Pictures that sharpen while they load have about ten.</summary>
    private const int MostScans = 200;

    private const byte Mark = 0xFF;
    private const byte EndOfImage = 0xD9;
    private const byte StartOfScan = 0xDA;

    /// <summary>What every JPEG file begins with.</summary>
    public static ReadOnlySpan<byte> Start => [Mark, 0xD8, Mark];

    /// <summary>Checks a file.</summary>
    /// <param name="jpeg">The file's bytes, which begin with <see cref="Start"/>.</param>
    /// <exception cref="InvalidDataException">It is cut off, or has more scans than any picture.</exception>
    public static void Check(ReadOnlySpan<byte> jpeg)
    {
        int scans = 0;
        for (int at = 2; ;)
        {
            byte marker = NextMarker(jpeg, ref at);
            if (marker == EndOfImage)
                return;
            if (HasNoLength(marker))
                continue;
            int length = at + 2 <= jpeg.Length ? BinaryPrimitives.ReadUInt16BigEndian(jpeg[at..]) : int.MaxValue;
            if (length < 2 || length > jpeg.Length - at)
                throw new InvalidDataException($"the part at byte {at} reaches beyond its end");
            at += length;
            if (marker == StartOfScan && ++scans > MostScans)
                throw new InvalidDataException($"it has more than {MostScans} scans");
        }
    }

    /// <summary>The next marker from a place on, which is then behind it; data of a scan lie between.</summary>
    private static byte NextMarker(ReadOnlySpan<byte> jpeg, ref int at)
    {
        while (at + 1 < jpeg.Length)
        {
            byte marker = jpeg[at] == Mark ? jpeg[at + 1] : (byte)0;
            at += marker is 0 or Mark ? 1 : 2;
            if (marker is not (0 or Mark))
                return marker;
        }
        throw new InvalidDataException("it ends without its last part");
    }

    /// <summary>Restarts within a scan, and a marker that stands alone.</summary>
    private static bool HasNoLength(byte marker) => marker is 0x01 or (>= 0xD0 and <= 0xD8);
}
