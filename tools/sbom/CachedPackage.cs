using System.Text.Json;
using System.Xml.Linq;

namespace FlowRuntime.Materials;

/// <summary>A package in NuGet's cache on this machine: what it tells of itself, and which of its files a program carries.</summary>
internal sealed class CachedPackage
{
    private readonly XElement _metadata;

    private CachedPackage(string name, string version, string folder)
    {
        Name = name;
        Version = version;
        Folder = folder;
        _metadata = XDocument.Load(Path.Combine(folder, $"{name.ToLowerInvariant()}.nuspec")).Root!.Elements().Single(element => element.Name.LocalName == "metadata");
    }

    /// <summary>Where NuGet keeps packages: NUGET_PACKAGES, or .nuget/packages in the user's folder.</summary>
    public static string Root { get; } = Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } given
        ? given
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    public string Name { get; }

    public string Version { get; }

    public string Folder { get; }

    /// <summary>Who the package says it is by.</summary>
    public string Authors => Text("authors") ?? "";

    /// <summary>The line of copyright, or null.</summary>
    public string? Copyright => Text("copyright");

    /// <summary>The sum of its content, without the signatures, as NuGet wrote it down when it unpacked the package.</summary>
    public byte[] Sha512
    {
        get
        {
            using JsonDocument file = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, ".nupkg.metadata")));
            return file.RootElement.GetProperty("contentHash").GetBytesFromBase64();
        }
    }

    /// <summary>The licence as an SPDX expression, or null where the package does not tell and nobody has looked.</summary>
    public string? Licence => Element("license") switch
    {
        { } licence when licence.Attribute("type")?.Value == "expression" => licence.Value,
        { } licence when IsMit(Path.Combine(Folder, licence.Value.Replace('\\', '/'))) => "MIT",
        _ => Licences.Untold(Name, Version),
    };

    /// <summary>Whether the package is there to build with alone: nothing of it gets into a program.</summary>
    public bool IsBuildTool => Text("developmentDependency") == "true" || (!Directory.Exists(Path.Combine(Folder, "lib")) && !Directory.Exists(Path.Combine(Folder, "runtimes")));

    /// <summary>The package, or null where the cache lacks it.</summary>
    public static CachedPackage? Find(string name, string version)
    {
        string folder = Path.Combine(Root, name.ToLowerInvariant(), version.ToLowerInvariant());
        return File.Exists(Path.Combine(folder, $"{name.ToLowerInvariant()}.nuspec")) ? new CachedPackage(name, version, folder) : null;
    }

    /// <summary>The native libraries of the package for a platform, by path.</summary>
    public IEnumerable<string> NativeLibraries(string platform) =>
        Platforms(platform).Select(name => Path.Combine(Folder, "runtimes", name, "native")).Where(Directory.Exists).Take(1)
            .SelectMany(folder => Directory.EnumerateFiles(folder))
            .Where(file => Path.GetExtension(file) is not (".lib" or ".pdb" or ".a" or ".o" or ".dbg"))
            .Order(StringComparer.Ordinal);

    /// <summary>Whether a program of a platform carries something of the package.</summary>
    public bool IsCarriedOn(string platform) => !IsBuildTool && (HasAssembly || NativeLibraries(platform).Any());

    private bool HasAssembly => Directory.Exists(Path.Combine(Folder, "lib")) && Directory.EnumerateFiles(Path.Combine(Folder, "lib"), "*.dll", SearchOption.AllDirectories).Any();

    /// <summary>A platform and those it takes libraries of, the nearest first.</summary>
    private static string[] Platforms(string platform) => platform.Split('-') switch
    {
        ["win", _] => [platform, "win", "any"],
        [var system, var processor] => [platform, system, $"unix-{processor}", "unix", "any"],
        _ => [platform, "any"],
    };

    private static bool IsMit(string file) => File.Exists(file)
        && string.Join(' ', File.ReadAllText(file).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)) is var text
        && text.Contains("Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files", StringComparison.Ordinal)
        && text.Contains("THE SOFTWARE IS PROVIDED \"AS IS\"", StringComparison.OrdinalIgnoreCase)
        && !text.Contains("GNU", StringComparison.Ordinal);

    private XElement? Element(string name) => _metadata.Elements().SingleOrDefault(element => element.Name.LocalName == name);

    private string? Text(string name) => Element(name)?.Value.Trim() is { Length: > 0 } text ? text : null;
}
