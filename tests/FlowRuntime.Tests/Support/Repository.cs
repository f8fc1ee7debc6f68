using System.Diagnostics;

namespace FlowRuntime.Tests;

/// <summary>The repository the tests are built in.</summary>
internal static class Repository
{
    /// <summary>The folder that holds the solution, found upwards from the test's own output.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The models that the repository ships, as copied beside the tests.</summary>
    public static string Model(string name) => Path.Combine(AppContext.BaseDirectory, "Models", name);

    /// <summary>Runs <c>dotnet</c> with arguments in the repository's root; returns its exit code, output and errors.</summary>
    public static (int ExitCode, string Output, string Error) Dotnet(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments)
        {
            WorkingDirectory = Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // What a surrounding "dotnet test" set for its own MSBuild is not for this one.
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("MSBuild", StringComparison.OrdinalIgnoreCase)).ToArray())
            start.Environment.Remove(name);
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "FlowRuntime.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new DirectoryNotFoundException($"No folder above {AppContext.BaseDirectory} holds FlowRuntime.sln.");
    }
}
