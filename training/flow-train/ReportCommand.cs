using System.CommandLine;
using FlowRuntime.CommandLine;
using FlowRuntime.Training.Onnx;

namespace FlowRuntime.TrainTool;

/// <summary><c>flow-train report RUN</c>: writes the page on a finished run anew.</summary>
internal static class ReportCommand
{
    public static Command Make()
    {
        var run = new Argument<string>("RUN") { Description = "The folder of a run." };
        var command = new Command("report", """
            Writes report.html and the pictures of a finished run anew: losses, samples, their ways from noise to data, figures beside their
            floors, configuration and model card, in one file that needs nothing besides. What an evaluation left in evaluation.json is in it, too.

            Example:
              flow-train report runs/moons
            """)
        {
            run,
        };
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            using RunFolder folder = RunFolder.Open(parsed.GetRequiredValue(run), write: true);
            folder.RequireModel();
            CommandHost.RequireWritable("RUN", folder.Report);
            var (trained, data) = folder.Load();
            using (trained)
                RunResults.Show(folder, trained, data, ExportCheck.Compare(trained.Network, folder.Model), cancellationToken);
            parsed.InvocationConfiguration.Output.WriteLine(folder.Report);
        }, cancellationToken));
        return command;
    }
}
