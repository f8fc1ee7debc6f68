namespace FlowRuntime.Tool.Output;

/// <summary>
/// A file of samples in the making. It grows as FILE.partial and takes its name when it is complete; given up before,
/// it leaves nothing.
/// </summary>
internal abstract class SampleFile : IDisposable
{
    private readonly string _path;

    protected SampleFile(string path) => _path = path;

    /// <exception cref="ArgumentException">The path's ending is none that can be written.</exception>
    public static void RequireKnown(string path)
    {
        if (Path.GetExtension(path).ToLowerInvariant() is not (".npy" or ".csv" or ".png"))
            throw new ArgumentException($"--out: {path} ends in neither .npy, .csv nor .png.");
    }

    /// <summary>Opens a file by its ending.</summary>
    /// <param name="path">A path that ends in .npy, .csv or .png.</param>
    /// <param name="model">The model, whose card says what the values are.</param>
    /// <param name="count">Number of samples to come.</param>
    /// <param name="times">States of a trajectory that each sample consists of; 0 for the sample itself.</param>
    /// <param name="columns">Images a row of a .png; null for a square.</param>
    public static SampleFile Open(string path, FlowModel model, long count, int times, int? columns)
    {
        RequireKnown(path);
        return Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".npy" => new NpyFile(path, times > 0 ? [times, .. model.Shape] : model.Shape, count),
            ".csv" => times == 0 ? new CsvFile(path, model)
                : throw new ArgumentException("--trajectory: a .csv holds samples, not their states on the way. Write .npy."),
            _ => PngFile.Create(path, model, count, times, columns),
        };
    }

    /// <summary>Where the values go until the file is complete.</summary>
    protected string PartialPath => _path + ".partial";

    /// <summary>Appends a sample, or its trajectory; a failed one is NaN.</summary>
    public abstract void Append(ReadOnlySpan<float> values);

    /// <summary>Closes the file and gives it its name.</summary>
    public void Complete()
    {
        Close();
        File.Move(PartialPath, _path, overwrite: true);
    }

    public void Dispose()
    {
        Abandon();
        File.Delete(PartialPath);
    }

    /// <summary>Writes what is outstanding and closes the partial file.</summary>
    protected abstract void Close();

    /// <summary>Closes the partial file if it is open; its content does not matter any more.</summary>
    protected abstract void Abandon();
}
