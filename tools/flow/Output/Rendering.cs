using System.Globalization;
using FlowRuntime.CommandLine;

namespace FlowRuntime.Tool.Output;

/// <summary>Makes an output that is no array of its rows, when all are there.</summary>
internal static class Rendering
{
    private const int ValuesAtATime = 1 << 16;

    /// <summary>Writes a table, a picture or a folder of pictures.</summary>
    public static void Write(OutputTarget target, RowDescription rows, long count, RowFile file)
    {
        switch (target.Format)
        {
            case OutputFormat.Csv:
                WholeFile.Write(target.Path, stream => WriteCsv(stream, rows, count, file));
                break;
            case OutputFormat.Png:
                float[] values = new float[count * rows.Length];
                file.Read(0, values);
                Raster picture = Pictures.Of(rows, values);
                WholeFile.Write(target.Path, picture.WritePng);
                break;
            case OutputFormat.Folder:
                float[] one = new float[rows.Length];
                for (long row = 0; row < count; row++)
                {
                    file.Read(row, one);
                    WholeFile.WriteUnflushed(Path.Combine(target.Path, NameOf(rows.First + row)), Pictures.OfOne(rows, one).WritePng); // the rows are kept until all are done
                }
                break;
            default:
                throw new NotSupportedException($"An array is no rendering: {target.Format}.");
        }
    }

    /// <summary>Name of the picture of a row: its index, wide enough for a million to sort by name.</summary>
    private static string NameOf(long index) => index.ToString("D6", CultureInfo.InvariantCulture) + ".png";

    private static void WriteCsv(Stream stream, RowDescription rows, long count, RowFile file)
    {
        using var csv = new CsvRows(stream, rows);
        csv.WriteHeader();
        int length = rows.Length, most = Math.Max(1, ValuesAtATime / length);
        float[] values = new float[most * length];
        for (long first = 0; first < count; first += most)
        {
            int here = (int)Math.Min(most, count - first);
            file.Read(first, values.AsSpan(0, here * length));
            for (int row = 0; row < here; row++)
                csv.Write(values.AsSpan(row * length, length));
        }
    }
}
