using System.Globalization;
using FlowRuntime.Cards;

namespace FlowRuntime.Training.Data;

/// <summary>
/// Images in a NumPy array, [count, height, width] or [count, channels, height, width] with 1 or 3 channels: bytes, of which 0 becomes −1 and 255
/// becomes 1 in the network's units, or floating-point numbers from −1 (black) to 1 (white), which stay as they are.
/// </summary>
public static class NpyImages
{
    /// <summary>Reads an array in C order. One of more than 256 MiB stays in its file, which must not change meanwhile; its rows are read when they are drawn.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ArgumentException">It is a folder.</exception>
    /// <exception cref="InvalidDataException">The file holds no such array.</exception>
    public static Dataset Load(string path) => Load(path, StoredBytes.MostInMemory);

    internal static Dataset Load(string path, long mostInMemory)
    {
        TableData.RequireFile(path);
        NpyFile file = NpyFile.Open(path);
        int[] shape = file.Shape.Length == 3 ? [1, .. file.RowShape] : file.RowShape;
        if (shape is not [1 or 3, > 0, > 0] || file.Rows < 2)
            throw new InvalidDataException($"{path}: an array of shape ({string.Join(", ", file.Shape)}) holds no images. Save [count, height, width] or [count, channels, height, width] with 1 or 3 channels and at least 2 images; numpy.transpose(a, (0, 3, 1, 2)) brings the channels to their place.");
        if (file.Fortran)
            throw new InvalidDataException($"{path}: images in Fortran order are not read. Save numpy.ascontiguousarray of them.");
        StoredBytes bytes = StoredBytes.OfFile(path, file.Start, (long)file.Rows * file.RowLength * file.Format.Size, mostInMemory);
        (IRowSource rows, double mean, double scale) = file.Format.Name switch
        {
            "|u1" => OfBytes(bytes, file.RowLength),
            "<f2" or "<f4" or "<f8" => OfNumbers(file, bytes),
            string other => throw new InvalidDataException($"{path}: images of type '{other}' are not read. Save bytes (uint8) from 0 to 255, or floating-point numbers from -1 to 1."),
        };
        return new Dataset(Path.GetFileName(path), shape, rows, new DataCard(Image: new ImageCard(-1, 1), Mean: [mean], Scale: [scale]));
    }

    private static (IRowSource Rows, double Mean, double Scale) OfBytes(StoredBytes bytes, int length)
    {
        var rows = new ByteRows(bytes, length);
        (double mean, double scale) = rows.Moments();
        return (rows, mean, scale);
    }

    private static (IRowSource Rows, double Mean, double Scale) OfNumbers(NpyFile file, StoredBytes bytes)
    {
        var moments = new RunningMoments(file.RowLength, byColumn: false);
        TableData.ForEachRow(file, bytes, (row, numbers) =>
        {
            int bad = Array.FindIndex(numbers, value => !(Math.Abs(value) <= 1));
            if (bad >= 0)
                throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"{file.Path}, image {row} (from 0): it holds {numbers[bad]}. Give floating-point images from -1 (black) to 1 (white), such as a / 127.5 - 1 of grey values, or bytes (uint8)."));
            moments.Add(numbers);
        });
        (double mean, double scale, double lowest, _) = moments.Finish()[0];
        if (lowest >= 0)
            throw new InvalidDataException($"{file.Path}: no value is below 0, so that these seem to be images from 0 to 1. Save 2 a - 1, from -1 (black) to 1 (white), or bytes (uint8).");
        return (new NumberRows(bytes, file.Format, file.RowLength, [.. Enumerable.Range(0, file.RowLength)], [0], [1]), mean, scale);
    }
}
