using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using FlowRuntime.Cards;
using FlowRuntime.Training;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;

namespace FlowRuntime.TrainTool;

/// <summary>Everything a run is determined by: its data, its network and its training.</summary>
/// <param name="Data">The data, such as <c>digits</c>.</param>
/// <param name="SigmaMin">σ_min of the conditional OT path.</param>
/// <param name="Network">The network's size.</param>
/// <param name="Training">How it is trained.</param>
internal sealed record RunConfiguration(string Data, double SigmaMin, MlpOptions Network, TrainingOptions Training)
{
    private static readonly Dictionary<string, Func<Dataset>> Datasets = new()
    {
        ["moons"] = () => PlaneData.Moons(),
        ["8gaussians"] = () => PlaneData.EightGaussians(),
        ["digits"] = Digits.Load,
    };

    private static JsonTypeInfo<RunConfiguration> Contract { get; } = (JsonTypeInfo<RunConfiguration>)new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        WriteIndented = true,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
    }.GetTypeInfo(typeof(RunConfiguration));

    /// <summary>What suits a data set where nothing else is said.</summary>
    /// <exception cref="ArgumentException">There is no such data set.</exception>
    public static RunConfiguration For(string data)
    {
        if (!Datasets.ContainsKey(data))
            throw new ArgumentException($"There is no data set '{data}'. Choose one of: {string.Join(", ", Datasets.Keys)}.");
        return data == "digits"
            ? new(data, 0, new MlpOptions(Width: 256, Blocks: 3), new TrainingOptions { Steps = 8_000, LearningRate = 2e-3, EmaDecay = 0.999 })
            : new(data, 0, new MlpOptions(Width: 64, Blocks: 3), new TrainingOptions { Steps = 20_000, BatchSize = 512, LearningRate = 2e-3 });
    }

    /// <summary>Lays a JSON object over this configuration.</summary>
    /// <param name="overlay">Fields to change, by their names in the file.</param>
    /// <param name="source">Where the fields come from, for messages.</param>
    public RunConfiguration With(JsonObject overlay, string source)
    {
        var json = (JsonObject)JsonSerializer.SerializeToNode(this, Contract)!;
        StrictJson.Overlay(json, overlay);
        return StrictJson.Read(json, Contract, source);
    }

    public static RunConfiguration Read(string path) => StrictJson.Read(StrictJson.Parse(File.ReadAllText(path), path), Contract, path);

    public string ToJson() => JsonSerializer.Serialize(this, Contract);

    public DataSplit LoadData() => DataSplit.Of(Datasets[Data]());

    public MlpNetwork MakeNetwork(Dataset data) =>
        Trainer.Seeded(Training.Seed, () => new MlpNetwork(data.Shape, data.ClassNames?.Count ?? 0, Network));
}
