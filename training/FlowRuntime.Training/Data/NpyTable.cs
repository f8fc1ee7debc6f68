using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace FlowRuntime.Training.Data;

/// <summary>Reads a NumPy array; the rules are those of <see cref="TableData.Npy"/>.</summary>
/// <remarks>Source: NumPy's description of its format, versions 1.0 to 3.0 (NEP 1).</remarks>
internal static partial class NpyTable
{
    private const int LongestHeader = 1 << 20;
    private const int BufferSize = 1 << 16; // a multiple of every size of a value
    private const int MostDimensions = 9; // a row of a model has at most 8

    public static Table Read(string path, string? labelColumn)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, BufferSize);
        string header = Header(path, stream);
        string type = Field(path, header, Type(), "descr");
        bool fortran = Field(path, header, Order(), "fortran_order") == "True";
        long[] shape = Sizes(path, Field(path, header, Shape(), "shape"));
        if (shape.Length is 0 or > MostDimensions)
            throw new InvalidDataException($"{path}: an array of {shape.Length} dimensions. Save one of 1 to {MostDimensions} dimensions, the first of which counts the rows.");
        (int size, Func<byte[], int, double> value) = Reader(path, type);
        long rows = shape[0], columns = 1;
        foreach (long length in shape.AsSpan(1))
        {
            Table.RequireRoom(path, columns, length);
            columns *= length;
        }
        Table.RequireRoom(path, rows, columns);
        long needed = rows * columns * size, held = stream.Length - stream.Position;
        if (held != needed)
            throw new InvalidDataException($"{path}: its shape ({string.Join(", ", shape)}) of {type} needs {needed} bytes, and {held} follow the header. The file was cut off or holds something else; save it again.");

        double[] values = Values(stream, size, value, fortran ? shape : null, rows * columns);
        int[] rowShape = shape.Length == 1 ? [1] : [.. shape.Skip(1).Select(length => (int)length)];
        if (rowShape.Length > 1)
        {
            return labelColumn is null ? new Table(rowShape, Places(rowShape), values, null)
                : throw new ArgumentException($"{path}: rows of shape [{string.Join(", ", rowShape)}] have no label column. Save a table [rows, columns], or leave the label column out.", nameof(labelColumn));
        }
        string[] names = Table.Unnamed(rowShape[0]);
        int label = Table.LabelPlace(path, names, labelColumn);
        return label < 0 ? new Table(rowShape, names, values, null) : WithoutLabels(names, values, label);
    }

    private static string Header(string path, FileStream stream)
    {
        Span<byte> start = stackalloc byte[12];
        start.Clear();
        int read = stream.ReadAtLeast(start[..10], 10, throwOnEndOfStream: false);
        if (read < 10 || start[0] != 0x93 || !start[1..6].SequenceEqual("NUMPY"u8))
            throw new InvalidDataException($"{path} is no NumPy array. Write one with numpy.save.");
        int version = start[6];
        if (version is < 1 or > 3)
            throw new InvalidDataException($"{path}: NumPy's format version {version} is not known; versions 1 to 3 are. Save it again with numpy.save.");
        if (version > 1)
            read += stream.ReadAtLeast(start[10..], 2, throwOnEndOfStream: false);
        long length = version == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(start[8..]) : BinaryPrimitives.ReadUInt32LittleEndian(start[8..]);
        byte[] header = new byte[Math.Min(length, LongestHeader)];
        if (length > LongestHeader || stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < length)
            throw new InvalidDataException($"{path}: the header is cut off or garbled. Save it again with numpy.save.");
        return Encoding.UTF8.GetString(header);
    }

    private static string Field(string path, string header, Regex pattern, string name) =>
        pattern.Match(header) is { Success: true } match ? match.Groups[1].Value
        : throw new InvalidDataException($"{path}: the header gives no '{name}' that is known. Save a plain array of numbers with numpy.save.");

    private static long[] Sizes(string path, string text) =>
        [.. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(size =>
            long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value
            : throw new InvalidDataException($"{path}: the header's shape ({text}) is garbled. Save it again with numpy.save."))];

    /// <summary>The size of a value in bytes, and how to read one.</summary>
    private static (int Size, Func<byte[], int, double> Value) Reader(string path, string type) => type switch
    {
        "<f8" => (8, (bytes, at) => BinaryPrimitives.ReadDoubleLittleEndian(bytes.AsSpan(at))),
        "<f4" => (4, (bytes, at) => BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(at))),
        "<f2" => (2, (bytes, at) => (double)BinaryPrimitives.ReadHalfLittleEndian(bytes.AsSpan(at))),
        "<i8" => (8, (bytes, at) => BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(at))),
        "<i4" => (4, (bytes, at) => BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at))),
        "<i2" => (2, (bytes, at) => BinaryPrimitives.ReadInt16LittleEndian(bytes.AsSpan(at))),
        "<u8" => (8, (bytes, at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at))),
        "<u4" => (4, (bytes, at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at))),
        "<u2" => (2, (bytes, at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at))),
        "|i1" => (1, (bytes, at) => (sbyte)bytes[at]),
        "|u1" or "|b1" => (1, (bytes, at) => bytes[at]),
        _ => throw new InvalidDataException($"{path}: values of type '{type}' are not read. Save little-endian numbers, such as numpy.save(path, array.astype('<f4'))."),
    };

    /// <summary>All values in row-major order; a Fortran-ordered array has its first index run fastest.</summary>
    private static double[] Values(FileStream stream, int size, Func<byte[], int, double> value, long[]? fortranShape, long count)
    {
        double[] values = new double[count];
        byte[] buffer = new byte[BufferSize];
        long[] index = new long[fortranShape?.Length ?? 0], stride = new long[index.Length];
        for (int axis = index.Length - 1; axis >= 0; axis--)
            stride[axis] = axis == index.Length - 1 ? 1 : stride[axis + 1] * fortranShape![axis + 1];
        long place = 0;
        for (long done = 0; done < count;)
        {
            int here = (int)Math.Min(count - done, BufferSize / size);
            stream.ReadExactly(buffer, 0, here * size);
            for (int i = 0; i < here; i++, done++)
            {
                values[fortranShape is null ? done : place] = value(buffer, i * size);
                for (int axis = 0; axis < index.Length; axis++)
                {
                    place += stride[axis];
                    if (++index[axis] < fortranShape![axis])
                        break;
                    place -= stride[axis] * index[axis];
                    index[axis] = 0;
                }
            }
        }
        return values;
    }

    private static string[] Places(int[] shape)
    {
        string[] places = ["x"];
        for (int axis = 0; axis < shape.Length; axis++)
            places = [.. places.SelectMany(_ => Enumerable.Range(0, shape[axis]), (place, i) => axis == 0 ? $"{place}{i}" : $"{place}_{i}")];
        return places;
    }

    private static Table WithoutLabels(string[] names, double[] values, int label)
    {
        string[] columns = [.. names.Where((_, column) => column != label)];
        return new Table([columns.Length], columns,
            [.. values.Where((_, i) => i % names.Length != label)],
            [.. values.Where((_, i) => i % names.Length == label).Select(value => value.ToString(CultureInfo.InvariantCulture))]);
    }

    [GeneratedRegex("'descr' *: *'([^']*)'")]
    private static partial Regex Type();

    [GeneratedRegex("'fortran_order' *: *(True|False)")]
    private static partial Regex Order();

    [GeneratedRegex(@"'shape' *: *\(([^)]*)\)")]
    private static partial Regex Shape();
}
