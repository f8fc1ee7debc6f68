using System.Globalization;
using FlowRuntime.Cards;

namespace FlowRuntime.Training.Data;

/// <summary>
/// Data sets from files: CSV, NumPy arrays and Parquet. Every column is standardised to mean 0 and standard deviation 1 in
/// the network's units; a column of one value all the way keeps scale 1 and is 0 there. The statistics are those of all rows, in double precision.
/// </summary>
/// <remarks>
/// A column is known by its name; where a file names none, its columns are x0, x1, …, and that is also how the label column
/// is asked for. Classes are the different labels, in order of their values where all are numbers, else in ordinal order
/// of their text; a class is named by its label's text. Numbers must be finite in float32. At most 2²⁹ values are read into
/// memory; arrays of more than 2²⁵ in C order stay in their file, which must not change meanwhile, and their rows are read when they are drawn.
/// </remarks>
public static class TableData
{
    private const int MostClasses = 1000;
    private const long MostInMemory = 1L << 25;
    private const int BlockSize = 1 << 20;

    /// <summary>Reads a CSV file.</summary>
    /// <remarks>
    /// Cells are separated by tabs, semicolons or commas: the first of these that the first line holds outside quotes. Cells
    /// may be quoted (RFC 4180), numbers have a decimal point, blank lines are left out. The first line is a header if
    /// none of its cells is a number.
    /// </remarks>
    /// <param name="path">The file, in UTF-8.</param>
    /// <param name="labelColumn">Name of the column with the classes, or null.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ArgumentException">It is a folder, or has no such label column.</exception>
    /// <exception cref="InvalidDataException">The file is no table of numbers; the message names the line and the column.</exception>
    public static Dataset Csv(string path, string? labelColumn = null) => Load(path, labelColumn, CsvTable.Read);

    /// <summary>Reads a NumPy array: [rows], [rows, columns] or [rows, …].</summary>
    /// <remarks>
    /// float16, float32, float64, booleans and integers, little-endian, in C or Fortran order, format versions 1 to 3. Rows of more
    /// than one dimension keep their shape and are standardised by one mean and one scale for all values, so that what
    /// pixels or channels are to each other is kept; their values are named x0_0, x0_1, … by their place. They take no label column.
    /// </remarks>
    /// <param name="path">The file.</param>
    /// <param name="labelColumn">Name (x0, x1, …) of the column with the classes, or null.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ArgumentException">It is a folder, or has no such label column.</exception>
    /// <exception cref="InvalidDataException">The file is no such array.</exception>
    public static Dataset Npy(string path, string? labelColumn = null) => Npy(path, labelColumn, MostInMemory);

    /// <summary>Reads a NumPy array, whose rows stay in the file if it holds more values than are kept in memory.</summary>
    internal static Dataset Npy(string path, string? labelColumn, long mostInMemory)
    {
        RequireFile(path);
        NpyFile file = NpyFile.Open(path);
        return file.Fortran || (long)file.Rows * file.RowLength <= mostInMemory ? Make(path, labelColumn, file.ToTable(labelColumn)) : Stream(file, labelColumn, mostInMemory);
    }

    /// <summary>Reads a Parquet file.</summary>
    /// <remarks>
    /// Columns of numbers of any width, decimals and booleans (0 and 1); the label column may be text as well. Columns
    /// may be nullable, but without nulls.
    /// </remarks>
    /// <param name="path">The file.</param>
    /// <param name="labelColumn">Name of the column with the classes, or null.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ArgumentException">It is a folder, or has no such label column.</exception>
    /// <exception cref="InvalidDataException">The file is no Parquet file of such columns; the message names the column, and the row from 0.</exception>
    public static Dataset Parquet(string path, string? labelColumn = null) => Load(path, labelColumn, ParquetTable.Read);

    private static Dataset Load(string path, string? labelColumn, Func<string, string?, Table> read)
    {
        RequireFile(path);
        return Make(path, labelColumn, read(path, labelColumn));
    }

    /// <summary>Refuses what is no file, or empty.</summary>
    internal static void RequireFile(string path)
    {
        if (Directory.Exists(path))
            throw new ArgumentException($"{path} is a folder. Name a file.", nameof(path));
        if (!File.Exists(path))
            throw new FileNotFoundException($"There is no file {path}.");
        if (new FileInfo(path).Length == 0)
            throw new InvalidDataException($"{path} is empty.");
    }

    private static Dataset Make(string path, string? labelColumn, Table table)
    {
        int values = table.Names.Count, rows = values == 0 ? 0 : table.Values.Length / values;
        RequireRows(path, rows, values);
        bool byColumn = table.Shape.Count == 1;
        var moments = new RunningMoments(values, byColumn);
        for (int row = 0; row < rows; row++)
        {
            ReadOnlySpan<double> numbers = table.Values.AsSpan(row * values, values);
            RequireFinite(path, row, table.Names, numbers);
            moments.Add(numbers);
        }
        (double[] mean, double[] scale, DataCard card) = Standardisation(table.Names, moments);
        float[] standardised = new float[table.Values.Length];
        for (int i = 0; i < standardised.Length; i++)
            standardised[i] = (float)((table.Values[i] - mean[i % mean.Length]) / scale[i % scale.Length]);
        (int[]? labels, string[]? classes) = Classes(path, table.Labels, labelColumn);
        return new Dataset(Path.GetFileName(path), table.Shape, standardised, card, labels, classes);
    }

