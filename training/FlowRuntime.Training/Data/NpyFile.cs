using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace FlowRuntime.Training.Data;

/// <summary>A NumPy array's file: what its header says. The rules are those of <see cref="TableData.Npy(string, string?, IReadOnlyList{string}?)"/>.</summary>
/// <remarks>Source: NumPy's description of its format, versions 1.0 to 3.0 (NEP 1).</remarks>
/// <param name="Path">The file.</param>
/// <param name="Format">How its numbers are stored.</param>
/// <param name="Fortran">Whether the first index runs fastest.</param>
/// <param name="Shape">Shape of the array; the first size is that of the rows.</param>
/// <param name="Start">Where the numbers begin; as many as the shape says follow.</param>
internal sealed partial record NpyFile(string Path, NumberFormat Format, bool Fortran, long[] Shape, long Start)
{
    private const int LongestHeader = 1 << 16; // NumPy itself reads 10,000 bytes
    private const int BufferSize = 1 << 16; // a multiple of every size of a number
    private const int LongestRow = 1 << 28;
    private const int MostDimensions = 9; // a row of a model has at most 8

    /// <summary>Number of rows.</summary>
    public int Rows => (int)Shape[0];

    /// <summary>Shape of a row; a row of one number has the shape [1].</summary>
    public int[] RowShape => Shape.Length == 1 ? [1] : [.. Shape.Skip(1).Select(length => (int)length)];

    /// <summary>Numbers of a row.</summary>
    public int RowLength => RowShape.Aggregate(1, (product, length) => product * length);

    /// <summary>Reads the header, and checks it against the file's length.</summary>
    /// <exception cref="InvalidDataException">The file is no such array, or cut off.</exception>
    public static NpyFile Open(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read);
        string header = Header(path, stream);
        string type = Field(path, header, TypeField(), "descr");
        bool fortran = Field(path, header, OrderField(), "fortran_order") == "True";
        long[] shape = Sizes(path, Field(path, header, ShapeField(), "shape"));
        if (shape.Length is 0 or > MostDimensions)
            throw new InvalidDataException($"{path}: an array of {shape.Length} dimensions. Save one of 1 to {MostDimensions} dimensions, the first of which counts the rows.");
        NumberFormat format = NumberFormat.Of(type)
            ?? throw new InvalidDataException($"{path}: values of type '{ForeignText.Shown(type)}' are not read. Save little-endian numbers, such as numpy.save(path, array.astype('<f4')).");
        long columns = 1;
        foreach (long length in shape.AsSpan(1))
        {
            Table.RequireRoom(path, columns, length);
            columns *= length;
        }
        if (columns * format.Size > LongestRow)
            throw new InvalidDataException($"{path}: rows of {columns} values of {type} are too long. A row takes at most {LongestRow} bytes.");
        if (shape[0] > int.MaxValue)
            throw new InvalidDataException($"{path}: {shape[0]} rows are too many. At most {int.MaxValue} are read.");
        if (shape[0] == 0 || columns == 0)
            throw new InvalidDataException($"{path} has {shape[0]} rows of {columns} values. Give at least 2 rows of 1 value.");
        Int128 needed = (Int128)shape[0] * columns * format.Size, held = stream.Length - stream.Position;
        if (held != needed)
            throw new InvalidDataException($"{path}: its shape ({string.Join(", ", shape)}) of {type} needs {needed} bytes, and {held} follow the header. The file was cut off or holds something else; save it again.");
        return new NpyFile(path, format, fortran, shape, stream.Position);
    }

    /// <summary>Reads all numbers as a table.</summary>
    /// <exception cref="ArgumentException">There is no such label column.</exception>
    public Table ToTable(string? labelColumn)
    {
        Table.RequireRoom(Path, Rows, RowLength);
        string[] names = Names();
        int label = LabelPlace(labelColumn);
        double[] values = Values();
        if (label < 0)
            return new Table(RowShape, names, values, null);
        string[] columns = [.. names.Where((_, column) => column != label)];
        return new Table([columns.Length], columns,
            [.. values.Where((_, i) => i % names.Length != label)],
            [.. values.Where((_, i) => i % names.Length == label).Select(LabelText)]);
    }

    /// <summary>The names of a row's numbers: x0, x1, …, or x0_0, x0_1, … by their place.</summary>
    public string[] Names()
    {
        if (RowShape.Length == 1)
            return Table.Unnamed(RowLength);
        string[] places = ["x"];
        foreach ((int axis, int size) in RowShape.Index())
            places = [.. places.SelectMany(_ => Enumerable.Range(0, size), (place, i) => axis == 0 ? $"{place}{i}" : $"{place}_{i}")];
        return places;
    }

    /// <summary>The place of the label column, from 0; −1 where none is asked for.</summary>
    /// <exception cref="ArgumentException">There is no such column.</exception>
    public int LabelPlace(string? labelColumn) => labelColumn is null ? -1
        : RowShape.Length == 1 ? Table.LabelPlace(Path, Names(), labelColumn)
        : throw new ArgumentException($"{Path}: rows of shape [{string.Join(", ", RowShape)}] have no label column. Save a table [rows, columns], or leave the label column out.", nameof(labelColumn));

    /// <summary>A label as text.</summary>
    public static string LabelText(double value) => value.ToString(CultureInfo.InvariantCulture);

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
            : throw new InvalidDataException($"{path}: the header's shape ({ForeignText.Shown(text)}) is garbled. Save it again with numpy.save."))];

    /// <summary>All numbers in row-major order.</summary>
    private double[] Values()
    {
        double[] values = new double[(long)Rows * RowLength], here = new double[BufferSize / Format.Size];
        byte[] buffer = new byte[BufferSize];
        using var stream = new FileStream(Path, FileMode.Open, FileAccess.Read) { Position = Start };
        long[] shape = Fortran ? Shape : [values.Length];
        long[] index = new long[shape.Length], stride = new long[shape.Length];
        for (int axis = shape.Length - 1; axis >= 0; axis--)
            stride[axis] = axis == shape.Length - 1 ? 1 : stride[axis + 1] * shape[axis + 1];
        long place = 0;
        for (int done = 0; done < values.Length; done += here.Length)
        {
            int count = Math.Min(values.Length - done, here.Length);
            stream.ReadExactly(buffer, 0, count * Format.Size);
            Format.Decode(buffer, here.AsSpan(0, count));
            foreach (double value in here.AsSpan(0, count))
            {
                values[place] = value;
                for (int axis = 0; axis < index.Length; axis++) // the first index runs fastest
                {
                    place += stride[axis];
                    if (++index[axis] < shape[axis])
                        break;
                    place -= stride[axis] * index[axis];
                    index[axis] = 0;
                }
            }
        }
        return values;
    }

    [GeneratedRegex("'descr' *: *'([^']*)'")]
    private static partial Regex TypeField();

    [GeneratedRegex("'fortran_order' *: *(True|False)")]
    private static partial Regex OrderField();

    [GeneratedRegex(@"'shape' *: *\(([^)]*)\)")]
    private static partial Regex ShapeField();
}
