using System.CommandLine;
using FlowRuntime.Training.Checkpoints;
using FlowRuntime.Training.Data;

namespace FlowRuntime.TrainTool;

/// <summary><c>flow-train resume RUN</c>: goes on with a run that was stopped.</summary>
internal static class ResumeCommand
{
    public static Command Make()
    {
        var run = new Argument<string>("RUN") { Description = "The folder of a run." };
        var noTune = new Option<bool>("--no-tune") { Description = "Leave out measuring the solvers on the model." };
        var command = new Command("resume", """
            Goes on with a run that was stopped or killed, from its newest checkpoint, as if it had never stopped: on one or two threads the losses
            and the weights are the same to the last bit. (A run that ends on time, --minutes, uses the time that is left.)

            Example:
              flow-train resume runs/moons
            """)
        {
            run, noTune,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            string path = parsed.GetRequiredValue(run);
            using RunFolder folder = RunFolder.OpenUnfinished(path);
            InvocationConfiguration console = parsed.InvocationConfiguration;
            DataSplit split = folder.ReadConfiguration().LoadData();
            if (folder.IsTrained)
                CheckpointFolder.Remove(folder.File("checkpoints")); // where it was stopped before it removed them
            return Task.FromResult(RunResults.Finish(
                folder, path, split, !parsed.GetValue(noTune), console,
                display => folder.IsTrained ? folder.Load().Run : folder.Resume(split, display, console.Error.WriteLine, cancellationToken), cancellationToken));
        });
        return command;
    }
}
