using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;
using FlowRuntime.Tool.Isolation;
using FlowRuntime.Tuning;

namespace FlowRuntime.Tool.Verbs;

/// <summary><c>flow tune MODEL</c>: measures solvers on the model and writes what it finds into its card.</summary>
internal sealed class TuneCommand
{
    private readonly Argument<string> _model = new("MODEL") { Description = "The .onnx file; its card is written (or its sidecar, where that holds the card)." };
    private readonly Option<int> _samples = new("--samples") { Description = "Samples that are measured, and as many others that are judged.", DefaultValueFactory = _ => 128 };
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object and nothing else." };

    public static Command Make() => new TuneCommand().MakeCommand();

    private Command MakeCommand()
    {
        var command = new Command("tune", """
            Measures which solver reaches which accuracy with the fewest evaluations on this very model, and writes it into
            the model's card. It is then the model's default (--quality normal), beside draft and fine.

            Example:
              flow tune digits.onnx
            """)
        {
            _model, _samples, _json, Sandbox.Option,
        };
        command.SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, cancellationToken)));
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        string path = parsed.GetRequiredValue(_model);
        bool json = parsed.GetValue(_json);
        long started = Stopwatch.GetTimestamp();
        HintsCard hints;
        double usual;
        using (FlowModel model = FlowModel.Open(path))
        {
            SandboxedProcess.Works(model);
            CommandHost.RequireWritable("MODEL", path);
            if (File.Exists(CardFile.SidecarOf(path)))
                CommandHost.RequireWritable("MODEL", CardFile.SidecarOf(path));
            using var progress = new MeasuringProgress(json);
            hints = CommandHost.Checked("--samples", () => SolverTuner.Tune(model, parsed.GetValue(_samples), progress, cancellationToken: cancellationToken));
            usual = EvaluationsOf(model, new AdaptiveSteps(), cancellationToken);
        }
        CardFile.WriteHints(path, hints);
        QualityCard quality = hints.Quality!;
        TextWriter output = parsed.InvocationConfiguration.Output;
        if (json)
        {
            output.WriteLine(JsonSerializer.Serialize(new TuningReport(path, Stopwatch.GetElapsedTime(started).TotalSeconds, usual, quality), ToolJson.Default.TuningReport));
            return CommandHost.Done;
        }
        output.WriteLine("quality  method         tolerance  steps       coordinates  evaluations  error (share of the data's deviation)");
        foreach ((string name, QualityLevelCard level) in new[] { ("draft", quality.Draft), ("normal", quality.Normal), ("fine", quality.Fine) })
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{name,-8} {level.Method,-14} {level.Tolerance,-10:G2} {(level.Profiled ? "profiled" : "controlled"),-11} {(level.Whitened ? "whitened" : "plain"),-12} {level.Evaluations,-12:F1} {level.Error:G2}"));
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Untuned, the general default takes {usual:F1} evaluations. Written into the card of {path}."));
        return CommandHost.Done;
    }

    private static double EvaluationsOf(FlowModel model, SolverOptions solver, CancellationToken cancellationToken)
    {
        int classes = model.Card.Conditions?.Classes?.Names.Count ?? 0;
        SampleBatch batch = model.Sample(128, new SamplingOptions { Solver = solver, Labels = [.. Enumerable.Range(0, classes)] }, cancellationToken: cancellationToken);
        return (double)batch.Statistics.Evaluations / batch.Count;
    }
}
