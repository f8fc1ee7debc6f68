using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;

namespace FlowRuntime.TrainTool;

/// <summary>What the demo found: <c>report.json</c> and the table it prints.</summary>
internal sealed record DemoReport(
    int TrainingSteps, double TrainingSeconds, double Seconds, double Loss, double ExportDifference, DemoFigures Figures, FlowCard Card)
{
    private static readonly JsonSerializerOptions Format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
    };

    /// <summary>The report as JSON; the card in the form it has inside the model.</summary>
    public string ToJson() => JsonSerializer.Serialize(new
    {
        TrainingSteps,
        TrainingSeconds,
        Seconds,
        Loss,
        ExportDifference,
        Figures,
        Card = JsonSerializer.Deserialize<JsonElement>(CardFile.ToJson(Card)),
    }, Format);

    public void Save(string path) => WholeFile.Write(path, ToJson() + "\n");

    public void WriteTable(TextWriter output, string folder)
    {
        void Row(string name, FormattableString value, string beside = "") =>
            output.WriteLine($"  {name,-34}{value.ToString(CultureInfo.InvariantCulture),-14}{beside}");
        static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

        output.WriteLine();
        Row("accuracy, generated", $"{Figures.GeneratedAccuracy:F3}", Text($"held-out real digits {Figures.HeldOutAccuracy:F3} (5 nearest neighbours)"));
        Row("pixel spread, generated / real", $"{Figures.SpreadRatios.Min():F2}–{Figures.SpreadRatios.Max():F2}", "by class; 1 is real");
        Row("energy distance to held-out", $"{Figures.Energy.Distance:F4}", Text($"floor between real sets {Figures.Energy.Floor:F4} (ratio {Figures.Energy.Ratio:F2})"));
        Row("nearer than training neighbours", $"{Figures.NearShare:F3}", Text($"held-out real digits {Figures.HeldOutNearShare:F3}"));
        Row("evaluations a sample", $"{Figures.EvaluationsPerSample:F1}", "adaptive, each sample its own steps");
        Row("samples/s", $"{Figures.SamplesPerSecond:N0}", Text($"on {Environment.ProcessorCount} processors"));
        Row("exported against trained", $"{ExportDifference:0.0e+0}", "largest relative difference");
        Row("time", $"{Seconds:F0} s", Text($"of which training {TrainingSeconds:F0} s, {TrainingSteps} steps"));
        output.WriteLine();
        string classes = string.Join(", ", Card.Conditions?.Classes?.Names ?? []);
        output.WriteLine($"  card: velocities of [{string.Join(", ", Card.Sample.Shape)}], classes {classes}, conditional OT path with sigma_min {Text($"{Card.Path.SigmaMin}")}");
        output.WriteLine($"  see {folder}/samples.png, {folder}/trajectory.png, {folder}/loss.png and {folder}/report.json");
    }
}
