using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;
using FlowRuntime.Materials;

namespace FlowRuntime.Tests;

/// <summary>Bills of materials, beside the lock files they are of and the files that are in the test's own folder.</summary>
public partial class BillOfMaterialsTests
{
    private static readonly DateTimeOffset Time = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    /// <summary>Things whose packages are in the cache wherever the solution was restored.</summary>
    public static TheoryData<string> Things => ["FlowRuntime", "FlowRuntime.Extensions", "FlowRuntime.Tool"];

    [Theory, MemberData(nameof(Things))]
    public void A_bill_lists_each_locked_package_with_version_sum_licence_and_purl(string name)
    {
        using JsonDocument bill = Bill(Thing(name));
        LockedPackage[] locked = [.. LockedPackage.Read(Thing(name).LockFile)];
        Assert.NotEmpty(locked);
        Assert.Equal(
            locked.Select(package => (package.Name, package.Version, $"SHA-512 {Convert.ToHexStringLower(package.Sha512)}", $"pkg:nuget/{package.Name}@{package.Version}")),
            Components(bill).Select(component => (Text(component, "name"), Text(component, "version"), Hash(component), Text(component, "purl"))));
        Assert.All(Components(bill), component => Assert.Equal(1, component.GetProperty("licenses").GetArrayLength()));
    }

    [Theory, MemberData(nameof(Things))]
    public void References_are_unique_and_lead_to_components(string name)
    {
        using JsonDocument bill = Bill(Thing(name));
        string root = Text(bill.RootElement.GetProperty("metadata").GetProperty("component"), "bom-ref");
        string[] references = [root, .. Components(bill).Select(component => Text(component, "bom-ref"))];
        Assert.Equal(references.Length, references.Distinct().Count());
        JsonElement[] dependencies = [.. bill.RootElement.GetProperty("dependencies").EnumerateArray()];
        Assert.Equal(root, Text(dependencies[0], "ref"));
        Assert.Empty(dependencies.Select(dependency => Text(dependency, "ref")).Concat(dependencies.SelectMany(Targets)).Except(references));

        // From the thing itself, all can be reached.
        HashSet<string> reached = [root];
        while (dependencies.Where(dependency => reached.Contains(Text(dependency, "ref"))).SelectMany(Targets).Any(reached.Add))
        {
        }
        Assert.Equal(references.Order(), reached.Order());

        static IEnumerable<string> Targets(JsonElement dependency) => dependency.GetProperty("dependsOn").EnumerateArray().Select(target => target.GetString()!);
    }

    /// <summary>Against the words of the specification; the whole schema was checked by a validator (docs/supply-chain.md).</summary>
    [Theory, MemberData(nameof(Things))]
    public void A_bill_says_what_it_is(string name)
    {
        using JsonDocument bill = Bill(Thing(name));
        Assert.Equal("CycloneDX", Text(bill.RootElement, "bomFormat"));
        Assert.Equal("1.6", Text(bill.RootElement, "specVersion"));
        Assert.Matches(SerialNumber(), Text(bill.RootElement, "serialNumber"));
        Assert.Equal(1, bill.RootElement.GetProperty("version").GetInt32());
        Assert.Equal("2026-01-02T03:04:05Z", Text(bill.RootElement.GetProperty("metadata"), "timestamp"));
        Assert.Equal((name, "1.2.3"), (Text(bill.RootElement.GetProperty("metadata").GetProperty("component"), "name"), Text(bill.RootElement.GetProperty("metadata").GetProperty("component"), "version")));
    }

