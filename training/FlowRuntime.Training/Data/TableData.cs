using System.Globalization;
using FlowRuntime.Cards;

namespace FlowRuntime.Training.Data;

/// <summary>
/// Data sets from files: CSV, NumPy arrays and Parquet. Every column is standardised to mean 0 and standard deviation 1 in
/// the network's units; a column of one value all the way keeps scale 1 and is 0 there. The statistics are those of all rows, in double precision.
/// </summary>
/// <remarks>
/// A column is known by its name; where a file names none, its columns are x0, x1, …, and that is also how the label column
/// is asked for, and condition columns are: those are standardised likewise, and what rows are learnt under, not learnt. Classes are the different labels, in order of their values where all are numbers, else in ordinal order
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
    /// <param name="conditionColumns">Names of the columns that rows are conditioned on, or null.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ArgumentException">It is a folder, or has no such columns, or none besides.</exception>
    /// <exception cref="InvalidDataException">The file is no table of numbers; the message names the line and the column.</exception>
    public static Dataset Csv(string path, string? labelColumn = null, IReadOnlyList<string>? conditionColumns = null) => Load(path, labelColumn, conditionColumns, CsvTable.Read);

    /// <summary>Reads a NumPy array: [rows], [rows, columns] or [rows, …].</summary>
    /// <remarks>
    /// float16, float32, float64, booleans and integers, little-endian, in C or Fortran order, format versions 1 to 3. Rows of more
    /// than one dimension keep their shape and are standardised by one mean and one scale for all values, so that what
    /// pixels or channels are to each other is kept; their values are named x0_0, x0_1, … by their place. They take no label or condition columns.
    /// </remarks>
    /// <param name="path">The file.</param>
    /// <param name="labelColumn">Name (x0, x1, …) of the column with the classes, or null.</param>
    /// <param name="conditionColumns">Names of the columns that rows are conditioned on, or null.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ArgumentException">It is a folder, or has no such columns, or none besides.</exception>
    /// <exception cref="InvalidDataException">The file is no such array.</exception>
    public static Dataset Npy(string path, string? labelColumn = null, IReadOnlyList<string>? conditionColumns = null) => Npy(path, labelColumn, conditionColumns, MostInMemory);

    /// <summary>Reads a NumPy array, whose rows stay in the file if it holds more values than are kept in memory.</summary>
    internal static Dataset Npy(string path, string? labelColumn, IReadOnlyList<string>? conditionColumns, long mostInMemory)
    {
        RequireFile(path);
        NpyFile file = NpyFile.Open(path);
        return file.Fortran || (long)file.Rows * file.RowLength <= mostInMemory
            ? Make(path, labelColumn, conditionColumns, file.ToTable(labelColumn)) : Stream(file, labelColumn, conditionColumns, mostInMemory);
    }

    /// <summary>Reads a Parquet file.</summary>
    /// <remarks>
    /// Columns of numbers of any width, decimals and booleans (0 and 1); the label column may be text as well. Columns
    /// may be nullable, but without nulls.
    /// </remarks>
    /// <param name="path">The file.</param>
    /// <param name="labelColumn">Name of the column with the classes, or null.</param>
    /// <param name="conditionColumns">Names of the columns that rows are conditioned on, or null.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ArgumentException">It is a folder, or has no such columns, or none besides.</exception>
    /// <exception cref="InvalidDataException">The file is no Parquet file of such columns; the message names the column, and the row from 0.</exception>
    public static Dataset Parquet(string path, string? labelColumn = null, IReadOnlyList<string>? conditionColumns = null) => Load(path, labelColumn, conditionColumns, ParquetTable.Read);

    private static Dataset Load(string path, string? labelColumn, IReadOnlyList<string>? conditionColumns, Func<string, string?, Table> read)
    {
        RequireFile(path);
        return Make(path, labelColumn, conditionColumns, read(path, labelColumn));
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

    private static Dataset Make(string path, string? labelColumn, IReadOnlyList<string>? conditionColumns, Table table)
    {
        int columns = table.Names.Count, rows = columns == 0 ? 0 : table.Values.Length / columns;
        (int[] values, int[] conditions) = Places(path, table.Shape, table.Names, labelColumn, conditionColumns);
        RequireRows(path, rows, values.Length);
        bool byColumn = table.Shape.Count == 1;
        var moments = new RunningMoments(values.Length, byColumn);
        var ofConditions = new RunningMoments(conditions.Length, byColumn: true);
        double[] ofValues = new double[values.Length], ofVector = new double[conditions.Length];
        for (int row = 0; row < rows; row++)
        {
            ReadOnlySpan<double> numbers = table.Values.AsSpan(row * columns, columns);
            RequireFinite(path, row, table.Names, numbers);
            moments.Add(Chosen(numbers, values, ofValues));
            ofConditions.Add(Chosen(numbers, conditions, ofVector));
        }
        string[] names = [.. values.Select(place => table.Names[place])];
        (double[] mean, double[] scale, ColumnsCard card) = Standardisation(names, moments);
        float[] standardised = new float[rows * values.Length];
        for (int i = 0; i < standardised.Length; i++)
            standardised[i] = (float)((table.Values[i / values.Length * columns + values[i % values.Length]] - mean[i % mean.Length]) / scale[i % scale.Length]);
        (int[]? labels, string[]? classes) = Classes(path, table.Labels, labelColumn);
        IReadOnlyList<int> shape = conditions.Length > 0 ? [values.Length] : table.Shape;
        return new Dataset(Path.GetFileName(path), shape, standardised, InColumns(card), labels, classes,
            Vectors(path, [.. conditions.Select(place => table.Names[place])], ofConditions, [.. Enumerable.Range(0, rows).SelectMany(row => conditions.Select(place => table.Values[row * columns + place]))]));
    }

    /// <summary>An array whose rows are read when they are drawn: one pass finds its statistics, labels and conditions.</summary>
    private static Dataset Stream(NpyFile file, string? labelColumn, IReadOnlyList<string>? conditionColumns, long mostInMemory)
    {
        int label = file.LabelPlace(labelColumn), stored = file.RowLength;
        string[] all = file.Names();
        int[] unlabelled = [.. Enumerable.Range(0, stored).Where(column => column != label)];
        (int[] values, int[] conditions) = Places(file.Path, file.RowShape, [.. unlabelled.Select(place => all[place])], labelColumn, conditionColumns);
        (values, conditions) = ([.. values.Select(place => unlabelled[place])], [.. conditions.Select(place => unlabelled[place])]);
        string[] names = [.. values.Select(place => all[place])], conditionNames = [.. conditions.Select(place => all[place])];
        RequireRows(file.Path, file.Rows, names.Length);
        StoredBytes bytes = StoredBytes.OfFile(file.Path, file.Start, (long)file.Rows * stored * file.Format.Size, mostInMemory);
        var moments = new RunningMoments(names.Length, byColumn: file.RowShape.Length == 1);
        var ofConditions = new RunningMoments(conditions.Length, byColumn: true);
        double[] ofValues = new double[values.Length], ofVector = new double[conditions.Length], kept = new double[(long)file.Rows * conditions.Length];
        string[]? labels = label < 0 ? null : new string[file.Rows];
        Dictionary<double, string> texts = [];
        ForEachRow(file, bytes, (row, numbers) =>
        {
            RequireFinite(file.Path, row, names, Chosen(numbers, values, ofValues));
            moments.Add(ofValues);
            RequireFinite(file.Path, row, conditionNames, Chosen(numbers, conditions, ofVector));
            ofConditions.Add(ofVector);
            ofVector.CopyTo(kept, (long)row * ofVector.Length);
            if (labels is not null && !texts.TryGetValue(numbers[label], out labels[row]!))
                texts[numbers[label]] = labels[row] = NpyFile.LabelText(numbers[label]);
        });
        (double[] mean, double[] scale, ColumnsCard card) = Standardisation(names, moments);
        (int[]? classOf, string[]? classes) = Classes(file.Path, labels, labelColumn);
        int[] shape = values.Length == stored ? file.RowShape : [names.Length];
        return new Dataset(Path.GetFileName(file.Path), shape, new NumberRows(bytes, file.Format, stored, values, mean, scale), InColumns(card), classOf, classes,
            Vectors(file.Path, conditionNames, ofConditions, kept));
    }

    /// <summary>The places of the columns that are learnt, and of those that rows are conditioned on, in the order asked for.</summary>
    private static (int[] Values, int[] Conditions) Places(
        string path, IReadOnlyList<int> shape, IReadOnlyList<string> names, string? labelColumn, IReadOnlyList<string>? conditionColumns)
    {
        if (conditionColumns is not { Count: > 0 })
            return ([.. Enumerable.Range(0, names.Count)], []);
        if (shape.Count > 1)
            throw new ArgumentException($"{path}: rows of shape [{string.Join(", ", shape)}] have no condition columns. Save a table [rows, columns], or leave the condition columns out.", nameof(conditionColumns));
        int[] conditions = [.. conditionColumns.Select(name => name == labelColumn
            ? throw new ArgumentException($"{path}: the column '{name}' is the label column. Name it for one of the two.", nameof(conditionColumns))
            : Table.LabelPlace(path, names, name, "conditions"))];
        string? twice = conditionColumns.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1)?.Key;
        if (twice is not null)
            throw new ArgumentException($"{path}: the condition column '{twice}' is named twice. Name it once.", nameof(conditionColumns));
        int[] values = [.. Enumerable.Range(0, names.Count).Except(conditions)];
        return values.Length > 0 ? (values, conditions)
            : throw new ArgumentException($"{path}: all columns are conditions; there is nothing to learn under them.", nameof(conditionColumns));
    }

    private static double[] Chosen(ReadOnlySpan<double> numbers, int[] places, double[] chosen)
    {
        for (int i = 0; i < places.Length; i++)
            chosen[i] = numbers[places[i]];
        return chosen;
    }

    private static ConditionVectors? Vectors(string path, string[] names, RunningMoments moments, double[] values)
    {
        if (names.Length == 0)
            return null;
        (double[] mean, double[] scale, ColumnsCard card) = Standardisation(names, moments);
        try
        {
            return new ConditionVectors(card, [.. values.Select((value, i) => (float)((value - mean[i % mean.Length]) / scale[i % scale.Length]))]);
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"{path}: {e.Message.Split(" (Parameter", 2)[0]}", e);
        }
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

    /// <summary>Mean and scale of each column, or of all values, and the columns by which they are brought back.</summary>
    private static (double[] Mean, double[] Scale, ColumnsCard Card) Standardisation(IReadOnlyList<string> names, RunningMoments moments)
    {
        (double Mean, double Scale, double, double)[] found = moments.Finish();
        double[] mean = [.. found.Select(group => group.Mean)], scale = [.. found.Select(group => group.Scale)];
        var columns = new ColumnsCard(names, [.. names.Select((_, i) => mean[i % mean.Length])], [.. names.Select((_, i) => scale[i % scale.Length])]);
        return (mean, scale, columns);
    }

    private static DataCard InColumns(ColumnsCard columns) => new(Columns: columns, Mean: [0], Scale: [1]);

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
