using System.Reflection;
using System.Text.Json;
using System.Xml.Linq;

namespace FlowRuntime.Tests;

/// <summary>Who may know whom: tools → runtime ← training, tests → what they test; and no others.</summary>
public class ArrowTests
{
    private const string Runtime = "runtime/FlowRuntime";
    private const string Host = "tests/SampleHost";
    private const string Training = "training/FlowRuntime.Training";

    private static readonly string[] Projects =
    [
        .. Directory.GetFiles(Repository.Root, "*.csproj", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Repository.Root, file).Replace('\\', '/'))
            .Where(file => !file.Split('/').Any(folder => folder is "bin" or "obj")),
    ];

    public static TheoryData<string> ProjectFiles => [.. Projects];

    [Theory, MemberData(nameof(ProjectFiles))]
    public void A_project_references_what_it_may_know_alone(string project)
    {
        string folder = FolderOf(project);
        string[] allowed = folder switch
        {
            Runtime => [],
            Training => [Runtime],
            "training/flow-train" => [Training, Runtime],
            _ when folder.StartsWith("runtime/", StringComparison.Ordinal) || folder.StartsWith("tools/", StringComparison.Ordinal) => [Runtime],
            "tests/NoNativeHost" or "tests/AotHost" => [Runtime],
            Host => [], // it takes packages
            "tests/FlowRuntime.Tests" => [Runtime, "tests/NoNativeHost"],
            _ when folder.StartsWith("tests/", StringComparison.Ordinal) => [TestedBy(folder)],
            _ => throw new InvalidOperationException($"{project} lies in no folder that the rules know."),
        };
        Assert.Empty(References(project, "ProjectReference").Select(reference => Resolve(project, reference)).Except(allowed));
    }

    [Fact]
    public void The_rules_see_the_projects_there_are()
    {
        string[] folders = [.. Projects.Select(FolderOf)];
        Assert.Contains(Runtime, folders);
        Assert.Contains(Training, folders);
        Assert.Contains("tools/flow", folders);
        Assert.Equal([Runtime], References($"{Training}/FlowRuntime.Training.csproj", "ProjectReference").Select(reference => Resolve($"{Training}/x", reference)));
    }

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        string solution = File.ReadAllText(Path.Combine(Repository.Root, "FlowRuntime.sln")).Replace('\\', '/');
        Assert.All(Projects.Where(project => FolderOf(project) != Host), project => Assert.Contains($"\"{project}\"", solution));
    }

    [Fact]
    public void The_runtime_takes_two_packages_and_no_native_one()
    {
        string[] packages = [.. References($"{Runtime}/FlowRuntime.csproj", "PackageReference").Order(StringComparer.Ordinal)];
        Assert.Equal(["Microsoft.ML.OnnxRuntime.Managed", "System.Numerics.Tensors"], packages);
    }

    [Fact]
    public void The_runtimes_assembly_knows_the_two_packages_and_the_framework_alone()
    {
        string[] known = [.. typeof(FlowModel).Assembly.GetReferencedAssemblies().Select(name => name.Name!)];
        Assert.Contains("Microsoft.ML.OnnxRuntime", known);
        Assert.All(known, name => Assert.True(name is "Microsoft.ML.OnnxRuntime" || name.StartsWith("System.", StringComparison.Ordinal), name));
    }

    [Fact]
    public void These_tests_run_without_libtorch()
    {
        string test = Assembly.GetExecutingAssembly().GetName().Name!;
        using JsonDocument dependencies = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, $"{test}.deps.json")));
        string[] libraries = [.. dependencies.RootElement.GetProperty("libraries").EnumerateObject().Select(library => library.Name)];
        Assert.Contains(libraries, library => library.StartsWith("Microsoft.ML.OnnxRuntime/", StringComparison.Ordinal));
        Assert.DoesNotContain(libraries, library => library.Contains("torch", StringComparison.OrdinalIgnoreCase)
            || library.Contains("Protobuf", StringComparison.OrdinalIgnoreCase) || library.Contains("Skia", StringComparison.OrdinalIgnoreCase));
        Assert.DoesNotContain(Directory.GetFiles(AppContext.BaseDirectory), file => file.Contains("torch", StringComparison.OrdinalIgnoreCase));
    }

    private static IEnumerable<string> References(string project, string kind) =>
        XDocument.Load(Path.Combine(Repository.Root, project)).Descendants(kind).Select(reference => reference.Attribute("Include")!.Value);

    /// <summary>The folder of a project that another references, from the root.</summary>
    private static string Resolve(string project, string reference) =>
        Path.GetRelativePath(Repository.Root, Path.GetDirectoryName(Path.GetFullPath(Path.Combine(Repository.Root, FolderOf(project), reference.Replace('\\', '/'))))!).Replace('\\', '/');

    /// <summary>The folder of the project that tests/NAME.Tests tests: that of NAME.</summary>
    private static string TestedBy(string folder)
    {
        string name = Path.GetFileName(folder);
        Assert.EndsWith(".Tests", name);
        return FolderOf(Projects.Single(project => Path.GetFileNameWithoutExtension(project) == name[..^".Tests".Length]));
    }

    private static string FolderOf(string project) => project[..project.LastIndexOf('/')];
}
