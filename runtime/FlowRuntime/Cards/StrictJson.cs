using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace FlowRuntime.Cards;

/// <summary>
/// Reads JSON objects as records so that each mistake is named: an unknown field, a missing one, a value of the wrong
/// kind, and in which file.
/// </summary>
public static class StrictJson
{
    /// <summary>Deepest nesting of objects and arrays that is read.</summary>
    public const int MaxDepth = 16;

    /// <summary>Parses the text of a JSON object.</summary>
    /// <param name="text">The text.</param>
    /// <param name="source">The file, for messages.</param>
    /// <exception cref="InvalidDataException">The text is not a JSON object.</exception>
    public static JsonObject Parse(string text, string source)
    {
        try
        {
            CheckText(text);
            return JsonNode.Parse(text, documentOptions: new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false }) as JsonObject
                ?? throw new InvalidDataException($"{source}: this is JSON, but not an object with fields.");
        }
        catch (JsonException e)
        {
            string line = e.LineNumber is { } number ? $" (line {number + 1})" : "";
            throw new InvalidDataException($"{source}: this is not JSON: {FirstSentence(e)}{line}.", e);
        }
        catch (InvalidOperationException e)
        {
            throw new InvalidDataException($"{source}: this has half of a surrogate pair in a text.", e);
        }
    }

    /// <summary>Lays one object over another, field by field; a field given as null is taken away.</summary>
    /// <param name="target">The object that is changed.</param>
    /// <param name="overlay">The object whose fields win.</param>
    public static void Overlay(JsonObject target, JsonObject overlay)
    {
        foreach ((string name, JsonNode? value) in overlay)
        {
            if (value is null)
                target.Remove(name);
            else if (value is JsonObject section && target[name] is JsonObject existing)
                Overlay(existing, section);
            else
                target[name] = value.DeepClone();
        }
    }

    /// <summary>Reads an object as a record.</summary>
    /// <param name="json">The object.</param>
    /// <param name="type">The record's contract.</param>
    /// <param name="source">The file, for messages.</param>
    /// <exception cref="InvalidDataException">A field is unknown, missing or of the wrong kind; the message names it.</exception>
    public static T Read<T>(JsonObject json, JsonTypeInfo<T> type, string source)
    {
        CheckFields(json, type, source, prefix: "");
        try
        {
            return json.Deserialize(type)!;
        }
        catch (JsonException e)
        {
            string field = e.Path is { Length: > 2 } path ? OneLine(path[2..]) : "(top level)";
            throw new InvalidDataException($"{source}: field '{field}' has a value of the wrong kind.", e);
        }
    }

    /// <summary>Decodes every name and text: JSON's grammar allows escapes such as \ud800 that no text can hold.</summary>
    private static void CheckText(string json)
    {
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(json), new JsonReaderOptions { MaxDepth = MaxDepth });
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.PropertyName or JsonTokenType.String)
                reader.GetString();
        }
    }

    private static void CheckFields(JsonObject json, JsonTypeInfo type, string source, string prefix)
    {
        string? kindField = type.PolymorphismOptions?.TypeDiscriminatorPropertyName;
        if (kindField is not null)
            type = KindOf(json, type, $"{source}: field '{prefix}{kindField}'");
        foreach ((string name, JsonNode? value) in json)
        {
            if (name == kindField)
                continue;
            JsonPropertyInfo property = type.Properties.FirstOrDefault(p => p.Name == name)
                ?? throw new InvalidDataException(
                    $"{source}: unknown field '{OneLine(prefix + name)}'. Known here: {string.Join(", ", type.Properties.Select(p => p.Name))}.");
            JsonTypeInfo section = type.Options.GetTypeInfo(property.PropertyType);
            Type kind = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
            if (kind.IsEnum && value is not null)
                CheckName(value, kind, type.Options.GetTypeInfo(kind), $"{source}: field '{prefix}{name}'");
            if (value is JsonObject inner && section.Kind == JsonTypeInfoKind.Object)
                CheckFields(inner, section, source, $"{prefix}{name}.");
        }
        foreach (JsonPropertyInfo property in type.Properties)
        {
            if (property.IsRequired && json[property.Name] is null)
                throw new InvalidDataException($"{source}: the field '{prefix}{property.Name}' is missing.");
        }
    }

    /// <summary>The contract of the kind of record that an object says it is.</summary>
    private static JsonTypeInfo KindOf(JsonObject json, JsonTypeInfo type, string field)
    {
        JsonPolymorphismOptions kinds = type.PolymorphismOptions!;
        JsonNode? value = json[kinds.TypeDiscriminatorPropertyName];
        string choose = $"Give one of: {string.Join(", ", kinds.DerivedTypes.Select(kind => kind.TypeDiscriminator))}.";
        if (value is null)
            throw new InvalidDataException($"{field} is missing. {choose}");
        string? name = value is JsonValue text && text.TryGetValue(out string? told) ? told : null;
        foreach (JsonDerivedType kind in kinds.DerivedTypes)
        {
            if (name is not null && kind.TypeDiscriminator is string known && known == name)
                return type.Options.GetTypeInfo(kind.DerivedType);
        }
        throw new InvalidDataException($"{field} has a value of the wrong kind, {value.ToJsonString()}. {choose}");
    }

    /// <summary>Requires one of an enumeration's names; its own converter would tell none of them, and read a list of names as flags.</summary>
    private static void CheckName(JsonNode value, Type kind, JsonTypeInfo contract, string field)
    {
        string[] names = [.. Enum.GetValuesAsUnderlyingType(kind).Cast<object>()
            .Select(number => JsonSerializer.SerializeToNode(Enum.ToObject(kind, number), contract)!.GetValue<string>())];
        if (!(value is JsonValue text && text.TryGetValue(out string? name) && names.Contains(name)))
            throw new InvalidDataException($"{field} has a value of the wrong kind, {value.ToJsonString()}. Give one of: {string.Join(", ", names)}.");
    }

    /// <summary>The message without the path and position that follow its first sentence.</summary>
    private static string FirstSentence(JsonException e)
    {
        int end = e.Message.IndexOf(". ", StringComparison.Ordinal);
        return OneLine(end < 0 ? e.Message.TrimEnd('.') : e.Message[..end]);
    }

    /// <summary>A text of the file as a message shows it: without what would break or steer its line.</summary>
    private static string OneLine(string text) => string.Concat(text.Select(symbol => char.IsControl(symbol) ? ' ' : symbol));
}
