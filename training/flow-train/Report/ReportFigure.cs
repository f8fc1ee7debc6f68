using System.Globalization;
using FlowRuntime.Cards;
using FlowRuntime.Training;
using FlowRuntime.Training.Onnx;

namespace FlowRuntime.TrainTool.Report;

/// <summary>One figure of a report.</summary>
/// <param name="Name">What it is, with its unit.</param>
/// <param name="Value">Its value.</param>
/// <param name="Floor">The value that real data reach against real data; null where there is none.</param>
/// <param name="Note">What else is to be said; null for nothing.</param>
internal sealed record ReportFigure(string Name, double Value, double? Floor = null, string? Note = null)
{
    /// <summary>The figures of a finished run, what matters most first.</summary>
    /// <param name="progress">The reports of its training, at least one.</param>
    /// <param name="energy">How near its samples are to the data.</param>
    /// <param name="parity">How near the exported network is to the trained one.</param>
    /// <param name="quality">What solvers need on it; null where that was not measured.</param>
    public static IReadOnlyList<ReportFigure> Of(IReadOnlyList<TrainingProgress> progress, EnergyFigure energy, ExportParity parity, QualityCard? quality)
    {
        double seconds = progress.Select((report, i) => (report.Step - (i == 0 ? 0 : progress[i - 1].Step)) / report.StepsPerSecond).Sum();
        var figures = new List<ReportFigure>
        {
            new("energy distance to held-out data", energy.Distance, energy.Floor, string.Create(CultureInfo.InvariantCulture, $"{energy.Ratio:F2} times the floor, which is that of real rows to real rows")),
        };
        if (progress.LastOrDefault(report => report.ValidationLoss is not null).ValidationLoss is { } heldOut)
            figures.Add(new("loss, held out", heldOut, Note: "of the moving average, which is exported"));
        if (quality is not null)
            figures.Add(Evaluations("normal", quality.Normal));
        figures.AddRange(
            new("training time, s", seconds, Note: "of the steps alone"),
            new("steps a second", progress[^1].Step / seconds),
            new("exported against trained", parity.MaxRelativeDifference, Note: "largest relative difference of a prediction, through the runtime"),
            new("loss, training", progress[^1].Loss, Note: "squared velocity error a value; it does not go to 0, since many velocities cross at a point"));
        if (quality is not null)
            figures.AddRange(Evaluations("draft", quality.Draft), Evaluations("fine", quality.Fine));
        return figures;
    }

    /// <summary>The number as it is shown.</summary>
    public static string Text(double number) => number.ToString(Math.Abs(number) switch
    {
        >= 1e15 or (> 0 and < 1e-4) => "0.0e+0",
        >= 1_000 => "N0",
        < 0.1 => "G3",
        _ => "G4",
    }, CultureInfo.InvariantCulture);

    private static ReportFigure Evaluations(string name, QualityLevelCard level) => new($"evaluations a sample, {name}", level.Evaluations ?? double.NaN, Note: string.Create(
        CultureInfo.InvariantCulture, $"{level.Method} at tolerance {level.Tolerance:G2}{(level.Error is { } error ? $", error {error:P1} of the data's deviation" : "")}"));
}
