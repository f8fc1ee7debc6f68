using FlowRuntime.Cards;

namespace FlowRuntime.Training.Data;

/// <summary>
/// Images of any sizes in a folder: each of its subfolders is a class, named as the subfolder is; without subfolders there are no classes. In the network's
/// units black is −1 and white 1.
/// </summary>
public static class ImageFolder
{
    /// <summary>Files that are decoded together, on all processors.</summary>
    private const int Chunk = 64;

    /// <summary>Bytes of pixels that wait to be written, unless a row alone is longer.</summary>
    private const int MostWaiting = 1 << 28;

    /// <summary>Reads the images: once each, the largest square in the middle, resized (cubic, without aliasing).</summary>
    /// <remarks>
    /// Files are those that end in .png, .jpg, .jpeg, .bmp, .gif or .webp, whatever the case; hidden ones (.name) and others are passed over. Classes and files come in ordinal
    /// order of their names. Up to 256 MiB of pixels are kept in memory, more in a file in the system's temporary folder.
    /// </remarks>
    /// <param name="folder">The folder.</param>
    /// <param name="options">How images become rows. Default: 32 by 32 pixels in colour.</param>
    /// <param name="report">Told of each file that is left out, in one line, and of their number at the end.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">It holds too few images, a class has none, or an image is broken; the message names it.</exception>
    public static Dataset Load(string folder, ImageFolderOptions? options = null, Action<string>? report = null) => Load(folder, options ?? new(), report, StoredBytes.MostInMemory);

    internal static Dataset Load(string folder, ImageFolderOptions options, Action<string>? report, long mostInMemory)
    {
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"There is no folder {folder}.");
        (string[]? classes, (string Path, int Label)[] files) = Files(folder);
        int[] shape = [options.Channels == ImageChannels.Rgb ? 3 : 1, options.Size, options.Size];
        int length = shape[0] * shape[1] * shape[2];
        using var writer = new StoredBytes.Writer(folder, (long)files.Length * length, mostInMemory);
        List<int> labels = [];
        foreach ((string Path, int Label)[] chunk in files.Chunk(Math.Clamp(MostWaiting / length, 1, Chunk)))
        {
            var read = new (byte[]? Pixels, InvalidDataException? Fault)[chunk.Length];
            Parallel.For(0, chunk.Length, i => read[i] = TryRead(chunk[i].Path, options));
            foreach (((byte[]? pixels, InvalidDataException? fault), int label) in read.Zip(chunk, (result, file) => (result, file.Label)))
            {
                if (pixels is not null)
                {
                    writer.Write(pixels);
                    labels.Add(label);
                }
                else if (options.BadFiles == BadFiles.Fatal)
                    throw new InvalidDataException($"{fault!.Message} Mend it or take it out, or have such files skipped (images.bad_files=skip).", fault);
                else
                    report?.Invoke($"Skipped: {fault!.Message}");
            }
        }
        if (labels.Count < files.Length)
            report?.Invoke($"{folder}: {files.Length - labels.Count} of {files.Length} files were skipped.");
        RequireImages(folder, classes, labels.Count, [.. labels]);
        var rows = new ByteRows(writer.Finish(), length);
        (double mean, double scale) = rows.Moments();
        var card = new DataCard(Image: new ImageCard(-1, 1), Mean: [mean], Scale: [scale]);
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        return new Dataset(name, shape, rows, card, classes is null ? null : [.. labels], classes);
    }

    private static (byte[]? Pixels, InvalidDataException? Fault) TryRead(string path, ImageFolderOptions options)
    {
        try
        {
            return (ImageFile.Read(path, options.Size, options.Channels), null);
        }
        catch (InvalidDataException fault)
        {
            return (null, fault);
        }
    }

    private static (string[]? Classes, (string Path, int Label)[] Files) Files(string folder)
    {
        string[] inside = Images(folder), classes = [.. Directory.GetDirectories(folder).Select(path => Path.GetFileName(path)!).Where(name => name[0] != '.').Order(StringComparer.Ordinal)];
        if (classes.Length == 0)
            return (null, [.. inside.Select(path => (path, 0))]);
        if (inside.Length > 0)
            throw new InvalidDataException($"{folder} holds images ({Path.GetFileName(inside[0])}) beside folders ({classes[0]}). Put each image into the folder of its class, or take the folders away.");
        return (classes, [.. classes.SelectMany((name, label) => Images(Path.Combine(folder, name)).Select(path => (path, label)))]);
    }

    private static string[] Images(string folder) =>
        [.. Directory.GetFiles(folder).Where(path => Path.GetFileName(path)[0] != '.' && ImageFile.Endings.Contains(Path.GetExtension(path).ToLowerInvariant())).Order(StringComparer.Ordinal)];

    private static void RequireImages(string folder, string[]? classes, int count, HashSet<int> labels)
    {
        foreach ((int label, string name) in (classes ?? []).Index())
        {
            string path = Path.Combine(folder, name);
            if (!labels.Contains(label))
            {
                throw new InvalidDataException(Directory.GetDirectories(path).Length > 0
                    ? $"{path} holds folders, and no image that can be read. Name the folder whose folders are the classes, such as {path}."
                    : $"{path} holds no image that can be read ({string.Join(", ", ImageFile.Endings)}). Fill it, or take it away: each folder is a class.");
            }
        }
        if (count < 2)
            throw new InvalidDataException($"{folder} holds {count} images that can be read ({string.Join(", ", ImageFile.Endings)}). Give at least 2.");
    }
}
