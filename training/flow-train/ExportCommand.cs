using System.CommandLine;
using System.Globalization;
using FlowRuntime.CommandLine;
using FlowRuntime.Training.Onnx;

namespace FlowRuntime.TrainTool;

/// <summary><c>flow-train export RUN --out MODEL.onnx</c>: exports a run's network with its card.</summary>
internal static class ExportCommand
{
    public static Command Make()
    {
        var run = new Argument<string>("RUN") { Description = "The folder of a run." };
        var outPath = new Option<string>("--out") { Description = "The .onnx file to write.", Required = true };
        var decay = new Option<double?>("--ema") { Description = "Decay of the moving average to export, of those the run kept. Default: the run's ema_decay." };
        var noTune = new Option<bool>("--no-tune") { Description = "Leave out measuring the solvers on the model." };
        var command = new Command("export", """
            Exports a run's network to ONNX, checked against the trained one through the runtime, and measures which solver
            samples it with the fewest evaluations; the model's card holds the result.

            Example:
              flow-train export runs/moons --out moons.onnx
            """)
        {
            run, outPath, decay, noTune,
        };
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            RunFolder folder = RunFolder.Open(parsed.GetRequiredValue(run));
            string path = parsed.GetRequiredValue(outPath);
            CommandHost.RequireWritable("--out", path);
            var (trained, data) = folder.Load(parsed.GetValue(decay));
            TextWriter output = parsed.InvocationConfiguration.Output;
            using (trained)
            {
                ExportParity parity = OnnxExporter.Export(trained.Network, ModelCards.Of(trained.Configuration, data.Train), path);
                output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{path}: {new FileInfo(path).Length / 1e6:F2} MB, {parity.MaxRelativeDifference:0.0e+0} from the trained network (relative)"));
            }
            if (!parsed.GetValue(noTune))
                output.WriteLine(ModelTuning.Write(path, ModelTuning.Samples, cancellationToken));
        }, cancellationToken));
        return command;
    }
}
