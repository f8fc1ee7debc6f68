using System.Text.Json.Serialization;

namespace FlowRuntime.Cards;

/// <summary>The JSON form of <see cref="FlowCard"/>, generated at compile time so that it survives trimming and AOT.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UseStringEnumConverter = true,
    WriteIndented = true)]
[JsonSerializable(typeof(FlowCard))]
internal sealed partial class FlowCardJson : JsonSerializerContext;
