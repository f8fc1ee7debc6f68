using System.Globalization;
using FlowRuntime.Materials;

if (args is not [var version, var output, .. var names])
{
    Console.Error.WriteLine("Give a version, a folder to write to and, if not all are wanted, names: build/sbom.sh does.");
    return 2;
}

string repository = Directory.GetCurrentDirectory();
ShippedThing[] all = [.. ShippedThing.In(repository)];
if (names.FirstOrDefault(name => all.All(thing => thing.Name != name)) is { } unknown)
{
    Console.Error.WriteLine($"There is no lock file of '{unknown}'. There are {string.Join(", ", all.Select(thing => thing.Name))}.");
    return 2;
}

DateTimeOffset? time = long.TryParse(Environment.GetEnvironmentVariable("SOURCE_DATE_EPOCH"), CultureInfo.InvariantCulture, out long seconds) ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null;
try
{
    Directory.CreateDirectory(output);
    foreach (ShippedThing thing in all.Where(thing => names.Length == 0 || names.Contains(thing.Name)))
    {
        string path = Path.Combine(output, $"{thing.Name}.cdx.json");
        File.WriteAllText(path + ".partial", BillOfMaterials.Make(thing, version, repository, time));
        File.Move(path + ".partial", path, overwrite: true);
        Console.WriteLine(path);
    }
    return 0;
}
catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
