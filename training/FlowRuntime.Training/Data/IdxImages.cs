using FlowRuntime.Cards;

namespace FlowRuntime.Training.Data;

/// <summary>
/// Grey images in IDX files, as MNIST and its kin come: train-images-idx3-ubyte and train-labels-idx1-ubyte, and t10k-… of the same form, which are the
/// rows held out. In the network's units 0 is −1 and 255 is 1.
/// </summary>
public static class IdxImages
{
    /// <summary>The file of a folder that names its classes, one a line.</summary>
    public const string NamesFile = "class-names.txt";

    private const int MostClasses = 256;

    /// <summary>Reads the files of a folder, each as it is or compressed (.gz).</summary>
    /// <remarks>
    /// Without t10k-… a fifth of the rows is held out (<see cref="DataSplit.Of"/>); without files of labels there are no classes. Files of more than
    /// 256 MiB stay files, compressed ones in the system's temporary folder; their rows are read when they are drawn.
    /// </remarks>
    /// <param name="folder">The folder.</param>
    /// <param name="classNames">Name of each label from 0. Default: the lines of class-names.txt if the folder has that, else the numbers.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="FileNotFoundException">A file is missing.</exception>
    /// <exception cref="InvalidDataException">A file is not what its name says, or they do not fit each other.</exception>
    public static DataSplit Load(string folder, IReadOnlyList<string>? classNames = null) => Load(folder, classNames, StoredBytes.MostInMemory);

    internal static DataSplit Load(string folder, IReadOnlyList<string>? classNames, long mostInMemory)
    {
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"There is no folder {folder}.");
        Part train = Part.Read(folder, "train", mostInMemory)
            ?? throw new FileNotFoundException($"{folder} holds no train-images-idx3-ubyte, with or without .gz. Name the folder that does.");
        Part? heldOut = Part.Read(folder, "t10k", mostInMemory);
        if (heldOut is not null && !heldOut.Shape.SequenceEqual(train.Shape))
            throw new InvalidDataException($"{heldOut.Images.Path} holds images of [{string.Join(", ", heldOut.Shape)}], and {train.Images.Path} of [{string.Join(", ", train.Shape)}]. Put files of one data set there.");
        if (heldOut is not null && heldOut.Labels is null != train.Labels is null)
            throw new FileNotFoundException($"{folder} holds the labels of one of train and t10k alone. Give both, or neither.");
        IReadOnlyList<string>? names = Names(folder, classNames, train, heldOut);
        (double mean, double scale) = train.Rows.Moments();
        var card = new DataCard(Image: new ImageCard(-1, 1), Mean: [mean], Scale: [scale]);
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        Dataset rows = train.ToDataset(name, card, names);
        return heldOut is null ? DataSplit.Of(rows) : new DataSplit(rows, heldOut.ToDataset(name, card, names));
    }

    private static IReadOnlyList<string>? Names(string folder, IReadOnlyList<string>? given, Part train, Part? heldOut)
    {
        string file = Path.Combine(folder, NamesFile), source = given is null ? file : "the class names";
        if (train.Labels is null)
            return given is null ? null : throw new ArgumentException($"{folder} holds no labels, and {given.Count} class names are given. Leave them out.");
        given ??= File.Exists(file) ? [.. File.ReadLines(file).Select(line => line.Trim()).Where(line => line.Length > 0).Take(MostClasses + 1)] : null;
        if (given?.Count > MostClasses)
            throw new InvalidDataException($"{source} name more than {MostClasses} classes, which is all that labels of a byte can tell. Name as many as there are.");
        if (given is null)
            return [.. Enumerable.Range(0, Math.Max(train.Labels.Max(), heldOut?.Labels!.Max() ?? 0) + 1).Select(label => $"{label}")];
        foreach (Part part in heldOut is null ? [train] : new[] { train, heldOut })
        {
            int wrong = Array.FindIndex(part.Labels!, label => label >= given.Count);
            if (wrong >= 0)
                throw new InvalidDataException($"{part.LabelPath}: item {wrong} (from 0) has the label {part.Labels![wrong]}, and {source} name {given.Count} classes. Name as many as there are.");
        }
        return given;
    }

    /// <summary>One file of images with its labels.</summary>
    private sealed record Part(IdxFile Images, string? LabelPath, int[]? Labels)
    {
        public int[] Shape { get; } = [1, Images.Sizes[1], Images.Sizes[2]];

        public ByteRows Rows { get; } = new(Images.Bytes, Images.Sizes[1] * Images.Sizes[2]);

        /// <summary>Reads a part; null where its file of images is missing.</summary>
        public static Part? Read(string folder, string name, long mostInMemory)
        {
            string? imagePath = Find(folder, $"{name}-images-idx3-ubyte"), labelPath = Find(folder, $"{name}-labels-idx1-ubyte");
            if (imagePath is null)
                return labelPath is null ? null : throw new FileNotFoundException($"{folder} holds {Path.GetFileName(labelPath)} but no {name}-images-idx3-ubyte. Put both there, or neither.");
            IdxFile images = IdxFile.Read(imagePath, 3, mostInMemory);
            if (labelPath is null)
                return new Part(images, null, null);
            IdxFile labels = IdxFile.Read(labelPath, 1, long.MaxValue);
            if (labels.Count != images.Count)
                throw new InvalidDataException($"{labelPath} holds {labels.Count} labels, and {imagePath} {images.Count} images. Put the files of one data set there.");
            return new Part(images, labelPath, [.. labels.Bytes.Read(0, labels.Count, []).ToArray().Select(label => (int)label)]);
        }

        public Dataset ToDataset(string name, DataCard card, IReadOnlyList<string>? classNames) =>
            new(name, Shape, Rows, card, Labels, classNames);

        private static string? Find(string folder, string name) =>
            new[] { name, $"{name}.gz" }.Select(file => Path.Combine(folder, file)).FirstOrDefault(File.Exists);
    }
}
