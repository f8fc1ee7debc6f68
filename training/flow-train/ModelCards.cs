using FlowRuntime.Cards;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Onnx;

namespace FlowRuntime.TrainTool;

/// <summary>The card of a model trained here.</summary>
internal static class ModelCards
{
    public static FlowCard Of(RunConfiguration run, Dataset data, WeightPrecision precision = WeightPrecision.Float32)
    {
        (double start, double end) = run.MakeObjective().Range;
        CouplingKind? coupling = run.Objective.Coupling == CouplingKind.Independent ? null : run.Objective.Coupling;
        return OnnxExporter.CardOf(data, run.Path with { Start = start, End = end, Coupling = coupling }, run.Objective.Prediction) with
        {
            Provenance = new ProvenanceCard(
                Data: data.Name, // of a table the file's name: its folder is nobody's business
                Steps: run.Training.Steps,
                Seed: run.Training.Seed,
                Date: DateTime.UtcNow.ToString("yyyy-MM-dd"),
                Software: $"FlowRuntime {typeof(FlowModel).Assembly.GetName().Version!.ToString(3)}",
                Licence: DataSource.LicenceOf(run.Data),
                Precision: precision == WeightPrecision.Float32 ? null : Choice.Name(precision)),
        };
    }
}
