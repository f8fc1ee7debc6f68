using System.Text.Json;

namespace FlowRuntime.Materials;

/// <summary>A package as a lock file holds it.</summary>
/// <param name="Name">Its name, in the spelling of the lock file.</param>
/// <param name="Version">The version it was resolved to.</param>
/// <param name="Sha512">The sum of its content, without the signatures.</param>
/// <param name="IsDirect">Whether the project, or one of the repository that it is made with, asks for it itself.</param>
/// <param name="Dependencies">The packages that this one asks for, by name.</param>
internal sealed record LockedPackage(string Name, string Version, byte[] Sha512, bool IsDirect, IReadOnlyList<string> Dependencies)
{
    /// <summary>Reads the packages of a lock file, those of its platforms with them, by name.</summary>
    /// <exception cref="InvalidDataException">The file is no lock file of NuGet's.</exception>
    public static IReadOnlyList<LockedPackage> Read(string path)
    {
        try
        {
            using JsonDocument file = JsonDocument.Parse(File.ReadAllText(path));
            ILookup<bool, JsonProperty> entries = file.RootElement.GetProperty("dependencies").EnumerateObject().SelectMany(graph => graph.Value.EnumerateObject())
                .ToLookup(entry => Type(entry) == "Project");
            HashSet<string> ofProjects = entries[true].SelectMany(NamesOfDependencies).ToHashSet(StringComparer.OrdinalIgnoreCase);
            return
            [
                .. entries[false]
                    // A platform repeats what it depends on besides.
                    .GroupBy(package => package.Name, StringComparer.OrdinalIgnoreCase)
                    .Select(same => new LockedPackage(
                        same.Key,
                        same.First().Value.GetProperty("resolved").GetString()!,
                        same.First().Value.GetProperty("contentHash").GetBytesFromBase64(),
                        ofProjects.Contains(same.Key) || same.Any(package => Type(package) == "Direct"),
                        [.. same.SelectMany(NamesOfDependencies).Distinct(StringComparer.OrdinalIgnoreCase)]))
                    .OrderBy(package => package.Name, StringComparer.OrdinalIgnoreCase),
            ];
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or FormatException or InvalidOperationException)
        {
            throw new InvalidDataException($"{path} is no lock file of NuGet's ({e.Message}). Run build/lock.sh.", e);
        }
    }

    private static string Type(JsonProperty entry) => entry.Value.GetProperty("type").GetString()!;

    private static string[] NamesOfDependencies(JsonProperty entry) =>
        entry.Value.TryGetProperty("dependencies", out JsonElement dependencies) ? [.. dependencies.EnumerateObject().Select(dependency => dependency.Name)] : [];
}
