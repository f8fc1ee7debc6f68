using System.CommandLine;
using System.Globalization;
using FlowRuntime.Baking;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;
using FlowRuntime.Ode;
using FlowRuntime.Training.Networks;
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
        var divergence = Choice.Of<DivergenceKind>("--divergence", "A second output with the divergence, for densities: exact (up to 64 values a sample) or hutchinson. It is computed at each call, so keep a file without to sample.");
        var precision = Choice.Of<WeightPrecision>("--precision", "How the weights are stored: float32 (the default), float16 (half the file) or int8 (about a quarter). All is computed in float32, so it samples no faster.");
        var maxChange = new Option<double?>("--max-change") { Description = "Largest change of the velocity along the path that rounding the weights may make, as a share of its size; an export beyond it is refused. Default: 0.005 for float16, 0.05 for int8." };
        var noTune = new Option<bool>("--no-tune") { Description = "Leave out measuring the solvers on the model." };
        var sampler = new Option<string?>("--sampler") { Description = "A file to write besides, .onnx: the whole sampler, with the solver inside, for other languages and servers. `flow bake` has more choices." };
        var method = new Option<string?>("--method") { Description = "Of the sampler: euler, heun or rk4 with the number of steps as an input, dopri5 or tsit5 with tolerances as inputs. Default: heun." };
        var command = new Command("export", """
            Exports a run's network to ONNX, checked against the trained one through the runtime, and measures which solver
            samples it with the fewest evaluations; the model's card holds the result.

            Examples:
              flow-train export runs/moons --out moons.onnx
              flow-train export runs/moons --out moons-density.onnx --divergence exact
              flow-train export runs/moons --out moons-small.onnx --precision int8
              flow-train export runs/moons --out moons.onnx --sampler moons-sampler.onnx --method dopri5
            """)
        {
            run, outPath, decay, divergence, precision, maxChange, noTune, sampler, method,
        };
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            WeightPrecision stored = parsed.GetValue(precision) ?? WeightPrecision.Float32;
            double limit = parsed.GetValue(maxChange) ?? PrecisionReport.DefaultLimit(stored);
            if (!(limit >= 0))
                throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"--max-change: {limit} is no change. Give a share of the velocity of at least 0, such as 0.05."));
            using RunFolder folder = RunFolder.Open(parsed.GetRequiredValue(run), write: false);
            string path = parsed.GetRequiredValue(outPath);
            CommandHost.RequireWritable("--out", path);
            (string? samplerPath, SolverMethod solver) = (parsed.GetValue(sampler), ButcherTableau.Heun);
            if (samplerPath is null && parsed.GetValue(method) is not null)
                throw new ArgumentException("--method: it is the sampler's. Name its file with --sampler.");
            if (samplerPath is not null)
            {
                if (!samplerPath.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase) || Path.GetFullPath(samplerPath) == Path.GetFullPath(path))
                    throw new ArgumentException($"--sampler: {samplerPath} is the model itself or does not end in .onnx. Name another file.");
                CommandHost.RequireWritable("--sampler", samplerPath);
                if (parsed.GetValue(method) is { } name)
                    solver = CommandHost.Checked("--method", () => SolverMethod.Named(name));
                BakeOptions.RequireBaked(solver);
            }
            var (trained, data) = folder.Load(parsed.GetValue(decay));
            TextWriter output = parsed.InvocationConfiguration.Output;
            using (trained)
            {
                DivergenceKind? kind = parsed.GetValue(divergence);
                FlowCard card = ModelCards.Of(trained.Configuration, data.Train, stored);
                IReadOnlyList<string> report = [];
                ExportParity parity = CommandHost.Checked("--divergence", () => OnnxExporter.Export(trained.Network, card, path, kind, stored, candidate =>
                {
                    if (stored != WeightPrecision.Float32)
                        report = PrecisionReport.Of(trained, data, candidate, path, stored, kind, limit, cancellationToken);
                }));
                output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{path}: {new FileInfo(path).Length / 1e6:F2} MB, {parity.MaxRelativeDifference:0.0e+0} from the trained network{(stored == WeightPrecision.Float32 ? "" : $" with its weights in {Choice.Name(stored)}")} (relative){(parity.DivergenceDifference is { } ofDivergence ? $", divergence {ofDivergence:0.0e+0}" : "")}"));
                foreach (string line in report)
                    output.WriteLine(line);
            }
            if (!parsed.GetValue(noTune))
                output.WriteLine(ModelTuning.Write(path, ModelTuning.Samples, data.HeldOut, cancellationToken));
            if (samplerPath is not null)
                output.WriteLine(Baked(path, samplerPath, solver));
        }, cancellationToken));
        return command;
    }

    /// <summary>Writes the sampler of an exported model, and says what it is.</summary>
    private static string Baked(string path, string samplerPath, SolverMethod method)
    {
        using FlowModel model = FlowModel.Open(path);
        BakeOptions options = BakeOptions.Of(model, method);
        SamplerFile.Write(model, samplerPath, options);
        return string.Create(CultureInfo.InvariantCulture, $"{samplerPath}: {new FileInfo(samplerPath).Length / 1e6:F2} MB, {SamplerFile.Described(model, options)}");
    }
}
