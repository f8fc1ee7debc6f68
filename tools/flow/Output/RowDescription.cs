using System.Text.Json.Serialization;

namespace FlowRuntime.Tool.Output;

/// <summary>What the rows of an output are, as far as files need to know; it stands in the file beside an output, so that outputs can be joined without the model.</summary>
/// <param name="Shape">Shape of the values of one row, without the times of a trajectory.</param>
/// <param name="Columns">Names of the values where they are a table's; x0, x1, … otherwise.</param>
internal sealed record RowDescription(int[] Shape, string[] Columns)
{
    /// <summary>States of a trajectory that a row consists of; 0 for the sample itself.</summary>
    public int Times { get; init; }

    /// <summary>Whether the values are an image's, [C, H, W] in [0, 1].</summary>
    public bool Image { get; init; }

    /// <summary>Names of the classes that were asked for: row i has the one at the place of its index modulo their number. Null where none were.</summary>
    public string[]? Labels { get; init; }

    /// <summary>Index of the first row, for the labels and the names of single files.</summary>
    public long First { get; init; }

    /// <summary>Rows a line of a grid of images; null for a square.</summary>
    public int? GridColumns { get; init; }

    /// <summary>Values of a sample or state.</summary>
    [JsonIgnore]
    public int Dimension => Shape.Aggregate(1, (product, size) => product * size);

    /// <summary>Numbers of a row.</summary>
    [JsonIgnore]
    public int Length => checked(Dimension * Math.Max(1, Times));

    /// <summary>Bytes of a row.</summary>
    [JsonIgnore]
    public int Bytes => checked(Length * sizeof(float));

    /// <summary>Whether rows can be so, as those of a file that was edited by hand may not.</summary>
    [JsonIgnore]
    public bool IsSound
    {
        get
        {
            const int MostBytes = int.MaxValue;
            Int128 bytes = sizeof(float) * (Int128)Math.Max(1, Times);
            foreach (int size in Shape)
                bytes = size >= 1 && bytes <= MostBytes ? bytes * size : Int128.MaxValue >> 32;
            return bytes <= MostBytes && Times >= 0 && First >= 0 && Columns is not null && Columns.Length == Dimension && !Columns.Contains(null)
                && Labels is null or { Length: > 0 } && Labels?.Contains(null) != true && GridColumns is null or >= 1 && (!Image || Shape is [1 or 3, _, _]);
        }
    }

    /// <summary>Shape of a row in an array.</summary>
    [JsonIgnore]
    public int[] ArrayShape => Times > 0 ? [Times, .. Shape] : Shape;

    /// <summary>The data of a model as rows.</summary>
    public static RowDescription Of(FlowModel model)
    {
        int values = model.Shape.Aggregate(1, (product, size) => product * size);
        return new RowDescription([.. model.Shape], [.. model.Card.Data?.Columns?.Names ?? Enumerable.Range(0, values).Select(i => $"x{i}")])
        {
            Image = model.Card.Data?.Image is not null,
        };
    }

    /// <summary>Name of the class of a row; null where there are none.</summary>
    public string? LabelOf(long row) => Labels is null ? null : Labels[(First + row) % Labels.Length];
}
