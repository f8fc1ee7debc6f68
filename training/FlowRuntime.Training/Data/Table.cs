namespace FlowRuntime.Training.Data;

/// <summary>What was read from a table's file: numbers, and the label of each row where a label column was asked for.</summary>
/// <param name="Shape">Shape of one row without its label.</param>
/// <param name="Names">Name of each of a row's values.</param>
/// <param name="Values">The numbers, [rows, shape…], row-major.</param>
/// <param name="Labels">The label of each row as text; null where there is no label column.</param>
internal sealed record Table(IReadOnlyList<int> Shape, IReadOnlyList<string> Names, double[] Values, string[]? Labels)
{
    /// <summary>The most values that are read: 2 GiB of them as float32.</summary>
    public const long MostValues = 1L << 29;

    /// <summary>What to do about a cell that is no number.</summary>
    public const string Cure = "Make it a number, take it out, or name its column as the label column (--label-column)";

    /// <summary>The names of columns that have none: x0, x1, …</summary>
    public static string[] Unnamed(int columns) => [.. Enumerable.Range(0, columns).Select(column => $"x{column}")];

    /// <summary>The place of a column asked for among the columns, from 0; −1 where none is.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="names">Names of the columns.</param>
    /// <param name="labelColumn">The column.</param>
    /// <param name="what">What it is for.</param>
    /// <exception cref="ArgumentException">There is no such column, or no column but it.</exception>
    /// <exception cref="InvalidDataException">Two columns have one name.</exception>
    public static int LabelPlace(string path, IReadOnlyList<string> names, string? labelColumn, string what = "labels")
    {
        string? twice = names.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1)?.Key;
        if (twice is not null)
            throw new InvalidDataException($"{path}: two columns are named '{ForeignText.Shown(twice)}'. Give each its own name.");
        if (labelColumn is null)
            return -1;
        int place = names.ToList().IndexOf(labelColumn);
        if (place < 0)
            throw new ArgumentException($"{path}: there is no column '{ForeignText.Shown(labelColumn)}' for the {what}. Choose one of: {string.Join(", ", names.Take(20).Select(ForeignText.Shown))}{(names.Count > 20 ? ", …" : "")}.", nameof(labelColumn));
        if (names.Count == 1)
            throw new ArgumentException($"{path}: '{ForeignText.Shown(labelColumn)}' is the only column; there is nothing to learn beside the {what}.", nameof(labelColumn));
        return place;
    }

    /// <summary>Refuses more values than are read.</summary>
    public static void RequireRoom(string path, long rows, long columns)
    {
        if (columns > 0 && rows > MostValues / columns)
            throw new InvalidDataException($"{path}: {rows} rows of {columns} values are too many. At most {MostValues} values are read; take fewer rows.");
    }
}
