using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using FlowRuntime.Cards;
using FlowRuntime.Paths;
using FlowRuntime.Training;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;

namespace FlowRuntime.TrainTool;

/// <summary>Everything a run is determined by: its data, its path, its network and its training.</summary>
/// <param name="Data">The data, such as <c>digits</c> or <c>csv:/data/iris.csv</c>; see <see cref="DataSource"/>.</param>
/// <param name="Path">The path from noise to data, as in the model's card; σ's in the network's units.</param>
/// <param name="Objective">What the network is taught.</param>
/// <param name="Network">The kind of network and its size; in JSON its <c>kind</c> is <c>mlp</c>, <c>unet</c> or <c>dit</c>, with the options of that kind.</param>
/// <param name="Training">How it is trained.</param>
/// <param name="LabelColumn">Name of a table's column of classes; null for none.</param>
/// <param name="Init">The file of weights it starts from where they fit; null for random ones.</param>
/// <param name="Images">How the images of a folder become rows; null for other data.</param>
/// <param name="ClassNames">Names of the classes of IDX files; null for those of the folder.</param>
/// <param name="AsImages">Whether the rows of a NumPy array are images.</param>
/// <param name="Augmentation">Random changes of images as they are drawn; null for none.</param>
/// <param name="Pictures">When pictures are drawn during the training; null for some ten.</param>
/// <param name="ConditionColumns">Names of a table's columns that rows are conditioned on; null for none.</param>
/// <param name="Conditions">A table, such as <c>csv:/data/attributes.csv</c>, whose rows the images are conditioned on, in their order; null for none.</param>
internal sealed record RunConfiguration(
    string Data, PathCard Path, ObjectiveConfiguration Objective, NetworkOptions Network, TrainingOptions Training, string? LabelColumn = null, string? Init = null,
    ImageFolderOptions? Images = null, IReadOnlyList<string>? ClassNames = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool AsImages = false, Augmentation? Augmentation = null,
    PictureOptions? Pictures = null, IReadOnlyList<string>? ConditionColumns = null, string? Conditions = null)
{
    private static readonly JsonTypeInfo<RunConfiguration> Contract = (JsonTypeInfo<RunConfiguration>)new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false) },
        AllowOutOfOrderMetadataProperties = true,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { NameNetworks } },
    }.GetTypeInfo(typeof(RunConfiguration));

    /// <summary>What suits a data set where nothing else is said.</summary>
    /// <exception cref="ArgumentException">There is no such data set.</exception>
    public static RunConfiguration For(string data)
    {
        data = DataSource.Resolve(data, labelColumn: null);
        return data == "digits"
            // 1,438 images are learnt by heart if the training is long: after 2,000 steps samples lie as far from the
            // nearest training image as held-out digits do, after 6,000 they are nearly copies. σ_min is 5% of the grey range.
            ? new(data, new PathCard(PathKind.ConditionalOt, SigmaMin: 0.1), new ObjectiveConfiguration(), new MlpOptions { Width = 256, Blocks = 3 }, new TrainingOptions { Steps = 2_000 })
            : DataSource.IsImages(data)
            ? new(data, new PathCard(PathKind.ConditionalOt), new ObjectiveConfiguration(), new UNetOptions(), new TrainingOptions { Steps = 10_000, BatchSize = 64, LearningRate = 1e-3 },
                Images: DataSource.ImagesOf(data), Augmentation: new Augmentation { Levels = 256 })
            : new(data, new PathCard(PathKind.ConditionalOt), new ObjectiveConfiguration(), new MlpOptions { Width = 64, Blocks = 3 }, new TrainingOptions { Steps = 20_000 });
    }

    /// <summary>Lays a JSON object over this configuration.</summary>
    /// <param name="overlay">Fields to change, by their names in the file.</param>
    /// <param name="source">Where the fields come from, for messages.</param>
    /// <exception cref="InvalidDataException">A field is unknown, of the wrong kind or out of its range.</exception>
    public RunConfiguration With(JsonObject overlay, string source)
    {
        JsonObject json = Json();
        Lay(json, overlay);
        return Checked(json, source);
    }

    /// <summary>Lays fields over a configuration; where they name another kind of network, over that kind's defaults.</summary>
    private static void Lay(JsonObject json, JsonObject overlay)
    {
        if (overlay["network"] is JsonObject given && given["kind"] is { } kind && !JsonNode.DeepEquals(kind, (json["network"] as JsonObject)?["kind"]))
            json["network"] = new JsonObject();
        StrictJson.Overlay(json, overlay);
    }

    private static RunConfiguration Checked(JsonObject json, string source)
    {
        try
        {
            RunConfiguration changed = StrictJson.Read(json, Contract, source);
            if (changed.ClassNames?.Contains(null!) == true || changed.ConditionColumns?.Contains(null!) == true)
                throw new InvalidDataException($"{source}: a name among class_names or condition_columns is null. Give it one.");
            changed.MakeObjective().Check();
            changed = changed with { Conditions = changed.Conditions is null ? null : DataSource.Resolve(changed.Conditions, labelColumn: null) };
            changed = changed with { Data = DataSource.Resolve(changed.Data, changed.LabelColumn, changed.ConditionColumns) };
            DataSource.CheckSettings(changed);
            return changed;
        }
        catch (ArgumentOutOfRangeException e)
        {
            string field = JsonNamingPolicy.SnakeCaseLower.ConvertName(e.ParamName!), cure = e.Message.Split(" (Parameter", 2)[0];
            string? section = json.FirstOrDefault(part => part.Value is JsonObject fields && fields.ContainsKey(field)).Key;
            throw new InvalidDataException($"{source}: field '{(section is null ? field : $"{section}.{field}")}' is {e.ActualValue}. {cure}", e);
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"{source}: {e.Message.Split(" (Parameter", 2)[0]}", e);
        }
    }

    /// <summary>Lays settings <c>key.key=value</c> over this configuration, all together; a value is JSON, or else text.</summary>
    /// <exception cref="ArgumentException">A text has no key.</exception>
    /// <exception cref="InvalidDataException">A field is unknown, of the wrong kind or out of its range, or they do not go together.</exception>
    public RunConfiguration With(IReadOnlyList<string> settings)
    {
        JsonObject json = Json();
        foreach (string setting in settings.OrderByDescending(setting => setting.StartsWith("network.kind=", StringComparison.Ordinal)))
            Lay(json, Parse(setting)); // the kind first: the order of settings says nothing
        return settings.Count == 0 ? this : Checked(json, $"--set {ForeignText.Shown(string.Join(' ', settings))}");
    }

    private JsonObject Json() => (JsonObject)JsonSerializer.SerializeToNode(this, Contract)!;

    private static JsonObject Parse(string setting)
    {
        if (setting.Split('=', 2) is not [{ Length: > 0 } key, var text])
            throw new ArgumentException($"'{ForeignText.Shown(setting)}' sets nothing. Write key=value, such as training.steps=500.");
        JsonNode? value;
        try
        {
            using (JsonDocument.Parse(text)) // one value of JSON, then
                value = StrictJson.Parse($"{{\"value\":{text}}}", $"--set {ForeignText.Shown(setting)}")["value"]?.DeepClone();
        }
        catch (JsonException)
        {
            value = text;
        }
        foreach (string name in key.Split('.').Reverse())
            value = new JsonObject { [name] = value };
        return (JsonObject)value!;
    }

    /// <summary>Reads a run's file.</summary>
    /// <exception cref="InvalidDataException">A field is unknown, of the wrong kind or out of its range, or they do not go together.</exception>
    public static RunConfiguration Read(string path)
    {
        JsonObject json = StrictJson.Parse(File.ReadAllText(path), path);
        if (json["network"] is JsonObject network && !network.ContainsKey("kind"))
            network["kind"] = "mlp"; // runs from before there were others
        return Checked(json, path);
    }

    /// <summary>The configuration as others may see it: files and folders by their own names, since where they lie is nobody's business.</summary>
    public RunConfiguration WithoutFolders() => this with
    {
        Data = DataSource.WithoutFolder(Data),
        Conditions = Conditions is null ? null : DataSource.WithoutFolder(Conditions),
        Init = Init is null ? null : $"{System.IO.Path.GetFileName(System.IO.Path.GetDirectoryName(Init))}/{System.IO.Path.GetFileName(Init)}",
    };

    public string ToJson() => JsonSerializer.Serialize(this, Contract);

    /// <summary>The data, in their two parts.</summary>
    /// <param name="report">Told what is worth knowing of their files, in lines.</param>
    /// <exception cref="InvalidDataException">The network cannot take them, or they cannot be read.</exception>
    public DataSplit LoadData(Action<string>? report = null)
    {
        DataSplit split = DataSource.Split(this, report);
        Augmentation?.Check(split.Train.Shape, split.Train.Card.Image);
        try
        {
            Network.CheckFor(split.Train.Shape);
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"network: {e.Message.Split(" (Parameter", 2)[0]}", e);
        }
        TrainingMemory.Require(this, split.Train);
        CardFile.FromJson(CardFile.ToJson(ModelCards.Of(this, split.Train)), "the model's card"); // as it will be refused after the training
        return split;
    }

    /// <summary>What the network is taught.</summary>
    /// <exception cref="ArgumentException">The path or what is asked for on it is not possible.</exception>
    public FlowMatchingOptions MakeObjective()
    {
        if (Objective.Prediction != PredictionKind.Velocity && Path.Kind is (PathKind.IndependentPairs or PathKind.SchrodingerBridge))
            throw new ArgumentException($"On the path '{Path.Kind}' a network predicts velocities alone; objective.prediction is '{Objective.Prediction}'.");
        if (Path.Coupling is not null)
            throw new ArgumentException($"path.coupling is written by the training. Set objective.coupling to '{Path.Coupling}' instead.");
        ProbabilityPath path = ProbabilityPath.Of(Path);
        (double start, double end) = path.TimeRange(Objective.Prediction);
        return Objective.On(path) with { TimeRange = (Math.Max(start, Path.Start), Math.Min(end, Path.End)), Augmentation = Augmentation ?? new() };
    }

    public VelocityNetwork MakeNetwork(Dataset data) => Trainer.Seeded(Training.Seed, () => Network.Make(data.Shape, data.ClassNames?.Count ?? 0, data.Vectors?.Length ?? 0));

    private static void NameNetworks(JsonTypeInfo type)
    {
        if (type.Type == typeof(NetworkOptions))
        {
            type.PolymorphismOptions = new JsonPolymorphismOptions
            {
                TypeDiscriminatorPropertyName = "kind",
                DerivedTypes = { new(typeof(MlpOptions), "mlp"), new(typeof(UNetOptions), "unet"), new(typeof(DitOptions), "dit") },
            };
        }
    }
}
