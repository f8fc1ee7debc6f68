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
/// of their text; a class is named by its label's text. Numbers must be finite in float32. Files of more than 2²⁹ values are refused.
/// </remarks>
public static class TableData
{
    private const int MostClasses = 1000;

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
    public static Dataset Npy(string path, string? labelColumn = null) => Load(path, labelColumn, NpyTable.Read);

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
        if (Directory.Exists(path))
            throw new ArgumentException($"{path} is a folder. Name a file.", nameof(path));
        if (!File.Exists(path))
            throw new FileNotFoundException($"There is no file {path}.");
        if (new FileInfo(path).Length == 0)
            throw new InvalidDataException($"{path} is empty.");
        Table table = read(path, labelColumn);
        int values = table.Names.Count, rows = values == 0 ? 0 : table.Values.Length / values;
        if (rows < 2)
            throw new InvalidDataException($"{path} has {rows} rows of {values} values. Give at least 2 rows of 1 value.");
        int bad = Array.FindIndex(table.Values, value => !float.IsFinite((float)value));
        if (bad >= 0)
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"{path}, row {bad / values} (from 0), column '{table.Names[bad % values]}': {table.Values[bad]} is no finite float32. {Table.Cure}."));
        (float[] standardised, DataCard card) = Standardise(table, rows);
        (int[]? labels, string[]? classes) = Classes(path, table.Labels, labelColumn);
        return new Dataset(Path.GetFileName(path), table.Shape, standardised, card, labels, classes);
    }

    private static (float[] Values, DataCard Card) Standardise(Table table, int rows)
    {
        int values = table.Names.Count, groups = table.Shape.Count == 1 ? values : 1;
        double[] mean = new double[groups], scale = new double[groups], lowest = new double[groups], highest = new double[groups];
        for (int i = 0; i < table.Values.Length; i++)
            mean[i % groups] += table.Values[i];
        double count = (double)rows * values / groups;
        for (int group = 0; group < groups; group++)
            (mean[group], lowest[group], highest[group]) = (mean[group] / count, double.PositiveInfinity, double.NegativeInfinity);
        for (int i = 0; i < table.Values.Length; i++)
        {
            int group = i % groups;
            double value = table.Values[i], deviation = value - mean[group];
            scale[group] += deviation * deviation;
            (lowest[group], highest[group]) = (Math.Min(lowest[group], value), Math.Max(highest[group], value));
        }
        for (int group = 0; group < groups; group++)
        {
            scale[group] = Math.Sqrt(scale[group] / count);
            if (lowest[group] == highest[group] || scale[group] == 0) // the mean of equal numbers may differ from them in its last bit
                (mean[group], scale[group]) = (lowest[group], 1);
        }
        float[] standardised = new float[table.Values.Length];
        for (int i = 0; i < standardised.Length; i++)
            standardised[i] = (float)((table.Values[i] - mean[i % groups]) / scale[i % groups]);
        var columns = new ColumnsCard(
            table.Names, [.. Enumerable.Range(0, values).Select(i => mean[i % groups])], [.. Enumerable.Range(0, values).Select(i => scale[i % groups])]);
        return (standardised, new DataCard(Columns: columns, Mean: [0], Scale: [1]));
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
