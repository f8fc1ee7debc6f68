using FlowRuntime.Documents;
using FlowRuntime.Tests;

namespace FlowRuntime.Extensions.Tests;

/// <summary>The C# of the packages' own pages compiles and runs.</summary>
public class PackagePageTests
{
    [Theory, InlineData("FlowRuntime.md", ""), InlineData("FlowRuntime.Extensions.md", "10")]
    public async Task A_packages_page_is_a_program_that_runs(string page, string expected)
    {
        // The runtime's page opens the model from the folder it runs in, that of a host from the application's: both are the tests' own.
        string models = Path.Combine(AppContext.BaseDirectory, "models");
        Directory.CreateDirectory(models);
        File.Copy(Repository.Model("digits.onnx"), Path.Combine(models, "digits.onnx"), overwrite: true);
        Assert.Equal(expected, (await DocumentedProgram.Run(Path.Combine(AppContext.BaseDirectory, "Pages", page), AppContext.BaseDirectory)).Trim());
    }
}
