using System.Globalization;
using FlowRuntime.Cards;

namespace FlowRuntime.Onnx;

/// <summary>Files that a model's file leaves the values of its tensors to: they lie in its folder, and hold what it says they do.</summary>
/// <param name="modelPath">The ONNX file.</param>
internal sealed class ExternalData(string modelPath)
{
    private const int Key = 1, Value = 2;

    private readonly Dictionary<string, long> _lengths = [];

    /// <summary>Checks where a tensor's values are.</summary>
    /// <param name="file">The file's walk.</param>
    /// <param name="tensor">What it is, for messages.</param>
    /// <param name="entries">Its entries: location, offset, length, checksum.</param>
    /// <param name="bytes">Bytes that its values take.</param>
    /// <exception cref="InvalidDataException">They are not in the model's folder, or not as many.</exception>
    public void Check(GraphCheck file, string tensor, IReadOnlyList<ProtobufField> entries, Int128 bytes)
    {
        (string? location, long offset, long? length) = (null, 0, null);
        foreach (ProtobufField entry in entries)
        {
            (string key, string value) = ("", "");
            foreach (ProtobufField field in file.Fields(entry))
            {
                if (field.Number == Key)
                    key = file.Name(field);
                else if (field.Number == Value)
                    value = file.Name(field);
            }
            switch (key)
            {
                case "location":
                    location = value;
                    break;
                case "offset":
                    offset = Number(tensor, key, value);
                    break;
                case "length":
                    length = Number(tensor, key, value);
                    break;
                case "checksum":
                    break;
                default:
                    throw new InvalidDataException($"{tensor} has values outside the file and says '{key}' of them, which is not known");
            }
        }
        if (string.IsNullOrEmpty(location))
            throw new InvalidDataException($"{tensor} has values in a file that it does not name");
        long held = LengthOf(tensor, location);
        if (offset > held || (length ?? held - offset) > held - offset)
            throw new InvalidDataException($"{tensor} has values in {location} that end behind its end, {held} bytes. Fetch both files again");
        if (length is { } told ? told != bytes : bytes > held - offset)
            throw new InvalidDataException($"{tensor} takes {bytes} bytes, and {length ?? held - offset} are named in {location}. Fetch both files again");
    }

    /// <summary>Length of a file of the model's folder.</summary>
    private long LengthOf(string tensor, string location)
    {
        if (_lengths.TryGetValue(location, out long known))
            return known;
        string folder = Path.GetDirectoryName(Path.GetFullPath(modelPath))!, path = folder;
        // Split at both signs on every system: what is a name on one is a way out on another.
        string[] parts = location.Split('/', '\\');
        if (Path.IsPathRooted(location) || location.Contains(':') || location.Contains('\0') || parts.Any(part => part is "" or "." or ".." or "*"))
            throw new InvalidDataException($"{tensor} has its values in '{location}', which is not the plain name of a file in the model's folder. Do not open models that reach for other files");
        foreach (string part in parts)
        {
            path = Path.Combine(path, part);
            FileSystemInfo here = new DirectoryInfo(path) is { Exists: true } directory ? directory : new FileInfo(path);
            if (here.LinkTarget is not null)
                throw new InvalidDataException($"{tensor} has its values in '{location}', which is a link. Put the file itself into the model's folder");
        }
        if (!File.Exists(path))
            throw new InvalidDataException($"{tensor} has its values in {path}, and there is no such file. Put it beside the model");
        return _lengths[location] = new FileInfo(path).Length;
    }

    private static long Number(string tensor, string key, string value) =>
        long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number
            : throw new InvalidDataException($"{tensor} has values outside the file, and '{value}' for their {key}");
}
