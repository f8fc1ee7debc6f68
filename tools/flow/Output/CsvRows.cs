using System.Globalization;
using System.Text;

namespace FlowRuntime.Tool.Output;

/// <summary>Rows as comma-separated values, one a line, under a line with the columns' names; where classes were asked for their name is the last column.</summary>
/// <param name="stream">Where they go; it stays open.</param>
/// <param name="rows">What a row is.</param>
internal sealed class CsvRows(Stream stream, RowDescription rows) : IDisposable
{
    /// <summary>Name of the column that holds the class.</summary>
    public const string LabelColumn = "label";

    private readonly StreamWriter _writer = new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), 1 << 16, leaveOpen: true) { NewLine = "\n" };
    private long _row;

    /// <summary>Writes the line with the names.</summary>
    public void WriteHeader() =>
        _writer.WriteLine(string.Join(',', rows.Columns.Concat(rows.Labels is null ? [] : [LabelColumn]).Select(Quoted)));

    /// <summary>Writes a row; numbers are written so that they are read back to the last bit.</summary>
    public void Write(ReadOnlySpan<float> values)
    {
        Span<char> cell = stackalloc char[32];
        for (int e = 0; e < values.Length; e++)
        {
            if (e > 0)
                _writer.Write(',');
            values[e].TryFormat(cell, out int length, provider: CultureInfo.InvariantCulture);
            _writer.Write(cell[..length]);
        }
        if (rows.LabelOf(_row++) is { } label)
        {
            _writer.Write(',');
            _writer.Write(Quoted(label));
        }
        _writer.Write('\n');
    }

    /// <summary>Hands on what is still held.</summary>
    public void Flush() => _writer.Flush();

    public void Dispose() => _writer.Dispose();

    private static string Quoted(string name) => name.AsSpan().IndexOfAny(",\"\n\r") < 0 ? name : $"\"{name.Replace("\"", "\"\"")}\"";
}
