using FlowRuntime.CommandLine;
using FlowRuntime.Tool.Jobs;

namespace FlowRuntime.Tool.Output;

/// <summary>The forms an output may have, told by its path.</summary>
internal enum OutputFormat
{
    /// <summary>A NumPy array, .npy.</summary>
    Npy,

    /// <summary>Comma-separated values, .csv.</summary>
    Csv,

    /// <summary>One picture, .png: a grid of images, film strips, or scatter plots of points.</summary>
    Png,

    /// <summary>A folder with a picture for each row.</summary>
    Folder,
}

/// <summary>Where an output goes, in which form, and the files that come with it.</summary>
/// <param name="Path">The file or folder as the user names it; - is stdout.</param>
/// <param name="Format">Its form.</param>
internal sealed record OutputTarget(string Path, OutputFormat Format)
{
    private const string StandardOutput = "-";

    /// <summary>Whether rows go to stdout, one after another.</summary>
    public bool IsStandardOutput => Path == StandardOutput;

    /// <summary>Stem of the files beside the output: those of a folder lie in it, one set for each shard.</summary>
    public string Stem { get; private init; } = System.IO.Path.ChangeExtension(Path, null);

    /// <summary>The file beside an output that says how it was made.</summary>
    public string Provenance => Stem + ".json";

    /// <summary>Where the rows are kept until the output is complete.</summary>
    public string Partial => Format == OutputFormat.Folder ? Stem + ".partial" : Path + ".partial";

    /// <summary>What is known of the rows in <see cref="Partial"/>.</summary>
    public string PartialState => Partial + ".json";

    /// <summary>Reads where an output goes.</summary>
    /// <param name="path">What <c>--out</c> says.</param>
    /// <param name="format">What <c>--format</c> says, for stdout alone; null where it is not given.</param>
    /// <param name="shard">The part of a job, whose files in a folder are told apart by it; null for the whole.</param>
    /// <exception cref="ArgumentException">The path tells no form that can be written, or the format is none.</exception>
    public static OutputTarget Of(string path, string? format, Shard? shard)
    {
        if (path == StandardOutput)
        {
            return new OutputTarget(path, format?.ToLowerInvariant() switch
            {
                null or "csv" => OutputFormat.Csv,
                "npy" => OutputFormat.Npy,
                _ => throw new ArgumentException($"--format: there is no '{format}'. Choose npy or csv."),
            });
        }
        if (format is not null)
            throw new ArgumentException("--format: it is for --out - alone; a file's ending says what it is.");
        if (path.EndsWith('/') || path.EndsWith(System.IO.Path.DirectorySeparatorChar))
        {
            return new OutputTarget(path, OutputFormat.Folder)
            {
                Stem = System.IO.Path.Combine(path, shard is { } part ? $"samples-{part.Index}-of-{part.Count}" : "samples"),
            };
        }
        return new OutputTarget(path, System.IO.Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".npy" => OutputFormat.Npy,
            ".csv" => OutputFormat.Csv,
            ".png" => OutputFormat.Png,
            _ => throw new ArgumentException($"--out: {path} ends in neither .npy, .csv nor .png, nor in / for a folder of pictures, and is not - for stdout."),
        });
    }

    /// <summary>Fails early where the output could not be written, before any work is done for it.</summary>
    public void RequireWritable()
    {
        if (IsStandardOutput)
            return;
        if (Format == OutputFormat.Folder)
        {
            string parent = System.IO.Path.GetDirectoryName(System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(Path)))!;
            if (File.Exists(System.IO.Path.TrimEndingDirectorySeparator(Path)))
                throw new ArgumentException($"--out: {Path} is a file. Name a folder.");
            if (!Directory.Exists(parent))
                throw new ArgumentException($"--out: there is no folder {parent}. Make it first.");
            try
            {
                Directory.CreateDirectory(Path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new ArgumentException($"--out: {Path} cannot be made: {e.Message}", e);
            }
        }
        else
        {
            CommandHost.RequireWritable("--out", Path);
        }
        CommandHost.RequireWritable("--out", Provenance);
    }
}
