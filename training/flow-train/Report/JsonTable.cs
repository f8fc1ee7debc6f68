using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace FlowRuntime.TrainTool.Report;

/// <summary>A JSON object as a table of two columns: the path of each field, and its value.</summary>
internal static class JsonTable
{
    private const int LongText = 160;

    /// <summary>Makes the table.</summary>
    /// <param name="json">The JSON text of an object.</param>
    public static XElement Of(string json) => new("table", new XElement("tbody", Rows(JsonNode.Parse(json)!, "").Select(row =>
        new XElement("tr", new XElement("th", new XAttribute("scope", "row"), row.Field), new XElement("td", Cell(row.Value))))));

    /// <summary>A value, folded where it is long.</summary>
    private static object Cell(string value) => value.Length <= LongText ? value
        : new XElement("details", new XElement("summary", $"{value[..(LongText / 2)]} …"), value);

    private static IEnumerable<(string Field, string Value)> Rows(JsonNode? node, string field) => node switch
    {
        JsonObject { Count: > 0 } fields => fields.SelectMany(entry => Rows(entry.Value, field.Length == 0 ? entry.Key : $"{field}.{entry.Key}")),
        JsonArray { Count: > 0 } items when items.Any(item => item is JsonObject) => items.SelectMany((item, i) => Rows(item, $"{field}[{i}]")),
        JsonArray items => [(field, $"[{string.Join(", ", items.Select(Text))}]")],
        _ => [(field, Text(node))],
    };

    private static string Text(JsonNode? node) => node switch
    {
        JsonArray items => $"[{string.Join(", ", items.Select(Text))}]",
        null => "null",
        _ => node.ToString(),
    };
}
