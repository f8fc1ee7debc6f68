using System.Diagnostics;
using System.Reflection;
using System.Text.RegularExpressions;
using FlowRuntime.Tests;

namespace FlowRuntime.Extensions.Tests;

/// <summary>
/// The sample host, built as somebody else's application from the packages of this repository, and running. Made once for all tests: packing takes seconds, restoring and building some more.
/// </summary>
public sealed partial class PackedHost : IAsyncLifetime
{
    private static readonly string Configuration = typeof(PackedHost).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;

    private readonly TemporaryFolder _folder = new();
    private Process? _host;

    /// <summary>The folder of packages.</summary>
    public string Feed => _folder.File("feed");

    /// <summary>Asks the running host.</summary>
    public HttpClient Client { get; } = new();

    public async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(Feed);
        foreach (string package in new[] { "FlowRuntime", "FlowRuntime.Extensions" })
            Run("pack", Path.Combine(Repository.Root, "runtime", package), "--no-build", "-c", Configuration, "-o", Feed);

        // As anybody's project: in a folder of its own, its packages restored from the feed and nowhere else, others from where they are.
        string project = _folder.File("host");
        Directory.CreateDirectory(project);
        foreach (string file in Directory.GetFiles(Path.Combine(Repository.Root, "tests", "SampleHost")).Where(file => !file.Contains("Directory.", StringComparison.Ordinal)))
            File.Copy(file, Path.Combine(project, Path.GetFileName(file)));
        string packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        Run("build", project, "-c", "Release", "-o", Path.Combine(project, "out"),
            $"-p:RestoreAdditionalProjectSources={Feed}", $"-p:RestorePackagesPath={_folder.File("packages")}", $"-p:RestoreAdditionalProjectFallbackFolders={packages}");
        File.Copy(Repository.Model("digits.onnx"), Path.Combine(project, "out", "digits.onnx"));
        await Start(Path.Combine(project, "out"));
    }

    public ValueTask DisposeAsync()
    {
        Client.Dispose();
        _host?.Kill(entireProcessTree: true);
        _host?.Dispose();
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    private static void Run(params string[] arguments)
    {
        (int exitCode, string output, string error) = Repository.Dotnet(arguments);
        Assert.True(exitCode == 0, $"dotnet {string.Join(' ', arguments)}\n{output}\n{error}");
    }

    /// <summary>Starts the host on a free port, which it tells when it listens.</summary>
    private async Task Start(string folder)
    {
        _host = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(folder, "SampleHost.dll"), "--urls", "http://127.0.0.1:0"])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
        })!;
        var lines = new List<string>();
        while (await _host.StandardOutput.ReadLineAsync() is { } line)
        {
            lines.Add(line);
            if (Address().Match(line) is not { Success: true } address)
                continue;
            Client.BaseAddress = new Uri(address.Groups[1].Value);
            _ = _host.StandardOutput.ReadToEndAsync(); // nobody reads the rest, and a full pipe would stop the host
            return;
        }
        Assert.Fail(string.Join('\n', lines));
    }

    [GeneratedRegex("Now listening on: (http://[^ ]+)")]
    private static partial Regex Address();
}
