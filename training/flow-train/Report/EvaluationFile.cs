using System.Text.Json.Nodes;
using FlowRuntime.Cards;
using FlowRuntime.Training.Data;

namespace FlowRuntime.TrainTool.Report;

/// <summary>
/// What an evaluation found: <c>evaluation.json</c> in a run's folder, with figures of a name and a value each, and where there is one a floor
/// and a note. What else it holds is let be.
/// </summary>
internal static class EvaluationFile
{
    /// <summary>Reads the figures, none where there is no file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">The file holds no figures, or broken ones.</exception>
    public static IReadOnlyList<ReportFigure> Read(string path)
    {
        if (!File.Exists(path))
            return [];
        return StrictJson.Parse(File.ReadAllText(path), path)["figures"] is JsonArray figures ? [.. figures.Select(Figure)]
            : throw new InvalidDataException($"{path}: there is no list of figures. Make the evaluation anew, or remove it.");

        ReportFigure Figure(JsonNode? node, int i) => node is JsonObject fields && Is<string>(fields["name"]) && Is<double>(fields["value"])
            && (fields["floor"] is null || Is<double>(fields["floor"])) && (fields["note"] is null || Is<string>(fields["note"]))
            ? new ReportFigure((string)fields["name"]!, (double)fields["value"]!, (double?)fields["floor"], (string?)fields["note"])
            : throw new InvalidDataException($"{path}: figures[{i}] is {ForeignText.Shown(node?.ToJsonString() ?? "null")}. Give it a name and a value, such as {{\"name\": \"accuracy\", \"value\": 0.98}}.");
    }

    private static bool Is<T>(JsonNode? node) => node is JsonValue value && value.TryGetValue(out T? _);
}
