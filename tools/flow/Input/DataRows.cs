using System.IO.Hashing;

namespace FlowRuntime.Tool.Input;

/// <summary>Rows of data that a verb is given: a .npy array, a .csv table, a picture, or a folder of pictures.</summary>
internal abstract class DataRows : IDisposable
{
    private readonly string[] _files;

    /// <param name="path">What the user named.</param>
    /// <param name="files">The files that hold the rows.</param>
    protected DataRows(string path, params string[] files) => (Path, _files) = (path, files);

    /// <summary>What the user named.</summary>
    public string Path { get; }

    /// <summary>Number of rows.</summary>
    public abstract long Count { get; }

    /// <summary>Values of a row.</summary>
    public abstract int Length { get; }

    /// <summary>Reads rows.</summary>
    /// <param name="first">The first of them.</param>
    /// <param name="values">Receives whole rows.</param>
    public abstract void Read(long first, Span<float> values);

    /// <summary>XXH128 of what the files hold.</summary>
    public string Hash()
    {
        var hash = new XxHash128();
        foreach (string file in _files)
        {
            using FileStream stream = File.OpenRead(file);
            hash.Append(stream);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    public virtual void Dispose()
    {
    }

    /// <summary>Opens rows that fit a shape.</summary>
    /// <param name="path">A file or folder.</param>
    /// <param name="shape">Shape of a row, [C, H, W] for an image.</param>
    /// <param name="columns">Names of the values, by which the columns of a table are found where it has them.</param>
    /// <param name="image">Whether the rows are images, so that pictures are data, and bytes are grey values.</param>
    /// <exception cref="ArgumentException">There is no such file, or it is none of these.</exception>
    /// <exception cref="InvalidDataException">It is garbled, or its rows do not fit the shape.</exception>
    public static DataRows Open(string path, IReadOnlyList<int> shape, IReadOnlyList<string> columns, bool image)
    {
        if (Directory.Exists(path))
            return PictureRows.OfFolder(path, shape, image);
        if (!File.Exists(path))
            throw new ArgumentException($"there is no file {path}.");
        return System.IO.Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".npy" => new NpyRows(path, shape, image),
            ".csv" => new CsvTable(path, columns),
            ".png" or ".jpg" or ".jpeg" => PictureRows.OfFile(path, shape, image),
            _ => throw new ArgumentException($"{path} ends in neither .npy, .csv, .png nor .jpg, and is no folder of pictures."),
        };
    }
}
