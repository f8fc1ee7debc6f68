using System.Globalization;
using System.Text.RegularExpressions;
using CsvHelper;
using CsvHelper.Configuration;

namespace FlowRuntime.Training.Data;

/// <summary>Reads a CSV file; the rules are those of <see cref="TableData.Csv"/>.</summary>
internal static partial class CsvTable
{
    public static Table Read(string path, string? labelColumn)
    {
        int line = 0; // the last that was read whole
        using var text = new StreamReader(path);
        using var parser = new CsvParser(text, new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            Delimiter = Separator(path),
            TrimOptions = TrimOptions.Trim,
            LineBreakInQuotedFieldIsBadData = true,
            BadDataFound = _ => throw new InvalidDataException($"{path}, line {line + 1}: the quotes are not closed, or stand inside a cell. Quote whole cells, and write a quote in them twice."),
        });
        if (!parser.Read())
            throw new InvalidDataException($"{path} is empty.");
        bool header = !parser.Record!.Any(cell => TryNumber(cell, out _));
        line = header ? parser.RawRow : 0;
        string[] names = header ? parser.Record! : Table.Unnamed(parser.Count);
        int nameless = Array.IndexOf(names, "");
        if (nameless >= 0)
            throw new InvalidDataException($"{path}, line {parser.RawRow}: column {nameless + 1} has no name in the header. Name it, or take it out (pandas writes no index with to_csv(index=False)).");
        int label = Table.LabelPlace(path, names, labelColumn);
        var values = new List<double>();
        var labels = new List<string>();
        for (bool more = !header || parser.Read(); more; more = parser.Read())
        {
            string[] cells = parser.Record!;
            if (cells.Length != names.Length)
                throw new InvalidDataException($"{path}, line {parser.RawRow}: {cells.Length} cells, where the first line has {names.Length}. Cells are separated by tabs, semicolons or commas, alike in every line.");
            for (int column = 0; column < cells.Length; column++)
            {
                if (column == label && cells[column].Length > 0)
                    labels.Add(cells[column]);
                else if (column != label && TryNumber(cells[column], out double value))
                    values.Add(value);
                else
                    throw new InvalidDataException($"{path}, line {parser.RawRow}, column '{ForeignText.Shown(names[column])}': {Fault(cells[column])}. {(column == label ? "Give every row its label" : Table.Cure)}.");
            }
            Table.RequireRoom(path, values.Count, 1);
            line = parser.RawRow;
        }
        string[] columns = [.. names.Where((_, column) => column != label)];
        return new Table([columns.Length], columns, [.. values], label < 0 ? null : [.. labels]);
    }

    /// <summary>The first of tab, semicolon and comma that the first line holds outside quotes.</summary>
    private static string Separator(string path)
    {
        string line = Quoted().Replace(File.ReadLines(path).FirstOrDefault(line => line.Trim().Length > 0) ?? "", "");
        return line.Contains('\t') ? "\t" : line.Contains(';') ? ";" : ",";
    }

    /// <summary>Whether a cell is a number that float32 can hold.</summary>
    private static bool TryNumber(string cell, out double value) =>
        double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && float.IsFinite((float)value);

    private static string Fault(string cell) => cell.Length == 0 ? "the cell is empty" : $"'{ForeignText.Shown(cell)}' is no finite number";

    [GeneratedRegex("\"[^\"]*\"")]
    private static partial Regex Quoted();
}
