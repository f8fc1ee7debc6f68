using System.Text.Json;

namespace FlowRuntime.TrainTool.Report;

/// <summary>What an evaluation found: <c>evaluation.json</c> in a run's folder; other fields of it are let be.</summary>
/// <param name="Figures">The figures.</param>
internal sealed record Evaluation(IReadOnlyList<ReportFigure> Figures)
{
    private static readonly JsonSerializerOptions Format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    /// <summary>Reads the figures, none where there is no file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">The file holds no figures, or broken ones.</exception>
    public static IReadOnlyList<ReportFigure> FiguresOf(string path)
    {
        if (!File.Exists(path))
            return [];
        try
        {
            return JsonSerializer.Deserialize<Evaluation>(File.ReadAllText(path), Format) is { Figures: var figures } && !figures.Contains(null!) ? figures
                : throw new JsonException("null is no figure.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} holds no figures: {e.Message.Split('\n')[0]} Make it anew, or remove it.", e);
        }
    }
}
