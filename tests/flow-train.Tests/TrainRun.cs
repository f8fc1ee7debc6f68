using FlowRuntime.CommandLine;

namespace FlowRuntime.TrainTool.Tests;

/// <summary>What one run of the trainer's command line answered.</summary>
internal sealed record TrainRun(int ExitCode, string Output, string Error)
{
    /// <summary>Runs the trainer inside this process.</summary>
    public static async Task<TrainRun> Of(params string[] arguments)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        int exitCode = await CommandHost.RunAsync(TrainCommand.Root(), arguments, output, error);
        return new TrainRun(exitCode, output.ToString(), error.ToString());
    }

    /// <summary>A run of some seconds on moons.</summary>
    public static Task<TrainRun> Small(string folder, params string[] more) => Of(
        ["run", "--data", "moons", "--steps", "100", "--set", "network.width=16", "--set", "training.batch_size=64", "--out", folder, .. more]);
}
