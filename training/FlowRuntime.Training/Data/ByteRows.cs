using System.Buffers;

namespace FlowRuntime.Training.Data;

/// <summary>Rows of bytes 0 … 255 that are turned into the network's units as they are read: 0 is −1, 255 is 1.</summary>
internal sealed class ByteRows(StoredBytes bytes, int dimension) : IRowSource
{
    /// <summary>The network's values of all bytes.</summary>
    private static readonly float[] Units = [.. Enumerable.Range(0, 256).Select(value => (float)(2.0 * value / 255 - 1))];

    public int Count => (int)(bytes.Length / dimension);

    public int Dimension => dimension;

    public void Read(int row, Span<float> destination)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(dimension);
        ReadOnlySpan<byte> values = bytes.Read((long)row * dimension, dimension, buffer);
        for (int i = 0; i < values.Length; i++)
            destination[i] = Units[values[i]];
        ArrayPool<byte>.Shared.Return(buffer);
    }

    /// <summary>Mean and standard deviation of all values in the network's units, from one pass that counts the bytes: exact sums.</summary>
    public (double Mean, double Scale) Moments()
    {
        long[] counts = new long[256];
        byte[] buffer = ArrayPool<byte>.Shared.Rent(1 << 20);
        for (long at = 0; at < bytes.Length; at += 1 << 20)
        {
            foreach (byte value in bytes.Read(at, (int)Math.Min(1 << 20, bytes.Length - at), buffer))
                counts[value]++;
        }
        ArrayPool<byte>.Shared.Return(buffer);
        double mean = 0, square = 0;
        for (int value = 0; value < counts.Length; value++)
            mean += counts[value] * (double)Units[value];
        mean /= bytes.Length;
        for (int value = 0; value < counts.Length; value++)
            square += counts[value] * (Units[value] - mean) * (Units[value] - mean);
        return (mean, Math.Sqrt(square / bytes.Length));
    }
}