    [Fact]
    public void A_program_carries_the_native_library_and_the_model_by_their_sums()
    {
        Assert.SkipUnless(RuntimeInformation.RuntimeIdentifier is "linux-x64" or "win-x64" or "osx-arm64", "no lock file of this platform is in the repository");
        using JsonDocument bill = Bill(Program());
        JsonElement package = Components(bill).Single(component => Text(component, "name") == "Microsoft.ML.OnnxRuntime");
        JsonElement library = package.GetProperty("components").EnumerateArray().Single(file => Path.GetFileNameWithoutExtension(Text(file, "name")) is "onnxruntime" or "libonnxruntime");
        Assert.Equal($"SHA-256 {Sum(Directory.GetFiles(AppContext.BaseDirectory, Text(library, "name"), SearchOption.AllDirectories).Single())}", Hash(library));
        JsonElement model = Components(bill).Single(component => Text(component, "name") == "digits.onnx");
        Assert.Equal($"SHA-256 {Sum(Repository.Model("digits.onnx"))}", Hash(model));
    }

    [Fact]
    public void What_is_used_to_build_alone_is_excluded()
    {
        Assert.SkipUnless(RuntimeInformation.RuntimeIdentifier is "linux-x64" or "win-x64" or "osx-arm64", "no lock file of this platform is in the repository");
        using JsonDocument bill = Bill(Program());
        Assert.Equal(["Microsoft.NET.ILLink.Tasks"], Components(bill).Where(component => Text(component, "scope") == "excluded").Select(component => Text(component, "name")));
    }

    [Fact]
    public void The_same_inputs_make_the_same_bytes_and_others_another_serial_number()
    {
        ShippedThing thing = Thing("FlowRuntime");
        Assert.Equal(BillOfMaterials.Make(thing, "1.2.3", Repository.Root, Time), BillOfMaterials.Make(thing, "1.2.3", Repository.Root, Time));
        using JsonDocument first = Bill(thing);
        using JsonDocument second = JsonDocument.Parse(BillOfMaterials.Make(thing, "1.2.4", Repository.Root, Time));
        Assert.NotEqual(Text(first.RootElement, "serialNumber"), Text(second.RootElement, "serialNumber"));
    }

    [Fact]
    public void A_package_of_other_content_than_was_locked_is_refused()
    {
        using var folder = new TemporaryFolder();
        ShippedThing thing = Thing("FlowRuntime");
        LockedPackage package = LockedPackage.Read(thing.LockFile)[0];
        string sum = Convert.ToBase64String(package.Sha512);
        File.WriteAllText(folder.File("packages.lock.json"), File.ReadAllText(thing.LockFile).Replace(sum, (sum[0] == 'A' ? 'B' : 'A') + sum[1..], StringComparison.Ordinal));
        string message = Assert.Throws<InvalidDataException>(() => BillOfMaterials.Make(thing with { LockFile = folder.File("packages.lock.json") }, "1", Repository.Root, Time)).Message;
        Assert.Contains($"{package.Name} {package.Version}", message);
    }

    private static ShippedThing Thing(string name) => ShippedThing.In(Repository.Root).Single(thing => thing.Name == name);

    /// <summary>The tool as it is built here, without the .NET runtime that a published one holds.</summary>
    private static ShippedThing Program()
    {
        string platform = RuntimeInformation.RuntimeIdentifier;
        return new ShippedThing($"flow-{platform}", "flow", Path.Combine(Repository.Root, "build", "locks", platform, "flow", "packages.lock.json"), platform, null, Thing("flow-linux-x64").Files);
    }

    private static JsonDocument Bill(ShippedThing thing) => JsonDocument.Parse(BillOfMaterials.Make(thing, "1.2.3", Repository.Root, Time));

    private static JsonElement[] Components(JsonDocument bill) => [.. bill.RootElement.GetProperty("components").EnumerateArray()];

    private static string Text(JsonElement element, string property) => element.GetProperty(property).GetString()!;

    private static string Hash(JsonElement component)
    {
        JsonElement hash = Assert.Single(component.GetProperty("hashes").EnumerateArray());
        return $"{Text(hash, "alg")} {Text(hash, "content")}";
    }

    private static string Sum(string file) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)));

    [GeneratedRegex("^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")]
    private static partial Regex SerialNumber();
}
