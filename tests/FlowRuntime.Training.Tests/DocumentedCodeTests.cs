using FlowRuntime.Baking;
using FlowRuntime.Documents;
using FlowRuntime.Ode;

namespace FlowRuntime.Training.Tests;

/// <summary>The C# of README and docs is a program a page, which compiles and runs where the repository's shipped models are.</summary>
public sealed class DocumentedCodeTests : IDisposable
{
    private static readonly string Pages = Path.Combine(AppContext.BaseDirectory, "Pages");

    private readonly string _folder = Directory.CreateTempSubdirectory("flow-pages").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Pages with C#, and what the program prints at least.</summary>
    public static TheoryData<string, string> Programs => new()
    {
        { "README.md", "status 0, brightest 1.0" },
        { "own-network.md", "10 digits in " },
        { "baking.md", "status 0 after 40 evaluations, brightest 1.0" },
        { "embedding.md", "9 frames, 16 edited, 16 completed, 0 failed" },
    };

    [Theory, MemberData(nameof(Programs))]
    public async Task A_pages_program_runs(string page, string expected)
    {
        string models = Directory.CreateDirectory(Path.Combine(_folder, "exported-models")).FullName;
        File.Copy(Path.Combine(AppContext.BaseDirectory, "Models", "digits.onnx"), Path.Combine(models, "digits.onnx"));
        using (FlowModel digits = FlowModel.Open(Path.Combine(models, "digits.onnx")))
            SamplerFile.Write(digits, Path.Combine(_folder, "digits-sampler.onnx"), BakeOptions.Of(digits, ButcherTableau.Heun)); // as the README's `flow bake` does
        Assert.Contains(expected, await DocumentedProgram.Run(Path.Combine(Pages, page), _folder), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_page_with_a_program_is_run() => Assert.Equal(
        Programs.Select(row => row.Data.Item1).Order(),
        Directory.GetFiles(Pages, "*.md").Where(page => DocumentedProgram.Blocks(page).Length > 0).Select(path => Path.GetFileName(path)!).Order());

    [Fact]
    public void A_network_takes_thirty_lines() => Assert.InRange(
        DocumentedProgram.Blocks(Path.Combine(Pages, "own-network.md"))[0].Split('\n').Count(line => line.Trim().Length > 0 && !line.StartsWith("using", StringComparison.Ordinal)), 10, 30);
}
