using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace FlowRuntime.Cards;

/// <summary>Reads a model's card from its file and sidecar, and writes it into the file.</summary>
public static class CardFile
{
    /// <summary>The card's contract for writing, with class names such as "café" as they are.</summary>
    private static readonly JsonTypeInfo<FlowCard> Readable = (JsonTypeInfo<FlowCard>)new JsonSerializerOptions(FlowCardJson.Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    }.GetTypeInfo(typeof(FlowCard));

    private static readonly JsonSerializerOptions Dense = new(Readable.Options) { WriteIndented = false };

    /// <summary>Key of the ONNX metadata entry that holds the card.</summary>
    public const string MetadataKey = "flow.card";

    /// <summary>The sidecar of a model: <c>digits.onnx</c> has <c>digits.flow.json</c> beside it.</summary>
    /// <param name="modelPath">The ONNX file.</param>
    public static string SidecarOf(string modelPath) => Path.ChangeExtension(modelPath, ".flow.json");

    /// <summary>Reads and checks a model's card: its metadata, overlaid field by field by its sidecar if there is one.</summary>
    /// <param name="modelPath">The ONNX file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is no ONNX model, has no card, or the card is wrong; the message names file and field.</exception>
    public static FlowCard Read(string modelPath)
    {
        if (!File.Exists(modelPath))
            throw new FileNotFoundException($"There is no model file {modelPath}.", modelPath);
        string? metadata = OnnxFile.ReadMetadata(modelPath, MetadataKey);
        string sidecarPath = SidecarOf(modelPath);
        string? sidecar = File.Exists(sidecarPath) ? File.ReadAllText(sidecarPath) : null;
        if (metadata is null && sidecar is null)
            throw new InvalidDataException($"{modelPath} has no card (no metadata '{MetadataKey}') and no sidecar. Write {sidecarPath} to say what the network predicts and how it is fed, or let flow card begin it; see docs/model-card.md.");

        string source = sidecar is null ? modelPath : metadata is null ? sidecarPath : $"{modelPath} with {sidecarPath}";
        JsonObject json = metadata is null ? [] : StrictJson.Parse(metadata, $"the card of {modelPath}");
        if (sidecar is not null)
            StrictJson.Overlay(json, StrictJson.Parse(sidecar, sidecarPath));
        return Parse(json, $"the card of {source}");
    }

    /// <summary>Writes a card into a model's metadata; the graph is not touched.</summary>
    /// <param name="modelPath">The ONNX file.</param>
    /// <param name="card">The card; it is checked first.</param>
    /// <exception cref="InvalidDataException">The file is no ONNX model, or the card is wrong.</exception>
    public static void Write(string modelPath, FlowCard card)
    {
        CardCheck.Check(card, $"the card for {modelPath}");
        OnnxFile.WriteMetadata(modelPath, MetadataKey, JsonSerializer.SerializeToNode(card, Readable)!.ToJsonString(Dense));
    }

    /// <summary>Writes hints into the card where it lies: the model's metadata, or its sidecar where that holds the card or its hints.</summary>
    /// <param name="modelPath">The ONNX file.</param>
    /// <param name="hints">The hints.</param>
    /// <exception cref="InvalidDataException">The file has no card, or the card with these hints is wrong.</exception>
    public static void WriteHints(string modelPath, HintsCard hints)
    {
        FlowCard whole = Read(modelPath);
        CardCheck.Check(whole with { Hints = hints }, $"the card of {modelPath}");
        string sidecarPath = SidecarOf(modelPath);
        JsonObject? sidecar = File.Exists(sidecarPath) ? StrictJson.Parse(File.ReadAllText(sidecarPath), sidecarPath) : null;
        string? metadata = OnnxFile.ReadMetadata(modelPath, MetadataKey);
        JsonObject? card = metadata is null ? null : StrictJson.Parse(metadata, $"the card of {modelPath}");
        var json = (JsonObject)JsonSerializer.SerializeToNode(hints, FlowCardJson.Default.HintsCard)!;
        if (card is not null && sidecar?.ContainsKey("hints") != true)
        {
            // What the sidecar overlays stays out of the file; the metadata alone need be no whole card.
            card["hints"] = json;
            OnnxFile.WriteMetadata(modelPath, MetadataKey, card.ToJsonString(Dense)); // profiles have hundreds of numbers
            return;
        }
        if (card?["hints"] is JsonObject earlier)
            TakeAwayTheRest(earlier, json);
        sidecar!["hints"] = json;
        string partial = sidecarPath + ".partial";
        try
        {
            using (FileStream file = File.Create(partial))
            {
                file.Write(Encoding.UTF8.GetBytes(sidecar.ToJsonString(Readable.Options) + "\n"));
                DiskFlush.Flush(file);
            }
            File.Move(partial, sidecarPath, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    /// <summary>Makes an overlay say null for every field that only the object below it has, so that none comes through.</summary>
    private static void TakeAwayTheRest(JsonObject below, JsonObject overlay)
    {
        foreach ((string name, JsonNode? value) in below)
        {
            if (!overlay.TryGetPropertyValue(name, out JsonNode? over))
                overlay[name] = null;
            else if (value is JsonObject section && over is JsonObject overSection)
                TakeAwayTheRest(section, overSection);
        }
    }

    /// <summary>The card as indented JSON.</summary>
    public static string ToJson(FlowCard card) => JsonSerializer.Serialize(card, Readable);

    /// <summary>Reads and checks a card's JSON.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">The file, for messages.</param>
    /// <exception cref="InvalidDataException">The card is wrong; the message names the field.</exception>
    public static FlowCard FromJson(string json, string source) => Parse(StrictJson.Parse(json, source), source);

    private static FlowCard Parse(JsonObject json, string source)
    {
        // A newer format may have fields this library does not know: say so before stumbling over one.
        if (json["format"] is JsonValue format && format.TryGetValue(out int version) && version > FlowCard.CurrentFormat)
            throw new InvalidDataException($"{source} has format {version}; this library reads up to {FlowCard.CurrentFormat}. Update FlowRuntime.");
        FlowCard card = StrictJson.Read(json, FlowCardJson.Default.FlowCard, source);
        CardCheck.Check(card, source);
        return card;
    }
}
