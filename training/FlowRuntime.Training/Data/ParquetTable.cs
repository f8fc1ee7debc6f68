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
            ParquetClaims.Check(path);
            return ReadAsync(path, labelColumn).GetAwaiter().GetResult(); // from a file; nothing is waited for
        }
        catch (Exception e) when (!(e is InvalidDataException && e.Message.StartsWith(path, StringComparison.Ordinal)) && e is not (ArgumentException { ParamName: nameof(labelColumn) } or UnauthorizedAccessException or OutOfMemoryException))
        {
            // A garbled file ends the library's reader in many ways.
            throw new InvalidDataException($"{path} cannot be read as Parquet ({ForeignText.Shown(e.Message.Trim()).TrimEnd('.')}). Write it again.", e);
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
                    : throw new InvalidDataException($"{path}: column '{ForeignText.Shown(names[column])}' is nested. Write a flat table.");
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

    private static Task<int> ReadNumbers(string path, ParquetRowGroupReader group, DataField field, double[] values, int firstRow, int columns, int place) =>
        Numbers(path, group, field, (i, number) => values[(long)(firstRow + i) * columns + place] = number ?? throw Null(path, field, firstRow + i));

    private static async Task<int> ReadText(string path, ParquetRowGroupReader group, DataField field, string[] labels, int firstRow)
    {
        if (field.ClrType != Text)
            return await Numbers(path, group, field, (i, number) => Take(i, number?.ToString(CultureInfo.InvariantCulture)));
        string?[] cells = new string?[group.RowCount];
        await group.ReadAsync(field, cells.AsMemory()!);
        for (int i = 0; i < cells.Length; i++)
            Take(i, cells[i]);
        return cells.Length;

        void Take(int i, string? text) => labels[firstRow + i] = string.IsNullOrEmpty(text) ? throw Null(path, field, firstRow + i) : text;
    }

    /// <summary>Reads a column of a group.</summary>
    /// <returns>Number of its cells.</returns>
    private static Task<int> Numbers(string path, ParquetRowGroupReader group, DataField field, Action<int, double?> take) => Type.GetTypeCode(field.ClrType) switch
    {
        TypeCode.Double => Cells<double>(group, field, double.CreateChecked, take),
        TypeCode.Single => Cells<float>(group, field, double.CreateChecked, take),
        TypeCode.Decimal => Cells<decimal>(group, field, double.CreateChecked, take),
        TypeCode.Int64 => Cells<long>(group, field, double.CreateChecked, take),
        TypeCode.UInt64 => Cells<ulong>(group, field, double.CreateChecked, take),
        TypeCode.Int32 => Cells<int>(group, field, double.CreateChecked, take),
        TypeCode.UInt32 => Cells<uint>(group, field, double.CreateChecked, take),
        TypeCode.Int16 => Cells<short>(group, field, double.CreateChecked, take),
        TypeCode.UInt16 => Cells<ushort>(group, field, double.CreateChecked, take),
        TypeCode.SByte => Cells<sbyte>(group, field, double.CreateChecked, take),
        TypeCode.Byte => Cells<byte>(group, field, double.CreateChecked, take),
        TypeCode.Boolean => Cells<bool>(group, field, value => value ? 1 : 0, take),
        _ => throw new InvalidDataException($"{path}: column '{ForeignText.Shown(field.Name)}' holds {(field.ClrType == Text ? "text" : field.ClrType.Name)}, no numbers. {Table.Cure}."),
    };

    private static async Task<int> Cells<T>(ParquetRowGroupReader group, DataField field, Func<T, double> number, Action<int, double?> take) where T : struct
    {
        if (!field.IsNullable)
        {
            T[] whole = new T[group.RowCount];
            await group.ReadAsync(field, whole.AsMemory());
            for (int i = 0; i < whole.Length; i++)
                take(i, number(whole[i]));
            return whole.Length;
        }
        T?[] cells = new T?[group.RowCount];
        await group.ReadAsync(field, cells.AsMemory());
        for (int i = 0; i < cells.Length; i++)
            take(i, cells[i] is { } given ? number(given) : null);
        return cells.Length;
    }

    private static InvalidDataException Null(string path, DataField field, int row) =>
        new($"{path}, row {row} (from 0), column '{ForeignText.Shown(field.Name)}' is null or empty. Fill it, or take the row out.");
}
