using System.Buffers.Binary;
using System.IO.Hashing;
using StbImageSharp;

namespace FlowRuntime.Tool.Input;

/// <summary>
/// Checks that a PNG file is whole and holds just the data that its size needs, before a decoder sees it: a few kilobytes of compressed data may stand for gigabytes.
/// </summary>
/// <remarks>Source: W3C, Portable Network Graphics (PNG) Specification, third edition, chapters 5 (chunks), 7.2 and 8 (scan lines and interlacing), 11.2.1 (IHDR).</remarks>
internal static class PngData
{
    private const int HeaderLength = 13;
    private const int Around = 12; // length, type and CRC of a chunk

    /// <summary>What every PNG file begins with.</summary>
    public static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>The passes of an interlaced picture: where each begins, and its steps.</summary>
    private static readonly (int X, int Y, int StepX, int StepY)[] Passes =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

    /// <summary>Checks a file of the size that is wanted.</summary>
    /// <param name="png">The file's bytes.</param>
    /// <param name="width">Width that its header must tell.</param>
    /// <param name="height">Height that its header must tell.</param>
    /// <exception cref="InvalidDataException">It is cut off, garbled, or holds more or less than its size needs.</exception>
    public static void Check(byte[] png, int width, int height)
    {
        long? needed = null;
        using var compressed = new MemoryStream();
        int at = Signature.Length;
        while (true)
        {
            ReadOnlySpan<byte> chunk = Chunk(png, at), type = chunk[..4], content = chunk[4..];
            at += Around + content.Length;
            if (needed is null != type.SequenceEqual("IHDR"u8))
                throw new InvalidDataException("its header is missing or comes twice");
            needed ??= Needed(content, width, height);
            if (type.SequenceEqual("IDAT"u8))
                compressed.Write(content);
            else if (type.SequenceEqual("IEND"u8))
                break;
        }
        Inflate(compressed.GetBuffer().AsSpan(0, (int)compressed.Length), needed.Value);
    }

    /// <summary>Type and content of the chunk at a place.</summary>
    private static ReadOnlySpan<byte> Chunk(byte[] png, int at)
    {
        long length = at + Around <= png.Length ? BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(at)) : long.MaxValue;
        if (length > png.Length - at - Around)
            throw new InvalidDataException($"it ends inside the part at byte {at}");
        ReadOnlySpan<byte> chunk = png.AsSpan(at + 4, 4 + (int)length);
        if (Crc32.HashToUInt32(chunk) != BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(at + 8 + (int)length)))
            throw new InvalidDataException($"the part at byte {at} does not agree with its checksum");
        return chunk;
    }

    /// <summary>Bytes of pixels, each line with the number of its filter before it.</summary>
    private static long Needed(ReadOnlySpan<byte> header, int width, int height)
    {
        if (header.Length != HeaderLength || BinaryPrimitives.ReadInt32BigEndian(header) != width || BinaryPrimitives.ReadInt32BigEndian(header[4..]) != height || header[10] != 0 || header[11] != 0 || header[12] > 1)
            throw new InvalidDataException("its header is garbled");
        (int depth, int samples) = (header[8], header[9] switch
        {
            0 or 3 => 1,
            4 => 2,
            2 => 3,
            6 => 4,
            _ => throw new InvalidDataException($"there is no kind of colours {header[9]}"),
        });
        if (depth is not (1 or 2 or 4 or 8 or 16) || (samples > 1 && depth < 8) || (header[9] == 3 && depth == 16))
            throw new InvalidDataException($"colours of the kind {header[9]} do not have {depth} bits");
        long Lines(long columns, long lines) => columns == 0 ? 0 : lines * (1 + (columns * samples * depth + 7) / 8);
        return header[12] == 0 ? Lines(width, height)
            : Passes.Sum(pass => Lines((width - pass.X + pass.StepX - 1) / pass.StepX, (height - pass.Y + pass.StepY - 1) / pass.StepY));
    }

    /// <summary>Inflates compressed data into just the bytes that are needed, which are as many as the decoder takes for them afterwards.</summary>
    private static unsafe void Inflate(ReadOnlySpan<byte> compressed, long needed)
    {
        if (needed > Array.MaxLength)
            throw new InvalidDataException($"its size needs {needed} bytes of pixels, more than one buffer holds");
        byte[] pixels = new byte[needed];
        fixed (byte* from = compressed, to = pixels)
        {
            int held = StbImage.stbi_zlib_decode_buffer((sbyte*)to, pixels.Length, (sbyte*)from, compressed.Length);
            if (held != needed)
                throw new InvalidDataException(held < 0 ? $"it does not inflate to the {needed} bytes of pixels that its size needs" : $"it holds {held} bytes of pixels, and its size needs {needed}");
        }
    }
}
