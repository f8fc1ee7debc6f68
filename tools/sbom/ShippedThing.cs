using System.Text.RegularExpressions;

namespace FlowRuntime.Materials;

/// <summary>Something that is handed out, or built to be used: which lock file it is made from, and what it carries besides packages.</summary>
/// <param name="Name">The name of its bill of materials: flow-linux-x64, FlowRuntime.</param>
/// <param name="Project">The project it is made of.</param>
/// <param name="LockFile">The path of its lock file.</param>
/// <param name="Platform">The platform it is for, or null.</param>
/// <param name="RuntimePack">The package with the .NET runtime that is in it, or null.</param>
/// <param name="Files">What it carries from the repository itself, seen from its root.</param>
internal sealed partial record ShippedThing(string Name, string Project, string LockFile, string? Platform, (string Name, string Version)? RuntimePack, IReadOnlyList<CarriedFile> Files)
{
    private static readonly CarriedFile Digits = new("exported-models/digits.onnx", "machine-learning-model", "MIT", "A velocity network that draws handwritten digits");

    private static readonly CarriedFile[] TrainersFiles =
    [
        new("training/flow-train/Fonts/DejaVuSans.ttf", "file", "Bitstream-Vera", "DejaVu Sans, the font of the diagrams"),
        new("training/FlowRuntime.Training/Data/optdigits.csv.gz", "data", "CC-BY-4.0", "Optical recognition of handwritten digits, E. Alpaydin, C. Kaynak 1998, UCI Machine Learning Repository"),
    ];

    /// <summary>Whether the thing is a program with what it needs, rather than a package whose dependencies NuGet brings.</summary>
    public bool CarriesPackages => Project is "flow" or "flow-train";

    /// <summary>All things that a repository has lock files of, by name.</summary>
    public static IEnumerable<ShippedThing> In(string repository) =>
        Directory.EnumerateFiles(Path.Combine(repository, "build", "locks"), "packages.lock.json", SearchOption.AllDirectories)
            .Select(file => Of(file)).OfType<ShippedThing>().OrderBy(thing => thing.Name, StringComparer.Ordinal);

    private static ShippedThing? Of(string lockFile)
    {
        string project = Path.GetFileName(Path.GetDirectoryName(lockFile))!;
        string lockCase = Path.GetFileName(Path.GetDirectoryName(Path.GetDirectoryName(lockFile)))!;
        return (project, lockCase) switch
        {
            ("FlowRuntime" or "FlowRuntime.Extensions", "any") => new(project, project, lockFile, null, null, []),
            ("flow", "pack") => new("FlowRuntime.Tool", project, lockFile, null, null, []),
            ("flow", _) when Published().Match(lockCase) is { Success: true } published =>
                Flow(lockFile, published.Groups["way"].Value == "native", published.Groups["platform"].Value, published.Groups["version"].Value),
            ("flow-train", _) => new($"flow-train-{lockCase}", project, lockFile, lockCase, null, TrainersFiles),
            _ => null,
        };
    }

    private static ShippedThing Flow(string lockFile, bool native, string platform, string version) =>
        new($"flow-{platform}", "flow", lockFile, platform, ($"Microsoft.NETCore.App.Runtime.{(native ? "NativeAOT." : "")}{platform}", version), [Digits]);

    [GeneratedRegex(@"^(?<way>native|trimmed)-(?<platform>[a-z]+-[a-z0-9]+)-(?<version>\d[^-]*)$", RegexOptions.ExplicitCapture)]
    private static partial Regex Published();
}

/// <summary>A file of the repository that goes along.</summary>
/// <param name="Path">Where it lies, seen from the root.</param>
/// <param name="Type">What it is, in CycloneDX's words.</param>
/// <param name="Licence">Its licence as an SPDX identifier.</param>
/// <param name="Description">What it is, in ours.</param>
internal sealed record CarriedFile(string Path, string Type, string Licence, string Description);
