namespace FlowRuntime.Tool.Input;

/// <summary>What <c>--mask</c> says: which values of a row are known.</summary>
internal static class MaskFile
{
    /// <summary>Reads a mask: a file in which what is not 0 (or brighter than half) is known, one row for all or one for each; or names of columns.</summary>
    /// <param name="text">A .npy, .csv or .png file, or the names of known columns, separated by commas.</param>
    /// <param name="model">The model.</param>
    /// <param name="rows">Number of rows of the data.</param>
    /// <exception cref="ArgumentException">It is neither.</exception>
    /// <exception cref="InvalidDataException">The file does not fit the data.</exception>
    public static DataRows Read(string text, FlowModel model, long rows)
    {
        // A latent model is completed in its latents: their mask is of the network's states.
        bool latent = model.Card.Latent is not null;
        IReadOnlyList<int> shape = latent ? model.Card.Sample.Shape : model.Shape;
        IReadOnlyList<string> columns = model.Card.Data?.Columns?.Names ?? [.. Enumerable.Range(0, shape.Aggregate(1, (product, size) => product * size)).Select(i => $"x{i}")];
        string[] names = text.Split(',', StringSplitOptions.TrimEntries);
        if (!File.Exists(text) && names.All(columns.Contains))
            return new KnownColumns(text, [.. columns.Select(name => names.Contains(name) ? 1f : 0f)]);
        DataRows mask = DataRows.Open(text, shape, columns, image: !latent && model.Card.Data?.Image is not null);
        if (mask.Count == 1 || mask.Count == rows)
            return mask;
        mask.Dispose();
        throw new InvalidDataException($"{text} has {mask.Count} rows. Give one for all, or {rows} as the data have.");
    }

    /// <summary>One row, known by its columns' names.</summary>
    private sealed class KnownColumns(string text, float[] known) : DataRows(text)
    {
        public override long Count => 1;

        public override int Length => known.Length;

        public override void Read(long first, Span<float> values) => known.CopyTo(values);
    }
}