    /// <summary>An array whose rows are read when they are drawn: one pass finds its statistics and labels.</summary>
    private static Dataset Stream(NpyFile file, string? labelColumn, long mostInMemory)
    {
        int label = file.LabelPlace(labelColumn), stored = file.RowLength;
        string[] names = [.. file.Names().Where((_, column) => column != label)];
        RequireRows(file.Path, file.Rows, names.Length);
        StoredBytes bytes = StoredBytes.OfFile(file.Path, file.Start, (long)file.Rows * stored * file.Format.Size, mostInMemory);
        var moments = new RunningMoments(names.Length, byColumn: file.RowShape.Length == 1);
        string[]? labels = label < 0 ? null : new string[file.Rows];
        Dictionary<double, string> texts = [];
        double[] values = new double[names.Length];
        ForEachRow(file, bytes, (row, numbers) =>
        {
            for (int i = 0; i < values.Length; i++)
                values[i] = numbers[label >= 0 && i >= label ? i + 1 : i];
            RequireFinite(file.Path, row, names, values);
            moments.Add(values);
            if (labels is not null && !texts.TryGetValue(numbers[label], out labels[row]!))
                texts[numbers[label]] = labels[row] = NpyFile.LabelText(numbers[label]);
        });
        (double[] mean, double[] scale, DataCard card) = Standardisation(names, moments);
        (int[]? classOf, string[]? classes) = Classes(file.Path, labels, labelColumn);
        int[] shape = label < 0 ? file.RowShape : [names.Length];
        return new Dataset(Path.GetFileName(file.Path), shape, new NumberRows(bytes, file.Format, stored, label, mean, scale), card, classOf, classes);
    }

    /// <summary>Shows all rows of an array in order, read in large blocks.</summary>
    internal static void ForEachRow(NpyFile file, StoredBytes bytes, Action<int, double[]> use)
    {
        int size = file.RowLength * file.Format.Size, block = Math.Max(1, BlockSize / size);
        byte[] buffer = new byte[block * size];
        double[] numbers = new double[file.RowLength];
        for (long first = 0; first < file.Rows; first += block)
        {
            int here = (int)Math.Min(block, file.Rows - first);
            ReadOnlySpan<byte> rows = bytes.Read(first * size, here * size, buffer);
            for (int row = 0; row < here; row++)
            {
                file.Format.Decode(rows.Slice(row * size, size), numbers);
                use((int)first + row, numbers);
            }
        }
    }

    private static void RequireRows(string path, int rows, int values)
    {
        if (rows < 2 || values < 1)
            throw new InvalidDataException($"{path} has {rows} rows of {values} values. Give at least 2 rows of 1 value.");
    }

    private static void RequireFinite(string path, int row, IReadOnlyList<string> names, ReadOnlySpan<double> numbers)
    {
        for (int i = 0; i < numbers.Length; i++)
        {
            if (!float.IsFinite((float)numbers[i]))
                throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"{path}, row {row} (from 0), column '{names[i]}': {numbers[i]} is no finite float32. {Table.Cure}."));
        }
    }

    /// <summary>Mean and scale of each column, or of all values, and the card that brings them back.</summary>
    private static (double[] Mean, double[] Scale, DataCard Card) Standardisation(IReadOnlyList<string> names, RunningMoments moments)
    {
        (double Mean, double Scale, double, double)[] found = moments.Finish();
        double[] mean = [.. found.Select(group => group.Mean)], scale = [.. found.Select(group => group.Scale)];
        var columns = new ColumnsCard(names, [.. names.Select((_, i) => mean[i % mean.Length])], [.. names.Select((_, i) => scale[i % scale.Length])]);
        return (mean, scale, new DataCard(Columns: columns, Mean: [0], Scale: [1]));
    }

    private static (int[]? Labels, string[]? Classes) Classes(string path, string[]? labels, string? labelColumn)
    {
        if (labels is null)
            return (null, null);
        string[] classes = [.. labels.Distinct()];
        if (classes.Length > MostClasses)
            throw new InvalidDataException($"{path}: the label column '{labelColumn}' holds {classes.Length} different values; at most {MostClasses} classes are learnt. Name a column of classes.");
        double[] numbers = [.. classes.Select(name => double.TryParse(name, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) ? number : double.NaN)];
        Array.Sort(classes, string.CompareOrdinal);
        if (numbers.All(double.IsFinite))
            classes = [.. classes.OrderBy(name => double.Parse(name, NumberStyles.Float, CultureInfo.InvariantCulture))]; // stable: equal numbers stay in ordinal order
        Dictionary<string, int> places = classes.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        return ([.. labels.Select(label => places[label])], classes);
    }
}
