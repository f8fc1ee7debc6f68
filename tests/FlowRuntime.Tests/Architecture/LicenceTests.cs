using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using FlowRuntime.Materials;

namespace FlowRuntime.Tests;

/// <summary>What packages are licensed under, as they tell themselves, and that the notices name all that is shipped.</summary>
public class LicenceTests
{
    private static readonly string Locks = Path.Combine(Repository.Root, "build", "locks");

    /// <summary>The lock files that restoring the solution on this machine goes by, so that their packages are in its cache.</summary>
    private static readonly string[] Restored = [.. new[] { "any", RuntimeInformation.RuntimeIdentifier }.Select(lockCase => Path.Combine(Locks, lockCase)).Where(Directory.Exists)];

    public static TheoryData<string> Shipped => [.. ShippedThing.In(Repository.Root).Select(thing => thing.Name)];

    [Fact]
    public void Every_locked_package_is_under_a_licence_that_asks_for_no_more_than_a_notice()
    {
        foreach (LockedPackage package in PackagesOf([Locks]))
        {
            if (CachedPackage.Find(package.Name, package.Version) is { } cached)
                Assert.True(Licences.IsAllowed(cached.Licence), $"{package.Name} {package.Version} is under '{cached.Licence ?? "no licence that it tells"}'.");
        }
    }

    [Fact]
    public void What_this_machine_builds_with_is_in_its_package_cache_to_be_looked_at() =>
        Assert.All(PackagesOf(Restored), package => Assert.True(CachedPackage.Find(package.Name, package.Version) is not null, $"{package.Name} {package.Version} is not in {CachedPackage.Root}: restore the solution first."));

    [Theory, MemberData(nameof(Shipped))]
    public void The_notices_name_every_package_of_what_is_shipped(string name)
    {
        ShippedThing thing = ShippedThing.In(Repository.Root).Single(thing => thing.Name == name);
        string notices = File.ReadAllText(Path.Combine(Repository.Root, thing.Project == "flow-train" ? "training/flow-train/THIRD-PARTY-NOTICES.txt" : "THIRD-PARTY-NOTICES.txt")).ReplaceLineEndings("\n");
        string list = notices[..notices.IndexOf("\nCopyright\n---", StringComparison.Ordinal)];
        string[] packages = [.. LockedPackage.Read(thing.LockFile).Select(package => package.Name), .. thing.RuntimePack is null ? Array.Empty<string>() : ["Microsoft.NETCore.App.Runtime"]];
        Assert.NotEmpty(packages);
        Assert.All(packages, package => Assert.Matches($@"(?<![\w.]){Regex.Escape(package)}(?!\w|\.\w|-\w)", list));
    }

    [Fact]
    public void What_is_shipped_is_known_by_its_lock_files() =>
        Assert.Superset(
            new HashSet<string>(["flow-linux-x64", "flow-linux-arm64", "flow-win-x64", "flow-osx-arm64", "flow-train-linux-x64", "FlowRuntime", "FlowRuntime.Extensions", "FlowRuntime.Tool"]),
            ShippedThing.In(Repository.Root).Select(thing => thing.Name).ToHashSet());

    [Theory]
    [InlineData("MIT", true)]
    [InlineData("MS-PL OR Apache-2.0", true)]
    [InlineData("MIT OR GPL-3.0-only", true)]
    [InlineData("BSD-3-Clause AND MIT", true)]
    [InlineData("MIT AND GPL-3.0-only", false)]
    [InlineData("GPL-3.0-only", false)]
    [InlineData("(GPL-3.0-only OR MIT) AND GPL-2.0-only", false)]
    [InlineData("Apache-2.0 WITH LLVM-exception", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void A_licence_is_allowed_where_it_leaves_a_choice_of_allowed_ones(string? expression, bool allowed) => Assert.Equal(allowed, Licences.IsAllowed(expression));

    private static IEnumerable<LockedPackage> PackagesOf(IEnumerable<string> folders) =>
        folders.SelectMany(folder => Directory.GetFiles(folder, "packages.lock.json", SearchOption.AllDirectories)).SelectMany(LockedPackage.Read)
            .DistinctBy(package => (package.Name.ToLowerInvariant(), package.Version));
}
