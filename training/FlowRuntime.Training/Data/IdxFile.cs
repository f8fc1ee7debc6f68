using System.Buffers.Binary;
using System.IO.Compression;

namespace FlowRuntime.Training.Data;

/// <summary>An IDX file of bytes, as MNIST's are: sizes, and the values in row-major order.</summary>
/// <remarks>
/// Source: LeCun, Cortes and Burges, "The MNIST database": two zero bytes, the type (8: unsigned bytes), the number of dimensions, each size as a
/// big-endian 32-bit number, then the values.
/// </remarks>
/// <param name="Path">The file.</param>
/// <param name="Sizes">The sizes; the first counts the items.</param>
/// <param name="Bytes">The values.</param>
internal sealed record IdxFile(string Path, int[] Sizes, StoredBytes Bytes)
{
    /// <summary>No deflated byte gives more bytes than this. Source: zlib, "Technical Details".</summary>
    private const long MostInflated = 1032;

    private const int BufferSize = 1 << 16;

    /// <summary>Number of items.</summary>
    public int Count => Sizes[0];

    /// <summary>Reads a file, compressed by gzip where its name ends in .gz: once, into memory if it is small, else into a temporary file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="dimensions">Number of dimensions it shall have: 3 for images, 1 for labels.</param>
    /// <param name="mostInMemory">The most bytes that are kept in memory.</param>
    /// <exception cref="InvalidDataException">It is no such file, or broken.</exception>
    public static IdxFile Read(string path, int dimensions, long mostInMemory)
    {
        using FileStream file = File.OpenRead(path);
        if (!path.EndsWith(".gz", StringComparison.Ordinal))
        {
            (int[] sizes, long needed) = Header(path, file, dimensions);
            long held = file.Length - file.Position;
            return held == needed ? new IdxFile(path, sizes, StoredBytes.OfFile(path, file.Position, needed, mostInMemory)) : throw OfOtherLength(path, sizes, needed, $"{held}");
        }
        using var inflated = new GZipStream(file, CompressionMode.Decompress);
        (int[] counts, long expected) = Header(path, inflated, dimensions);
        if (expected > MostInflated * file.Length)
            throw OfOtherLength(path, counts, expected, $"{file.Length} compressed bytes cannot hold them; fewer");
        using var writer = new StoredBytes.Writer(path, expected, mostInMemory);
        byte[] buffer = new byte[BufferSize];
        long written = 0;
        for (int read; (read = Read(path, inflated, buffer)) > 0; written += read)
            writer.Write(written + read <= expected ? buffer.AsSpan(0, read) : throw OfOtherLength(path, counts, expected, "more"));
        return written == expected ? new IdxFile(path, counts, writer.Finish()) : throw OfOtherLength(path, counts, expected, $"{written}");
    }

    private static int Read(string path, Stream stream, Span<byte> buffer)
    {
        try
        {
            return stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{path} is no gzip file, or a broken one. Fetch it again.", e);
        }
    }

    private static (int[] Sizes, long Needed) Header(string path, Stream stream, int dimensions)
    {
        byte[] header = new byte[4 + 4 * dimensions];
        int read = Read(path, stream, header);
        if (read >= 4 && BinaryPrimitives.ReadUInt32BigEndian(header) != 0x800 + dimensions)
            throw new InvalidDataException($"{path} begins with {Convert.ToHexString(header, 0, 4)}; an IDX file of bytes in {dimensions} dimensions begins with 000008{dimensions:X2}. Put the right file there{(path.EndsWith(".gz", StringComparison.Ordinal) ? "" : ", or end its name in .gz if it is compressed")}.");
        if (read < header.Length)
            throw new InvalidDataException($"{path} ends in its header, after {read} bytes. Fetch it again.");
        uint[] sizes = [.. Enumerable.Range(0, dimensions).Select(axis => BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(4 + 4 * axis)))];
        Int128 needed = sizes.Aggregate(Int128.One, (product, size) => product * size);
        if (needed == 0 || needed > long.MaxValue || sizes.Any(size => size > int.MaxValue) || needed / sizes[0] > StoredBytes.MostInMemory || (dimensions == 1 && sizes[0] > Array.MaxLength))
            throw new InvalidDataException($"{path}: its header declares {string.Join(" × ", sizes)} bytes, which no set of images has. Fetch it again.");
        return ([.. sizes.Select(size => (int)size)], (long)needed);
    }

    private static InvalidDataException OfOtherLength(string path, int[] sizes, long needed, string held) =>
        new($"{path}: its header declares {string.Join(" × ", sizes)} = {needed} bytes, and {held} follow. The file was cut off or holds something else; fetch it again.");
}
