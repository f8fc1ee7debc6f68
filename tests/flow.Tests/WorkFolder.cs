using FlowRuntime.Cards;

namespace FlowRuntime.Tool.Tests;

/// <summary>A folder of one test, which goes with it.</summary>
public sealed class WorkFolder : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("flow-tests-").FullName;

    /// <summary>A path inside the folder.</summary>
    public string this[string name] => Path.Combine(_path, name);

    /// <summary>Names of what lies in the folder, sorted.</summary>
    public IEnumerable<string> Entries => Directory.EnumerateFileSystemEntries(_path).Select(entry => Path.GetFileName(entry)!).Order(StringComparer.Ordinal);

    /// <summary>Copies a model into the folder, so that it can be changed or have a sidecar.</summary>
    /// <param name="model">The model to copy.</param>
    /// <param name="name">Name of the copy, without ending.</param>
    /// <param name="sidecar">The sidecar's JSON; null for none.</param>
    /// <returns>The copy's path.</returns>
    public string CopyOf(string model, string name = "model", string? sidecar = null)
    {
        string copy = this[name + ".onnx"];
        File.Copy(model, copy);
        if (sidecar is not null)
            File.WriteAllText(this[name + ".flow.json"], sidecar);
        return copy;
    }

    /// <summary>Copies a model without the hints it ships with, so that the library's defaults hold for it.</summary>
    /// <param name="model">The model to copy.</param>
    /// <returns>The copy's path; the same for a second call.</returns>
    public string UntunedCopyOf(string model)
    {
        string copy = this[$"untuned-{Path.GetFileName(model)}"];
        if (!File.Exists(copy))
        {
            File.Copy(model, copy);
            CardFile.Write(copy, CardFile.Read(copy) with { Hints = null });
        }
        return copy;
    }

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
