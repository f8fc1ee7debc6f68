using System.Globalization;
using System.Text;
using FlowRuntime.Cards;

namespace FlowRuntime.Tool.Input;

/// <summary>
/// Rows of a table with comma-separated values. Under a line with names, columns are found by the names that are wanted, wherever they stand, and others are left aside; without names, or where none
/// of them is known, all columns are taken in their order.
/// </summary>
internal sealed class CsvTable : DataRows
{
    private readonly List<float[]> _rows = [];

    /// <param name="path">The file.</param>
    /// <param name="columns">The names that are wanted, in the order of the values.</param>
    /// <exception cref="InvalidDataException">A cell is no number, or the columns are not those that are wanted.</exception>
    public CsvTable(string path, IReadOnlyList<string> columns) : base(path, path)
    {
        Length = columns.Count;
        int[]? places = null;
        int line = 0;
        foreach (string text in File.ReadLines(path))
        {
            line++;
            if (text.Length == 0)
                continue;
            string[] cells = Cells(text);
            if (places is null)
            {
                places = PlacesOf(cells, columns, line);
                if (!IsNumber(cells[0]))
                    continue; // names
            }
            if (cells.Length <= places.Max())
                throw new InvalidDataException($"{path}, line {line}: there are {cells.Length} cells, and {places.Max() + 1} are needed.");
            _rows.Add([.. places.Select((place, i) => float.TryParse(cells[place], NumberStyles.Float, CultureInfo.InvariantCulture, out float value) && float.IsFinite(value) ? value
                : throw new InvalidDataException($"{path}, line {line}: '{MessageText.Of(cells[place])}' of column {columns[i]} is no number."))]);
        }
        if (_rows.Count == 0)
            throw new InvalidDataException($"{path} has no rows.");
    }

    public override long Count => _rows.Count;

    public override int Length { get; }

    public override void Read(long first, Span<float> values)
    {
        for (int row = 0; row < values.Length / Length; row++)
            _rows[(int)first + row].CopyTo(values[(row * Length)..]);
    }

    private int[] PlacesOf(string[] cells, IReadOnlyList<string> columns, int line)
    {
        if (!IsNumber(cells[0]) && columns.Any(cells.Contains))
        {
            return [.. columns.Select(name => Array.IndexOf(cells, name) is >= 0 and var place ? place
                : throw new InvalidDataException($"{Path}, line {line}: there is no column '{name}' among {MessageText.Of(string.Join(", ", cells))}."))];
        }
        return cells.Length == columns.Count ? [.. Enumerable.Range(0, columns.Count)]
            : throw new InvalidDataException($"{Path}, line {line}: there are {cells.Length} columns, and {columns.Count} are needed: {Short(columns)}.");
    }

    private static string Short(IReadOnlyList<string> names) => names.Count <= 8 ? string.Join(", ", names) : $"{names[0]}, {names[1]}, … {names[^1]}";

    private static bool IsNumber(string cell) => double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out _);

    /// <summary>The cells of a line, without the quotes around those that have them.</summary>
    private static string[] Cells(string line)
    {
        var cells = new List<string>();
        var cell = new StringBuilder();
        bool quoted = false;
        for (int i = 0; i < line.Length; i++)
        {
            char c = line[i];
            if (c == '"' && quoted && i + 1 < line.Length && line[i + 1] == '"')
            {
                cell.Append(c);
                i++;
            }
            else if (c == '"')
            {
                quoted = !quoted;
            }
            else if (c == ',' && !quoted)
            {
                cells.Add(cell.ToString().Trim());
                cell.Clear();
            }
            else
            {
                cell.Append(c);
            }
        }
        cells.Add(cell.ToString().Trim());
        return [.. cells];
    }
}
