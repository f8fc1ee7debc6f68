using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using FlowRuntime.Cards;
using FlowRuntime.Paths;

namespace FlowRuntime.Tests;

/// <summary>Cards with anything at any of their fields: each is read, and is then a card that can be written and used, or is refused in one line and little memory.</summary>
public class CardFuzzTests
{
    private const string File = "card.json";

    /// <summary>A card with every field but those that exclude each other.</summary>
    private static readonly string[] Cards =
    [
        CardFile.ToJson(CardJsonTests.Whole),
        CardFile.ToJson(CardJsonTests.Whole with
        {
            Path = new PathCard(PathKind.VarianceExploding, SigmaMin: 0.01, SigmaMax: 50),
            Prediction = new PredictionCard(PredictionKind.Noise),
            Time = new TimeCard(TimeOrigin.Noise, 2, Quantity: TimeQuantity.Time),
            Inputs = new InputsCard("t", "x", "e", [new ConstantInputCard("c", [1, 2], [-1, 2])]),
            Data = new DataCard(Columns: new ColumnsCard(["a", "b", "c", "d"], [1, 2, 3, 4], [1, 2, 3, 4]), Mean: [0], Scale: [1]),
            Latent = null,
        }),
        .. new[] { "digits.onnx", "moons.onnx" }.Select(model => CardFile.ToJson(CardFile.Read(Repository.Model(model)))),
    ];

    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "-1", "1", "2", "3", "4", "0.5", "-0.0", "1e-320", "1e308", "1e400", "-1e400", "2147483647", "2147483648", "-2147483648", "9223372036854775807", "18446744073709551616",
        "123456789012345678901234567890", "1.0", "1e0", "\"\"", "\"NaN\"", "\"Infinity\"", "\"velocity\"", "\"conditional-ot\"", "\"tabulated\"", "\"variance-preserving\"", "\"noise\"", "\"data\"", "\"dopri5\"", "\"../../etc/passwd\"", "\"..\"",
        "\"a\\u0000b\"", "\"a\\nb\"", "\"\\u001b[2J\"", "\"\\ud800\"", "\"\\u202e\"", "\"é\"", "\"\U0001F600\"", "[]", "{}", "[null]", "[[]]", "[{}]", "[0]", "[1,2]", "[1,2,2]", "[-1]", "[65536,65536]", "[1e308,1e308]", "[\"a\",\"a\"]", "[\"\"]",
        "{\"a\":1}", "{\"kind\":\"velocity\"}", "{\"input\":null,\"shape\":null}", "[{\"input\":null,\"shape\":null}]", "[{\"input\":\"a\",\"shape\":[null]}]", "{\"names\":null}", "{\"method\":null,\"tolerance\":1}",
    ];

    private static readonly Gen<string> Value = Gen.OneOf(
        Gen.OneOf(Values), Gen.OneOf(Values), Gen.Double.Select(value => double.IsFinite(value) ? value.ToString("R", CultureInfo.InvariantCulture) : "0"), Gen.String.Select(text => JsonSerializer.Serialize(text)),
        Gen.Int[0, 40].Select(depth => string.Concat(Enumerable.Repeat("[", depth)) + string.Concat(Enumerable.Repeat("]", depth)).PadLeft(1, '0')),
        Gen.Select(Gen.Int[0, 3000], Gen.OneOf(Values)).Select((count, value) => $"[{string.Join(',', Enumerable.Repeat(value, count))}]"),
        Gen.Int[0, 5000].Select(length => $"\"{new string('x', length)}\""));

    /// <summary>What is done to a card: at the field of a number, in one way, with a value.</summary>
    private static readonly Gen<(int Card, (int Place, int Way, string Value)[] Changes)> Changed =
        Gen.Select(Gen.Int[0, Cards.Length - 1], Gen.Select(Gen.Int[0, 100_000], Gen.Int[0, 9], Value).Array[1, 3]);

    [Fact]
    public void Whatever_stands_at_any_fields_a_card_is_read_or_refused() =>
        Changed.Sample((card, changes) => Check(Apply(Cards[card], changes)), iter: Iterations.Usual(2500), threads: 1);

    [Fact]
    public void Whatever_letters_are_damaged_a_card_is_read_or_refused() =>
        Gen.Select(Gen.Int[0, Cards.Length - 1], Gen.Select(Gen.Int[0, 100_000], Gen.Int[0, 3], Gen.Char).Array[1, 4]).Sample((card, damages) =>
        {
            var text = new StringBuilder(Cards[card]);
            foreach ((int place, int way, char letter) in damages)
            {
                if (text.Length == 0)
                    break; // the damages before took all of it
                int at = place % text.Length;
                _ = way switch
                {
                    0 => text.Insert(at, letter),
                    1 => text.Remove(at, 1),
                    2 => text.Remove(at, text.Length - at).Append(letter),
                    _ => text.Replace(text[at], letter, at, 1),
                };
            }
            Check(text.ToString());
        }, iter: Iterations.Usual(1500), threads: 1);

    [Fact]
    public void Whatever_a_sidecar_lays_over_a_card_it_is_read_or_refused_and_hints_are_written_whole_or_not_at_all()
    {
        HintsCard hints = CardFile.Read(Repository.Model("moons.onnx")).Hints!;
        Changed.Sample((card, changes) =>
        {
            using var folder = new TemporaryFolder();
            string path = TinyModel.Write(folder, "model.onnx", TinyModel.TimesTime(), TinyModel.Card), sidecar = Apply(Cards[card], changes);
            folder.File("model.flow.json", sidecar);
            byte[] before = System.IO.File.ReadAllBytes(path);
            bool read = Reads(sidecar, path, () => CardFile.Read(path));
            if (!Reads(sidecar, path, () => CardFile.WriteHints(path, hints)))
            {
                Assert.Equal(before, System.IO.File.ReadAllBytes(path));
                Assert.Equal(sidecar, System.IO.File.ReadAllText(CardFile.SidecarOf(path)));
            }
            else
            {
                Assert.True(read);
                Assert.Equal(hints.Graph, CardFile.Read(path).Hints!.Graph);
            }
            Assert.Equal(["model.flow.json", "model.onnx"], folder.Files);
        }, iter: Iterations.Usual(150), threads: 1);

        static bool Reads(string text, string path, Action read)
        {
            string folder = Path.GetDirectoryName(path)!;
            try
            {
                return Refusal.Reads(text.Length + 200_000, "", read);
            }
            catch (InvalidDataException e)
            {
                Assert.Contains(folder, e.Message, StringComparison.Ordinal);
                return false;
            }
        }
    }

    /// <summary>Reads a card, and uses one that is read.</summary>
    private static void Check(string json)
    {
        FlowCard? card = null;
        if (!Refusal.Reads(json.Length, File, () => card = CardFile.FromJson(json, File)))
            return;
        string written = CardFile.ToJson(card!);
        Assert.Equal(written, CardFile.ToJson(CardFile.FromJson(written, File)));
        Assert.NotNull(ProbabilityPath.Of(card!.Path));
        Assert.All(card.Sample.Shape, size => Assert.InRange(size, 1, int.MaxValue));
    }

    private static string Apply(string json, (int Place, int Way, string Value)[] changes)
    {
        foreach ((int place, int way, string value) in changes)
            json = Change(json, place, way, value);
        return json;
    }

    /// <summary>Changes the text of one field, so that also what no tree can hold, such as a name that comes twice, stands there.</summary>
    private static string Change(string json, int place, int way, string value)
    {
        if (json.Contains("\\ud800", StringComparison.OrdinalIgnoreCase))
            return json; // half a letter, which no tree can be written with
        JsonNode root;
        try
        {
            root = JsonNode.Parse(json, documentOptions: new JsonDocumentOptions { MaxDepth = 64, AllowDuplicateProperties = false })!;
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
        {
            return json; // what stands there is none already
        }
        JsonObject[] sections = [.. Sections(root)];
        if (sections.Length == 0)
            return json;
        JsonObject section = sections[place % sections.Length];
        string[] names = [.. section.Select(field => field.Key)];
        string name = names.Length == 0 ? "name" : names[place / sections.Length % names.Length], mark = $"mark{place}";
        JsonNode? old = section[name];
        section.Remove(name);
        string kept = old?.ToJsonString() ?? "null";
        if (way > 0)
            section[name] = mark;
        string text = root.ToJsonString();
        string quoted = $"{JsonSerializer.Serialize(name)}:\"{mark}\"";
        return text.Replace(quoted, way switch
        {
            1 => $"{JsonSerializer.Serialize(name)}:{kept},{JsonSerializer.Serialize(name)}:{value}",
            2 => $"{JsonSerializer.Serialize(value)}:{kept}",
            3 => $"\"unknown\\n\\u001b\":{value},{JsonSerializer.Serialize(name)}:{kept}",
            4 => $"{JsonSerializer.Serialize(name)}:[{kept},{value}]",
            _ => $"{JsonSerializer.Serialize(name)}:{value}",
        }, StringComparison.Ordinal);
    }

    private static IEnumerable<JsonObject> Sections(JsonNode? node) => node switch
    {
        JsonObject section => [section, .. section.SelectMany(field => Sections(field.Value))],
        JsonArray list => list.Take(5).SelectMany(Sections),
        _ => [],
    };
}
