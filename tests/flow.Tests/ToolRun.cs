using System.Diagnostics;
using FlowRuntime.CommandLine;

namespace FlowRuntime.Tool.Tests;

/// <summary>What one run of the tool answered.</summary>
internal sealed record ToolRun(int ExitCode, string Output, string Error)
{
    /// <summary>A process that runs longer hangs: it is ended, and its test fails.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Runs the tool inside this process.</summary>
    public static async Task<ToolRun> InProcess(params string[] arguments)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        int exitCode = await CommandHost.RunAsync(FlowCommand.Root(), arguments, output, error);
        return new ToolRun(exitCode, output.ToString(), error.ToString());
    }

    /// <summary>Runs the tool as a process of its own.</summary>
    public static Task<ToolRun> AsProcess(params string[] arguments) => Finished(Start(Dotnet, [ToolPath, .. arguments]));

    /// <summary>Starts the tool as a process of its own.</summary>
    public static Process StartProcess(params string[] arguments) => Start(Dotnet, [ToolPath, .. arguments]);

    /// <summary>Runs a script of /bin/sh, to which the tool's command is "$0" "$1" and the arguments are "$2" and so on.</summary>
    public static Task<ToolRun> InShell(string script, params string[] arguments) =>
        Finished(Start("/bin/sh", ["-c", script, Dotnet, ToolPath, .. arguments]));

    /// <summary>Waits for a process and takes what it answered.</summary>
    /// <param name="process">The process; it has ended in any case when this returns.</param>
    /// <param name="before">What to do while it runs, before it is waited for.</param>
    public static async Task<ToolRun> Finished(Process process, Func<Task>? before = null)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        using (process)
        {
            try
            {
                Task<string> output = process.StandardOutput.ReadToEndAsync(patience.Token), error = process.StandardError.ReadToEndAsync(patience.Token);
                if (before is not null)
                    await before();
                await process.WaitForExitAsync(patience.Token);
                return new ToolRun(process.ExitCode, (await output).ReplaceLineEndings("\n"), (await error).ReplaceLineEndings("\n"));
            }
            finally
            {
                process.Kill(entireProcessTree: true); // one that has ended already takes no notice
            }
        }
    }

    /// <summary>Requires success without a word on stderr.</summary>
    public ToolRun EnsureSuccess()
    {
        Assert.Equal("", Error);
        Assert.Equal(CommandHost.Done, ExitCode);
        return this;
    }

    private static string ToolPath => Path.Combine(AppContext.BaseDirectory, "flow.dll");

    /// <summary>The dotnet that runs these tests: the runtime lies in shared/Microsoft.NETCore.App/VERSION under it.</summary>
    private static string Dotnet => Path.GetFullPath(Path.Combine(
        Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", "..", OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));

    private static Process Start(string file, string[] arguments) => Process.Start(new ProcessStartInfo(file, arguments)
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        UseShellExecute = false,
    })!;
}
