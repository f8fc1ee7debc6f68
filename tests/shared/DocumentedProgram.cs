using System.Diagnostics;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Emit;

namespace FlowRuntime.Documents;

/// <summary>The C# of a page as one program.</summary>
internal static partial class DocumentedProgram
{
    /// <summary>The blocks of C# of a page.</summary>
    public static string[] Blocks(string page) => [.. Block().Matches(File.ReadAllText(page).ReplaceLineEndings("\n")).Select(match => match.Groups[1].Value)];

    /// <summary>Compiles a page's blocks against what these tests reference and runs them in a folder; returns what is printed.</summary>
    /// <param name="page">The page.</param>
    /// <param name="folder">Folder to run in.</param>
    public static async Task<string> Run(string page, string folder)
    {
        string program = Path.Combine(AppContext.BaseDirectory, $"page-{Path.GetFileNameWithoutExtension(page)}.dll");
        Compile(Blocks(page), program);
        string tests = Path.Combine(AppContext.BaseDirectory, typeof(DocumentedProgram).Assembly.GetName().Name!);
        using Process process = Process.Start(new ProcessStartInfo("dotnet", ["exec", "--depsfile", $"{tests}.deps.json", "--runtimeconfig", $"{tests}.runtimeconfig.json", program])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, await error);
        return output;
    }

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
