namespace FlowRuntime.Tests;

/// <summary>A folder of a test's own, deleted with all it holds at the end.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("flow-test-").FullName;

    public string File(string name) => Path.Combine(_path, name);

    /// <summary>A file with the given bytes.</summary>
    public string File(string name, byte[] content)
    {
        System.IO.File.WriteAllBytes(File(name), content);
        return File(name);
    }

    /// <summary>A file with the given text.</summary>
    public string File(string name, string content)
    {
        System.IO.File.WriteAllText(File(name), content);
        return File(name);
    }

    /// <summary>A copy of a file.</summary>
    public string CopyOf(string path)
    {
        System.IO.File.Copy(path, File(Path.GetFileName(path)));
        return File(Path.GetFileName(path));
    }

    /// <summary>Names of the files in the folder, sorted.</summary>
    public string[] Files => [.. Directory.GetFiles(_path).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
