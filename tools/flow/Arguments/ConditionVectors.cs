using System.Globalization;
using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Tool.Input;

namespace FlowRuntime.Tool.Arguments;

/// <summary>What <c>--condition</c> says: the vectors that samples are drawn under.</summary>
internal static class ConditionVectors
{
    /// <summary>Reads vectors: numbers in the card's order or by name, or a table of them.</summary>
    /// <exception cref="ArgumentException">The model has no condition vector, or the text gives no numbers for it.</exception>
    public static Condition[] Read(string text, FlowModel model)
    {
        if (model.Card.Conditions?.Vectors is not [var input])
            throw new ArgumentException(model.Card.Conditions?.Vectors is { Count: > 1 } several
                ? $"{model.Path} has {several.Count} condition vectors; the option gives one. Sample it by the library."
                : $"{model.Path} has no condition vector. Leave the option out.");
        if (text.EndsWith(".npy", StringComparison.OrdinalIgnoreCase))
            return Array(text, input);
        string[] rows = [.. (text.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) ? Table(text) : text.Split(';', StringSplitOptions.TrimEntries)).Where(row => row.Length > 0)];
        return rows.Length > 0 ? [.. rows.Select(row => new Condition { Vectors = new Dictionary<string, float[]> { [input.Input] = Row(row, input) } })]
            : throw new ArgumentException($"'{text}' gives no numbers.");
    }

    /// <summary>The rows of a NumPy array.</summary>
    private static Condition[] Array(string path, ConditionInputCard input)
    {
        if (!File.Exists(path))
            throw new ArgumentException($"there is no file {path}.");
        using var rows = new NpyRows(path, [input.Length], image: false);
        return [.. Enumerable.Range(0, checked((int)rows.Count)).Select(row =>
        {
            float[] values = new float[input.Length];
            rows.Read(row, values);
            return new Condition { Vectors = new Dictionary<string, float[]> { [input.Input] = values } };
        })];
    }

    /// <summary>The rows of a file; a header is laid over them as names.</summary>
    private static IEnumerable<string> Table(string path)
    {
        if (!File.Exists(path))
            throw new ArgumentException($"there is no file {path}.");
        string[] lines = [.. File.ReadLines(path).Select(line => line.Trim()).Where(line => line.Length > 0)];
        if (lines.Length == 0 || lines[0].Split(',').Any(cell => TryNumber(cell, out _)))
            return lines;
        string[] names = lines[0].Split(',', StringSplitOptions.TrimEntries);
        return lines.Skip(1).Select(line => line.Split(',') is { } cells && cells.Length == names.Length
            ? string.Join(',', names.Zip(cells, (name, cell) => $"{name}={cell}"))
            : throw new ArgumentException($"'{line}' in {path} has {line.Split(',').Length} cells, and the header {names.Length}."));
    }

    private static float[] Row(string row, ConditionInputCard input)
    {
        IReadOnlyList<string> names = input.Columns?.Names ?? [];
        string[] parts = row.Split(',', StringSplitOptions.TrimEntries);
        bool named = parts[0].Contains('=');
        string expected = $"{input.Length} numbers{(names.Count > 0 ? $": {string.Join(", ", names)}" : "")}";
        if (parts.Length != input.Length)
            throw new ArgumentException($"'{row}' has {parts.Length} values. Give {expected}.");
        float[] values = new float[input.Length];
        HashSet<int> given = [];
        for (int i = 0; i < values.Length; i++)
        {
            string[] pair = named ? parts[i].Split('=', 2, StringSplitOptions.TrimEntries) : [.. names.Skip(i).Take(1).DefaultIfEmpty("").Concat([parts[i]])];
            int place = named ? names.ToList().IndexOf(pair[0]) : i;
            if (pair.Length != 2 || place < 0 || !given.Add(place) || !TryNumber(pair[1], out values[place]))
                throw new ArgumentException($"'{parts[i]}' is no value of the condition, or comes twice. Give {expected}.");
        }
        return values;
    }

    private static bool TryNumber(string text, out float value) =>
        float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && float.IsFinite(value);
}
