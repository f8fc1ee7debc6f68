using System.Diagnostics;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Emit;

namespace FlowRuntime.Training.Tests;

/// <summary>The C# of README and docs is a program a page, which compiles and runs where the repository's shipped models are.</summary>
public sealed partial class DocumentedCodeTests : IDisposable
{
    private static readonly string Pages = Path.Combine(AppContext.BaseDirectory, "Pages");

    private readonly string _folder = Directory.CreateTempSubdirectory("flow-pages").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Pages with C#, and what the program prints at least.</summary>
    public static TheoryData<string, string> Programs => new()
    {
        { "README.md", "cpu" },
        { "own-network.md", "10 digits in " },
    };

    [Theory, MemberData(nameof(Programs))]
    public async Task A_pages_program_runs(string page, string expected)
    {
        string models = Directory.CreateDirectory(Path.Combine(_folder, "exported-models")).FullName;
        File.Copy(Path.Combine(AppContext.BaseDirectory, "Models", "digits.onnx"), Path.Combine(models, "digits.onnx"));
        string program = Path.Combine(AppContext.BaseDirectory, $"page-{Path.GetFileNameWithoutExtension(page)}.dll");
        Compile(Blocks(page), program);
        string tests = Path.Combine(AppContext.BaseDirectory, typeof(DocumentedCodeTests).Assembly.GetName().Name!);
        using Process process = Process.Start(new ProcessStartInfo("dotnet", ["exec", "--depsfile", $"{tests}.deps.json", "--runtimeconfig", $"{tests}.runtimeconfig.json", program])
        {
            WorkingDirectory = _folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, await error);
        Assert.Contains(expected, output, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_page_with_a_program_is_run() => Assert.Equal(
        Programs.Select(row => row.Data.Item1).Order(),
        Directory.GetFiles(Pages, "*.md").Select(path => Path.GetFileName(path)!).Where(page => Blocks(page).Length > 0).Order());

    [Fact]
    public void A_network_takes_thirty_lines() =>
        Assert.InRange(Blocks("own-network.md")[0].Split('\n').Count(line => line.Trim().Length > 0 && !line.StartsWith("using", StringComparison.Ordinal)), 10, 30);

    private static string[] Blocks(string page) =>
        [.. Block().Matches(File.ReadAllText(Path.Combine(Pages, page)).ReplaceLineEndings("\n")).Select(match => match.Groups[1].Value)];

    /// <summary>Compiles the blocks as one file: what is used, then statements, then types.</summary>
    private static void Compile(string[] blocks, string path)
    {
        CompilationUnitSyntax[] parts = [.. blocks.Select(block => CSharpSyntaxTree.ParseText(block).GetCompilationUnitRoot())];
        CompilationUnitSyntax whole = SyntaxFactory.CompilationUnit()
            .AddUsings([.. parts.SelectMany(part => part.Usings).DistinctBy(used => used.ToString().Trim())])
            .AddMembers([.. parts.SelectMany(part => part.Members).OrderBy(member => member is not GlobalStatementSyntax)]);
        IEnumerable<MetadataReference> references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(file => MetadataReference.CreateFromFile(file));
        SyntaxTree implicitUsings = CSharpSyntaxTree.ParseText("global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Threading; global using System.Threading.Tasks;");
        CSharpCompilation compilation = CSharpCompilation.Create(Path.GetFileNameWithoutExtension(path), [implicitUsings, SyntaxFactory.SyntaxTree(whole)], references,
            new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));
        EmitResult result = compilation.Emit(path);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)));
    }

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}
