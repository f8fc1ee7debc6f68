using System.Text.Json;

namespace FlowRuntime.Tests;

/// <summary>
/// The repository's executables choose their native libraries by a property. The packages for GPUs are not needed for
/// this: MSBuild says what it would restore.
/// </summary>
public class NativeChoiceTests
{
    private static readonly string[] OnnxRuntimes = ["Microsoft.ML.OnnxRuntime", "Microsoft.ML.OnnxRuntime.Gpu", "Microsoft.ML.OnnxRuntime.DirectML"];

    [Theory]
    [InlineData("Microsoft.ML.OnnxRuntime")]
    [InlineData("Microsoft.ML.OnnxRuntime.Gpu", "-p:FlowProvider=cuda")]
    [InlineData("Microsoft.ML.OnnxRuntime.DirectML", "-p:FlowProvider=directml")]
    public void FlowProvider_chooses_the_ONNX_Runtime_of_the_sampler(string package, params string[] properties)
    {
        Assert.Equal([package], Packages("tools/flow/flow.csproj", properties).Intersect(OnnxRuntimes));
    }

    [Theory]
    [InlineData("libtorch-cpu-", "Microsoft.ML.OnnxRuntime")]
    [InlineData("TorchSharp-cuda-linux", "Microsoft.ML.OnnxRuntime.Gpu", "-p:FlowTorch=cuda-linux", "-p:FlowProvider=cuda")]
    [InlineData("TorchSharp-cuda-windows", "Microsoft.ML.OnnxRuntime.DirectML", "-p:FlowTorch=cuda-windows", "-p:FlowProvider=directml")]
    [InlineData("libtorch-cpu-win-x64", "Microsoft.ML.OnnxRuntime", "-p:RuntimeIdentifier=win-x64")]
    [InlineData("libtorch-cpu-osx-arm64", "Microsoft.ML.OnnxRuntime", "-p:RuntimeIdentifier=osx-arm64")]
    public void FlowTorch_FlowProvider_and_the_platform_choose_the_native_libraries_of_the_trainer(string torch, string onnxRuntime, params string[] properties)
    {
        string[] packages = Packages("training/flow-train/flow-train.csproj", properties);
        Assert.StartsWith(torch, Assert.Single(packages,
            name => name.StartsWith("libtorch", StringComparison.Ordinal) || name.StartsWith("TorchSharp-", StringComparison.Ordinal)));
        Assert.Equal([onnxRuntime], packages.Intersect(OnnxRuntimes));
    }

    [Theory]
    [InlineData("tools/flow/flow.csproj", "-p:FlowProvider=tpu", "CheckFlowProvider", "Give -p:FlowProvider=cpu, cuda or directml")]
    [InlineData("training/flow-train/flow-train.csproj", "-p:FlowTorch=rocm", "CheckFlowTorch", "Give -p:FlowTorch=cpu, cuda-linux or cuda-windows")]
    public void An_unknown_choice_is_an_error_that_says_what_to_give(string project, string property, string target, string cure)
    {
        (int exitCode, string output, _) = Repository.Dotnet("msbuild", project, "-nologo", $"-t:{target}", property);
        Assert.NotEqual(0, exitCode);
        Assert.Contains(cure, output);
    }

    private static string[] Packages(string project, string[] properties)
    {
        (int exitCode, string output, string error) = Repository.Dotnet(["msbuild", project, "-nologo", "-getItem:PackageReference", .. properties]);
        Assert.True(exitCode == 0, output + error);
        using JsonDocument json = JsonDocument.Parse(output);
        return [.. json.RootElement.GetProperty("Items").GetProperty("PackageReference").EnumerateArray().Select(item => item.GetProperty("Identity").GetString()!)];
    }
}
