using System.Text.Json;
using FlowRuntime.Materials;

namespace FlowRuntime.Tests;

/// <summary>The lock files in build/locks: whom there are any of, and what they keep to themselves.</summary>
public class LockFileTests
{
    private static readonly string Locks = Path.Combine(Repository.Root, "build", "locks");

    private static readonly string[] Files = Directory.GetFiles(Locks, "packages.lock.json", SearchOption.AllDirectories);

    public static TheoryData<string> Projects =>
    [
        .. Directory.GetFiles(Repository.Root, "*.csproj", SearchOption.AllDirectories)
            .Where(file => !Path.GetRelativePath(Repository.Root, file).Split(Path.DirectorySeparatorChar).Any(folder => folder is "bin" or "obj" or "SampleHost"))
            .Select(file => Path.GetFileNameWithoutExtension(file)),
    ];

    [Theory, MemberData(nameof(Projects))]
    public void A_project_is_locked_once_for_all_platforms_or_for_each(string project)
    {
        bool Has(string lockCase) => File.Exists(Path.Combine(Locks, lockCase, project, "packages.lock.json"));
        Assert.True(Has("any") || (Has("linux-x64") && Has("win-x64") && Has("osx-arm64")), $"{project} lacks a lock file: run build/lock.sh.");
    }

    /// <summary>A sum may hold a slash; names, versions and ranges hold nothing that an address or a path could be written with.</summary>
    [Fact]
    public void A_lock_file_holds_no_address_and_no_path()
    {
        foreach (string file in Files)
        {
            using JsonDocument json = JsonDocument.Parse(File.ReadAllText(file));
            Assert.All(Texts(json.RootElement), text => Assert.Matches(@"^[\w.,\-+()\[\] ]+$", text));
        }

        static IEnumerable<string> Texts(JsonElement element) => element.ValueKind switch
        {
            JsonValueKind.Object => element.EnumerateObject().Where(property => property.Name != "contentHash").SelectMany(property => Texts(property.Value)),
            JsonValueKind.String => [element.GetString()!],
            JsonValueKind.Number => [],
            _ => throw new InvalidDataException($"A lock file holds {element.ValueKind}."),
        };
    }

    [Fact]
    public void A_lock_file_belongs_to_a_project_that_there_is() =>
        Assert.Empty(Files.Select(file => Path.GetFileName(Path.GetDirectoryName(file))!).Distinct().Except(Projects.Select(project => project.Data)));

    /// <summary>One sum a package and version, whichever graph it is in: a package that was changed in between would show.</summary>
    [Fact]
    public void A_package_of_a_version_has_the_same_content_in_all_lock_files() =>
        Assert.All(
            Files.SelectMany(LockedPackage.Read).GroupBy(package => (package.Name.ToLowerInvariant(), package.Version)),
            same => Assert.Single(same.Select(package => Convert.ToHexString(package.Sha512)).Distinct()));

    [Fact]
    public void What_is_no_lock_file_is_refused_with_its_name()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("packages.lock.json");
        foreach (string text in new[] { "", "{}", "[]", """{"dependencies":{"net10.0":{"A":{"type":"Direct"}}}}""", """{"dependencies":{"net10.0":{"A":{"type":"Direct","resolved":"1","contentHash":"!"}}}}""" })
        {
            File.WriteAllText(path, text);
            Assert.Contains(path, Assert.Throws<InvalidDataException>(() => LockedPackage.Read(path)).Message);
        }
    }
}
