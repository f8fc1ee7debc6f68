using System.Globalization;
using Parquet;
using Parquet.Schema;

namespace FlowRuntime.Training.Data;

/// <summary>Reads a Parquet file; the rules are those of <see cref="TableData.Parquet"/>.</summary>
internal static class ParquetTable
{
    private static readonly Type Text = typeof(ReadOnlyMemory<char>);

    public static Table Read(string path, string? labelColumn)
    {
        try
        {
            return ReadAsync(path, labelColumn).GetAwaiter().GetResult(); // from a file; nothing is waited for
        }
        catch (Exception e) when (e is not (InvalidDataException or ArgumentException { ParamName: nameof(labelColumn) } or UnauthorizedAccessException or OutOfMemoryException))
        {
            // A garbled file ends the library's reader in many ways.
            throw new InvalidDataException($"{path} cannot be read as Parquet ({e.Message.Split('\n')[0].Trim().TrimEnd('.')}). Write it again.", e);
        }
    }

    private static async Task<Table> ReadAsync(string path, string? labelColumn)
    {
        await using ParquetReader reader = await ParquetReader.CreateAsync(path);
        string[] names = [.. reader.Schema.Fields.Select(field => field.Name)];
        int label = Table.LabelPlace(path, names, labelColumn);
        string[] columns = [.. names.Where((_, column) => column != label)];
        ParquetRowGroupReader[] groups = [.. Enumerable.Range(0, reader.RowGroupCount).Select(reader.OpenRowGroupReader)];
        try
        {
            long rows = groups.Sum(group => group.RowCount);
            Table.RequireRoom(path, rows, names.Length);
            double[] values = new double[rows * columns.Length];
            string[] labels = new string[label < 0 ? 0 : rows];
            for (int column = 0, place = 0; column < names.Length; column++)
            {
                DataField field = reader.Schema.Fields[column] is DataField { IsArray: false } data ? data
                    : throw new InvalidDataException($"{path}: column '{names[column]}' is nested. Write a flat table.");
                int row = 0;
                foreach (ParquetRowGroupReader group in groups)
                {
                    if (column == label)
                        row += await ReadText(path, group, field, labels, row);
                    else
                        row += await ReadNumbers(path, group, field, values, row, columns.Length, place);
                }
                place += column == label ? 0 : 1;
            }
            return new Table([columns.Length], columns, values, label < 0 ? null : labels);
        }
        finally
        {
            foreach (ParquetRowGroupReader group in groups)
                group.Dispose();
        }
    }

    private static async Task<int> ReadNumbers(string path, ParquetRowGroupReader group, DataField field, double[] values, int firstRow, int columns, int place)
    {
        double?[] cells = await Numbers(path, group, field);
        for (int i = 0; i < cells.Length; i++)
            values[(long)(firstRow + i) * columns + place] = cells[i] ?? throw Null(path, field, firstRow + i);
        return cells.Length;
    }

    private static async Task<int> ReadText(string path, ParquetRowGroupReader group, DataField field, string[] labels, int firstRow)
    {
        string?[] cells;
        if (field.ClrType == Text)
        {
            cells = new string?[group.RowCount];
            await group.ReadAsync(field, cells.AsMemory()!);
        }
        else
        {
            cells = [.. (await Numbers(path, group, field)).Select(number => number?.ToString(CultureInfo.InvariantCulture))];
        }
        for (int i = 0; i < cells.Length; i++)
            labels[firstRow + i] = string.IsNullOrEmpty(cells[i]) ? throw Null(path, field, firstRow + i) : cells[i]!;
        return cells.Length;
    }

    private static Task<double?[]> Numbers(string path, ParquetRowGroupReader group, DataField field) => Type.GetTypeCode(field.ClrType) switch
    {
        TypeCode.Double => Cells<double>(group, field, double.CreateChecked),
        TypeCode.Single => Cells<float>(group, field, double.CreateChecked),
        TypeCode.Decimal => Cells<decimal>(group, field, double.CreateChecked),
        TypeCode.Int64 => Cells<long>(group, field, double.CreateChecked),
        TypeCode.UInt64 => Cells<ulong>(group, field, double.CreateChecked),
        TypeCode.Int32 => Cells<int>(group, field, double.CreateChecked),
        TypeCode.UInt32 => Cells<uint>(group, field, double.CreateChecked),
        TypeCode.Int16 => Cells<short>(group, field, double.CreateChecked),
        TypeCode.UInt16 => Cells<ushort>(group, field, double.CreateChecked),
        TypeCode.SByte => Cells<sbyte>(group, field, double.CreateChecked),
        TypeCode.Byte => Cells<byte>(group, field, double.CreateChecked),
        TypeCode.Boolean => Cells<bool>(group, field, value => value ? 1 : 0),
        _ => throw new InvalidDataException($"{path}: column '{field.Name}' holds {(field.ClrType == Text ? "text" : field.ClrType.Name)}, no numbers. {Table.Cure}."),
    };

    private static async Task<double?[]> Cells<T>(ParquetRowGroupReader group, DataField field, Func<T, double> number) where T : struct
    {
        if (!field.IsNullable)
        {
            T[] whole = new T[group.RowCount];
            await group.ReadAsync(field, whole.AsMemory());
            return [.. whole.Select(value => (double?)number(value))];
        }
        T?[] cells = new T?[group.RowCount];
        await group.ReadAsync(field, cells.AsMemory());
        return [.. cells.Select(value => value is { } given ? number(given) : (double?)null)];
    }

    private static InvalidDataException Null(string path, DataField field, int row) =>
        new($"{path}, row {row} (from 0), column '{field.Name}' is null or empty. Fill it, or take the row out.");
}
