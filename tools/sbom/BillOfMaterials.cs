using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace FlowRuntime.Materials;

/// <summary>Writes what a thing is made of as CycloneDX 1.6 in JSON: the same inputs make the same bytes.</summary>
/// <remarks>Source: CycloneDX Bill of Materials Specification 1.6 (ECMA-424), JSON schema bom-1.6.</remarks>
internal static class BillOfMaterials
{
    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Makes the document.</summary>
    /// <param name="thing">What it is of.</param>
    /// <param name="version">The version of the repository.</param>
    /// <param name="repository">The root of the repository.</param>
    /// <param name="time">The time it is dated with, or null for none.</param>
    /// <exception cref="InvalidDataException">A package is not in the cache, has no licence or other content than was locked.</exception>
    public static string Make(ShippedThing thing, string version, string repository, DateTimeOffset? time)
    {
        IReadOnlyList<LockedPackage> locked = LockedPackage.Read(thing.LockFile);
        (LockedPackage Locked, CachedPackage Cached)[] packages = [.. locked.Select(package => (package, InCache(package.Name, package.Version)))];
        foreach ((LockedPackage package, CachedPackage cached) in packages)
        {
            if (!package.Sha512.AsSpan().SequenceEqual(cached.Sha512))
                throw new InvalidDataException($"{package.Name} {package.Version} in the package cache is not the one in {thing.LockFile}: delete {cached.Folder} and restore again.");
        }

        string root = $"pkg:generic/{thing.Name}@{version}";
        JsonObject[] besides =
        [
            .. thing.RuntimePack is var (name, runtimeVersion) ? [Runtime(InCache(name, runtimeVersion), thing)] : Array.Empty<JsonObject>(),
            .. thing.Files.Select(file => Component(file, Path.Combine(repository, file.Path))),
        ];

        Dictionary<string, string> references = locked.ToDictionary(package => package.Name, Reference, StringComparer.OrdinalIgnoreCase);
        var document = new JsonObject
        {
            ["$schema"] = "http://cyclonedx.org/schema/bom-1.6.schema.json",
            ["bomFormat"] = "CycloneDX",
            ["specVersion"] = "1.6",
            ["version"] = 1,
            ["metadata"] = new JsonObject
            {
                ["component"] = new JsonObject
                {
                    ["type"] = thing.CarriesPackages ? "application" : "library",
                    ["bom-ref"] = root,
                    ["name"] = thing.Name,
                    ["version"] = version,
                    ["licenses"] = Licence("MIT"),
                },
            },
            ["components"] = new JsonArray([.. packages.Select(package => Component(package.Cached, package.Locked.Sha512, thing)), .. besides]),
            ["dependencies"] = new JsonArray(
            [
                new JsonObject
                {
                    ["ref"] = root,
                    ["dependsOn"] = new JsonArray([.. locked.Where(package => package.IsDirect).Select(Reference).Concat(besides.Select(file => (string)file["bom-ref"]!)).Select(reference => (JsonNode)reference)]),
                },
                .. locked.Where(package => package.Dependencies.Count > 0).Select(package => new JsonObject
                {
                    ["ref"] = Reference(package),
                    // What the framework brings itself is pruned from the lock.
                    ["dependsOn"] = new JsonArray([.. package.Dependencies.Where(references.ContainsKey).Select(dependency => (JsonNode)references[dependency])]),
                }),
            ]),
        };
        if (time is { } when)
            document["metadata"]!["timestamp"] = when.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture);
        document.Insert(3, "serialNumber", $"urn:uuid:{Identity(document.ToJsonString(Format))}");
        return document.ToJsonString(Format) + "\n";
    }

    private static CachedPackage InCache(string name, string version) => CachedPackage.Find(name, version)
        ?? throw new InvalidDataException($"{name} {version} is not in the package cache, {CachedPackage.Root}: run build/lock.sh, which restores all there is.");

    private static JsonObject Runtime(CachedPackage package, ShippedThing thing) => Component(package, package.Sha512, thing with { Platform = null });

    private static JsonObject Component(CachedPackage package, byte[] sha512, ShippedThing thing)
    {
        string licence = package.Licence ?? throw new InvalidDataException($"{package.Name} {package.Version} tells no licence: read it up, and put it into {nameof(Licences)}.cs.");
        bool carried = thing.Platform is { } platform ? package.IsCarriedOn(platform) : !package.IsBuildTool;
        var component = new JsonObject
        {
            ["type"] = "library",
            ["bom-ref"] = Reference(package.Name, package.Version),
            ["authors"] = new JsonArray(new JsonObject { ["name"] = package.Authors }),
            ["name"] = package.Name,
            ["version"] = package.Version,
            ["scope"] = carried ? "required" : "excluded",
            ["hashes"] = Hashes("SHA-512", sha512),
            ["licenses"] = Licence(licence),
            ["purl"] = Reference(package.Name, package.Version),
        };
        if (package.Copyright is { } copyright)
            component.Insert(component.IndexOf("purl"), "copyright", copyright);
        JsonNode[] natives = thing is { CarriesPackages: true, Platform: not null } ? [.. package.NativeLibraries(thing.Platform).Select(file => Native(package, file))] : [];
        if (natives.Length > 0)
            component["components"] = new JsonArray(natives);
        return component;
    }

    private static JsonObject Native(CachedPackage package, string file)
    {
        string name = Path.GetFileName(file);
        return new JsonObject
        {
            ["type"] = "file",
            ["bom-ref"] = $"{Reference(package.Name, package.Version)}#{name}",
            ["name"] = name,
            ["version"] = package.Version,
            ["hashes"] = Sha256(file),
            ["licenses"] = Licence(Licences.OfNative(package, name)),
        };
    }

    private static JsonObject Component(CarriedFile file, string path) => new()
    {
        ["type"] = file.Type,
        ["bom-ref"] = file.Path,
        ["name"] = Path.GetFileName(file.Path),
        ["description"] = file.Description,
        ["scope"] = "required",
        ["hashes"] = Sha256(path),
        ["licenses"] = Licence(file.Licence),
    };

    /// <summary>A licence of the SPDX list by its identifier, a choice as an expression, and what is on no list by its name.</summary>
    private static JsonArray Licence(string licence) => new(licence switch
    {
        Licences.PublicDomain => new JsonObject { ["license"] = new JsonObject { ["name"] = "public domain" } },
        _ when licence.Contains(' ', StringComparison.Ordinal) => new JsonObject { ["expression"] = licence },
        _ => new JsonObject { ["license"] = new JsonObject { ["id"] = licence } },
    });

    private static JsonArray Sha256(string path)
    {
        using FileStream file = File.OpenRead(path);
        return Hashes("SHA-256", SHA256.HashData(file));
    }

    private static JsonArray Hashes(string algorithm, byte[] sum) => new(new JsonObject { ["alg"] = algorithm, ["content"] = Convert.ToHexStringLower(sum) });

    private static string Reference(LockedPackage package) => Reference(package.Name, package.Version);

    private static string Reference(string name, string version) => $"pkg:nuget/{name}@{version}";

    /// <summary>A UUID of version 8 (RFC 9562), made of the document itself.</summary>
    private static Guid Identity(string document)
    {
        byte[] bytes = SHA256.HashData(Encoding.UTF8.GetBytes(document))[..16];
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x80);
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }
}
