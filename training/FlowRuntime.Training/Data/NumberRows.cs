using System.Buffers;

namespace FlowRuntime.Training.Data;

/// <summary>Rows of stored numbers, standardised as they are read: (value − mean) / scale, as float32.</summary>
/// <param name="bytes">The numbers, [count, stored].</param>
/// <param name="format">How they are stored.</param>
/// <param name="stored">Numbers stored for a row.</param>
/// <param name="places">Places among them of the row's values; the others are its label and conditions.</param>
/// <param name="mean">Mean of each value, or of all.</param>
/// <param name="scale">Scale of each value, or of all.</param>
internal sealed class NumberRows(StoredBytes bytes, NumberFormat format, int stored, int[] places, double[] mean, double[] scale) : IRowSource
{
    public int Count => (int)(bytes.Length / format.Size / stored);

    public int Dimension => places.Length;

    public void Read(int row, Span<float> destination)
    {
        int size = stored * format.Size;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(size);
        double[] numbers = ArrayPool<double>.Shared.Rent(stored);
        format.Decode(bytes.Read((long)row * size, size, buffer), numbers.AsSpan(0, stored));
        for (int i = 0; i < Dimension; i++)
        {
            double value = numbers[places[i]];
            destination[i] = (float)((value - mean[i % mean.Length]) / scale[i % scale.Length]);
        }
        ArrayPool<byte>.Shared.Return(buffer);
        ArrayPool<double>.Shared.Return(numbers);
    }
}
