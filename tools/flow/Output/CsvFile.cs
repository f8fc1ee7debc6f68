using System.Globalization;

namespace FlowRuntime.Tool.Output;

/// <summary>Samples as comma-separated values, one a line, under a line with the columns' names.</summary>
internal sealed class CsvFile : SampleFile
{
    private readonly StreamWriter _writer;

    public CsvFile(string path, FlowModel model) : base(path)
    {
        int values = model.Shape.Aggregate(1, (product, size) => product * size);
        IEnumerable<string> names = model.Card.Data?.Columns?.Names ?? Enumerable.Range(0, values).Select(i => $"x{i}");
        _writer = new StreamWriter(PartialPath) { NewLine = "\n" };
        _writer.WriteLine(string.Join(',', names.Select(Quote)));
    }

    public override void Append(ReadOnlySpan<float> values)
    {
        Span<char> cell = stackalloc char[32];
        for (int e = 0; e < values.Length; e++)
        {
            if (e > 0)
                _writer.Write(',');
            values[e].TryFormat(cell, out int length, provider: CultureInfo.InvariantCulture);
            _writer.Write(cell[..length]);
        }
        _writer.Write('\n');
    }

    protected override void Close() => _writer.Dispose();

    protected override void Abandon()
    {
        try
        {
            _writer.Dispose();
        }
        catch (IOException)
        {
            // What could not be written is given up anyway; the error that led here is the one to report.
        }
    }

    private static string Quote(string name) => name.AsSpan().IndexOfAny(",\"\n") < 0 ? name : $"\"{name.Replace("\"", "\"\"")}\"";
}
