using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;
using FlowRuntime.Tool.Input;
using FlowRuntime.Tool.Isolation;

namespace FlowRuntime.Tool.Verbs;

/// <summary><c>flow card MODEL</c>: begins a sidecar for a network of somebody else's.</summary>
internal sealed class CardCommand
{
    private static readonly JsonSerializerOptions Readable = new(ToolJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly CardQuestion Table = new("path.alpha_bar", "Which ᾱ has each step, from nearly clean to noise? (a list, or @FILE, or @FILE:NAME)", []);

    private readonly Argument<string> _model = new("MODEL") { Description = "The .onnx file." };
    private readonly Option<string?> _out = new("--out") { Description = "File to write, .json. Default: NAME.flow.json beside the model, which must not be there yet." };
    private readonly Option<string[]> _set = new("--set") { Description = "An answer, FIELD=VALUE: text, a number or JSON; or FIELD=@FILE, a file of JSON, of which @FILE:NAME takes one field. May be given several times." };
    private readonly Option<bool> _ask = new("--ask") { Description = "Ask for what is missing, a line a question. Default: on a terminal." };
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object and nothing else; nothing is asked." };

    public static Command Make() => new CardCommand().MakeCommand();

    private Command MakeCommand()
    {
        var command = new Command("card", """
            Writes a sidecar for a network that has no card: what the graph tells is filled in, and what it does not tell is asked for, or marked with "?".

            Examples:
              flow card unet.onnx
              flow card unet.onnx --set prediction.kind=noise --set path.kind=tabulated --set path.alpha_bar=@schedule.json:abars --set time.steps=1000
            """)
        {
            _model, _out, _set, _ask, _json, Sandbox.Option,
        };
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        string model = parsed.GetRequiredValue(_model);
        bool json = parsed.GetValue(_json);
        CardDraft draft = CardDraft.Of(model);
        SandboxedProcess.Works();
        string path = parsed.GetValue(_out) ?? CardFile.SidecarOf(model);
        if (parsed.GetValue(_out) is null && File.Exists(path))
            throw new ArgumentException($"There is already {path}. Name another file with --out, or that one.");
        if (!path.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
            throw new ArgumentException($"--out: {path} does not end in .json, as a card does."); // it may be the model
        CommandHost.RequireWritable("--out", path);
        TextWriter output = parsed.InvocationConfiguration.Output;
        foreach (string answer in parsed.GetValue(_set) ?? [])
            CommandHost.Checked("--set", () => Set(draft.Json, answer));
        if (!json && (parsed.GetValue(_ask) || !Console.IsInputRedirected))
            Ask(draft, Console.In, output);
        AskForTable(draft.Json);
        string[] missing = [.. Missing(draft.Json, "")];
        WholeFile.Write(path, draft.Json.ToJsonString(Readable) + "\n");
        if (json)
        {
            output.WriteLine(JsonSerializer.Serialize(new CardReport(model, path, missing), ToolJson.Default.CardReport));
            return CommandHost.Done;
        }
        output.WriteLine($"Written: {path}");
        foreach (string field in missing)
        {
            CardQuestion? question = Questions(draft).FirstOrDefault(question => question.Field == field);
            output.WriteLine($"missing  {field,-26} {question?.Text}{Choices(question)}");
        }
        output.WriteLine(missing.Length == 0 ? $"Nothing is missing: try flow inspect {model}" : "Replace each \"?\" there. What the fields mean is in docs/model-card.md.");
        return CommandHost.Done;
    }

    private static string Choices(CardQuestion? question) =>
        question is null ? "" : (question.Choices.Count > 0 ? $" ({string.Join(", ", question.Choices)})" : "") + (question.Usual is { } usual ? $" Often {usual}." : "");

    /// <summary>What the graph does not tell, and the table where the path is one.</summary>
    private static IEnumerable<CardQuestion> Questions(CardDraft draft) => draft.Questions.SelectMany(question => question.Field == "path.kind" ? [question, Table] : new[] { question });

    /// <summary>Marks the table as missing where the path is one.</summary>
    private static void AskForTable(JsonObject card)
    {
        if (card["path"] is JsonObject path && path["kind"] is JsonValue kind && kind.TryGetValue(out string? name) && name == "tabulated" && path["alpha_bar"] is null)
            path["alpha_bar"] = CardDraft.Open;
    }

    /// <summary>Asks what is still open; an empty line leaves it so.</summary>
    private static void Ask(CardDraft draft, TextReader input, TextWriter output)
    {
        foreach (CardQuestion question in Questions(draft))
        {
            AskForTable(draft.Json);
            while (Missing(draft.Json, "").Contains(question.Field))
            {
                output.Write($"{question.Text}{Choices(question)} ");
                output.Flush();
                if (input.ReadLine()?.Trim() is not { Length: > 0 } answer)
                    break;
                if (question.Choices.Count > 0 && !question.Choices.Contains(answer))
                {
                    output.WriteLine($"There is no '{answer}'.");
                    continue;
                }
                try
                {
                    Set(draft.Json, $"{question.Field}={answer}");
                }
                catch (ArgumentException e)
                {
                    output.WriteLine(e.Message);
                }
            }
        }
    }

    /// <summary>Puts an answer at its field.</summary>
    private static string Set(JsonObject card, string answer)
    {
        if (answer.Split('=', 2) is not [var field, var text] || field.Length == 0)
            throw new ArgumentException($"'{answer}' is no answer. Give FIELD=VALUE, such as prediction.kind=noise.");
        JsonNode at = card;
        string[] names = field.Split('.');
        for (int i = 0; i < names.Length; i++)
        {
            string name = names[i];
            int bracket = name.IndexOf('[', StringComparison.Ordinal);
            int? place = bracket >= 0 && int.TryParse(name.AsSpan(bracket + 1).TrimEnd(']'), out int number) ? number : null;
            string key = bracket >= 0 ? name[..bracket] : name;
            bool last = i == names.Length - 1 && place is null;
            if (at is not JsonObject section)
                throw new ArgumentException($"the draft has no field '{field}'.");
            if (last)
            {
                section[key] = Value(text);
                return field;
            }
            at = place is { } element ? (section[key] as JsonArray)?.ElementAtOrDefault(element) ?? throw new ArgumentException($"the draft has no field '{field}'.")
                : section[key] ??= new JsonObject();
        }
        throw new ArgumentException($"'{field}' names no field.");
    }

    /// <summary>An answer as JSON: from a file, as JSON itself, or as text.</summary>
    private static JsonNode? Value(string text)
    {
        if (text.StartsWith('@'))
            return FromFile(text[1..]);
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);
        }
    }

    private static JsonNode? FromFile(string text)
    {
        int colon = text.LastIndexOf(':');
        (string path, string? name) = File.Exists(text) || colon <= 1 ? (text, null) : (text[..colon], text[(colon + 1)..]);
        try
        {
            JsonNode? content = JsonNode.Parse(SmallText.Read(path));
            return name is null ? content : (content as JsonObject)?[name]?.DeepClone() ?? throw new ArgumentException($"{path} has no field '{name}'.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new ArgumentException($"{path} cannot be read as JSON: {e.Message.Split('\n')[0]}", e);
        }
    }

    /// <summary>The fields that hold nothing but the mark.</summary>
    private static IEnumerable<string> Missing(JsonNode? node, string field) => node switch
    {
        JsonObject section => section.SelectMany(entry => Missing(entry.Value, field.Length == 0 ? entry.Key : $"{field}.{entry.Key}")),
        JsonArray list => list.SelectMany((entry, i) => Missing(entry, $"{field}[{i}]")),
        JsonValue value when value.TryGetValue(out string? text) && text == CardDraft.Open => [field],
        _ => [],
    };
}
