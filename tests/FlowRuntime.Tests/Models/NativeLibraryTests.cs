using System.Reflection;

namespace FlowRuntime.Tests;

/// <summary>What an application without a native ONNX Runtime is told, by a program of its own: here the library is there.</summary>
public class NativeLibraryTests
{
    [Fact]
    public void An_application_without_the_native_library_is_told_which_packages_to_add()
    {
        string host = Assembly.GetExecutingAssembly().GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == "NoNativeHost").Value!;
        string dll = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, host));
        Assert.True(File.Exists(dll), dll);

        (int exitCode, string output, string error) = Repository.Dotnet(dll, Repository.Model("moons.onnx"));

        Assert.Equal((0, ""), (exitCode, error));
        string[] lines = output.ReplaceLineEndings("\n").TrimEnd().Split('\n');
        Assert.Equal(2, lines.Length); // the exception's type and one line of message
        Assert.Equal(typeof(DllNotFoundException).FullName, lines[0]);
        foreach (string package in new[] { "Microsoft.ML.OnnxRuntime (CPU)", "Microsoft.ML.OnnxRuntime.Gpu", "Microsoft.ML.OnnxRuntime.DirectML", "Microsoft.ML.OnnxRuntime.Managed" })
            Assert.Contains(package, lines[1]);
    }
}
