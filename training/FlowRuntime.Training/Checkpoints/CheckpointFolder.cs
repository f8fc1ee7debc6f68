using System.Globalization;
using static TorchSharp.torch;

namespace FlowRuntime.Training.Checkpoints;

/// <summary>
/// The checkpoints of a training: <c>step-00001000.safetensors</c> and so on, the last three kept. Each is there whole or not at all, and a
/// damaged one is passed over for the one before.
/// </summary>
public sealed class CheckpointFolder
{
    private const int Kept = 3;
    private const string Prefix = "step-", Suffix = ".safetensors";

    private readonly string _path;

    /// <summary>Opens a folder, or makes it, and looks for the newest checkpoint that is whole.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="warn">Told of each damaged checkpoint that was passed over.</param>
    public CheckpointFolder(string path, Action<string>? warn = null)
    {
        _path = path;
        Directory.CreateDirectory(path);
        foreach (string partial in Directory.GetFiles(path, $"{Prefix}*.partial")) // of a process that was ended while it wrote
            File.Delete(partial);
        foreach ((int step, string file) in Files(path))
        {
            try
            {
                if (!Safetensors.ReadOwnMetadata(file).TryGetValue("step", out string? told) || told != step.ToString(CultureInfo.InvariantCulture))
                    throw new InvalidDataException($"it is not of step {step}.");
                Newest = (file, step);
                return;
            }
            catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
            {
                warn?.Invoke($"{file} is passed over for the one before: {e.Message}");
            }
        }
    }

    /// <summary>The newest checkpoint that is whole, and its step; null where there is none.</summary>
    public (string File, int Step)? Newest { get; private set; }

    /// <summary>Whether a folder holds checkpoints, whole or damaged.</summary>
    /// <param name="path">The folder, which need not exist.</param>
    public static bool HoldsAny(string path) => Directory.Exists(path) && Files(path).Count > 0;

    /// <summary>Removes the checkpoints of a folder, and the folder where nothing else is in it.</summary>
    /// <param name="path">The folder, which need not exist.</param>
    public static void Remove(string path)
    {
        if (!Directory.Exists(path))
            return;
        foreach (string file in Directory.GetFiles(path, $"{Prefix}*"))
            File.Delete(file);
        if (!Directory.EnumerateFileSystemEntries(path).Any())
            Directory.Delete(path);
    }

    /// <summary>Writes a checkpoint, and then removes all but the last three.</summary>
    internal void Save(int step, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        string file = Path.Combine(_path, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{step:D8}{Suffix}"));
        Safetensors.Write(file, tensors, metadata);
        Newest = (file, step);
        foreach ((_, string old) in Files(_path).Where(entry => entry.Step <= step).Skip(Kept)) // a later one is damaged, and will be written again
            File.Delete(old);
    }

    /// <summary>The checkpoints, the newest first.</summary>
    private static List<(int Step, string File)> Files(string path)
    {
        var files = new List<(int Step, string File)>();
        foreach (string file in Directory.GetFiles(path, $"{Prefix}*{Suffix}"))
        {
            if (int.TryParse(Path.GetFileName(file)[Prefix.Length..^Suffix.Length], NumberStyles.None, CultureInfo.InvariantCulture, out int step))
                files.Add((step, file));
        }
        return [.. files.OrderByDescending(entry => entry.Step)];
    }
}
