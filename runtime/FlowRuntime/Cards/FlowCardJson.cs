using System.Text.Json.Serialization;

namespace FlowRuntime.Cards;

/// <summary>The JSON form of <see cref="FlowCard"/>, generated at compile time so that it survives trimming and AOT.</summary>
[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata,
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    Converters = [typeof(NamesOnly<PredictionKind>), typeof(NamesOnly<PathKind>), typeof(NamesOnly<TimeOrigin>), typeof(NamesOnly<TimeQuantity>), typeof(NamesOnly<CouplingKind>)],
    WriteIndented = true)]
[JsonSerializable(typeof(FlowCard))]
internal sealed partial class FlowCardJson : JsonSerializerContext
{
    /// <summary>Reads and writes an enumeration by its names; a number is refused.</summary>
    private sealed class NamesOnly<T>() : JsonStringEnumConverter<T>(namingPolicy: null, allowIntegerValues: false) where T : struct, Enum;
}
