using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using FlowRuntime.CommandLine;
using SkiaSharp;

namespace FlowRuntime.TrainTool.Tests;

public sealed partial class ReportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flow-train-report").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("moons", 5)]
    [InlineData("digits", 5)]
    [InlineData("gaussian:1", 5)]
    [InlineData("gaussian:3", 5)]
    public async Task A_report_is_one_well_formed_page_with_all_pictures_inside(string data, int pictures)
    {
        TrainRun run = await TrainRun.Of("run", "--data", data, "--steps", "40", "--no-tune", "--set", "network.width=16", "--set", "pictures.every=20", "--out", At("run"));
        Assert.Equal((CommandHost.Done, ""), (run.ExitCode, run.Error));
        XElement page = Page();
        Assert.Equal("run", page.Descendants("h1").Single().Value);
        XElement[] images = [.. page.Descendants("img")];
        Assert.Equal(pictures, images.Length); // loss, samples, ways, and two during the training
        foreach (XElement image in images)
        {
            Match source = DataUri().Match(image.Attribute("src")!.Value);
            Assert.True(source.Success);
            using SKBitmap decoded = SKBitmap.Decode(Convert.FromBase64String(source.Groups[1].Value));
            Assert.InRange(decoded.Width, 100, 1_600);
            Assert.NotEmpty(image.Attribute("alt")!.Value);
        }
        Assert.Equal(["Loss", "Samples", "From noise to data", "During the training", "Figures", "Configuration", "Model card"], page.Descendants("h2").Select(title => title.Value));
        Assert.Equal(["step 20", "step 40"], page.Descendants("div").Single(part => (string?)part.Attribute("class") == "history").Descendants("figcaption").Select(caption => caption.Value));
    }

    [Fact]
    public async Task A_report_asks_for_nothing_from_elsewhere_and_is_plain_html_besides()
    {
        await TrainRun.Small(At("run"), "--no-tune");
        XElement page = Page();
        Assert.All(page.DescendantsAndSelf().Attributes().Where(attribute => attribute.Name.LocalName is "src" or "href" or "srcset"), source => Assert.StartsWith("data:", source.Value, StringComparison.Ordinal));
        Assert.Empty(page.Descendants("script").Concat(page.Descendants("link")));
        string style = page.Descendants("style").Single().Value, text = File.ReadAllText(At("run/report.html"));
        Assert.DoesNotContain("url(", style, StringComparison.Ordinal);
        Assert.Contains("prefers-color-scheme: dark", style, StringComparison.Ordinal);
        Assert.Contains(style, text, StringComparison.Ordinal); // what XML escapes, HTML would not read there
        Assert.All(page.Descendants().Where(element => element.IsEmpty), element => Assert.Contains(element.Name.LocalName, (string[])["meta", "img"])); // HTML closes no other by />
        Assert.StartsWith("<!DOCTYPE html>", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_report_tells_the_figures_with_their_floors_the_whole_configuration_and_the_card()
    {
        TrainRun run = await TrainRun.Small(At("run"));
        Dictionary<string, string[]> figures = Rows("Figures");
        string[] energy = figures["energy distance to held-out data"];
        Assert.Equal(
            Regex.Match(run.Output, @"data ([\d.E+-]+), floor between real sets ([\d.E+-]+)").Groups.Values.Skip(1).Select(value => Number(value.Value)).ToArray(),
            energy[..2].Select(Number), (a, b) => Math.Abs(a - b) <= 0.01 * b); // both are rounded
        foreach (string quality in (string[])["draft", "normal", "fine"])
            Assert.True(Number(figures[$"evaluations a sample, {quality}"][0]) >= 1);
        double[] last = [.. File.ReadLines(At("run/metrics.jsonl")).Skip(1).Select(line => JsonNode.Parse(line)!).SelectMany(line => new[] { (double)line["loss"]!, (double)line["validation_loss"]! })];
        Assert.Equal(last, [Number(figures["loss, training"][0]), Number(figures["loss, held out"][0])], (a, b) => Math.Abs(a - b) <= 1e-3 * a);
        Assert.InRange(Number(figures["exported against trained"][0]), 0, 1e-4);
        double seconds = File.ReadLines(At("run/metrics.jsonl")).Select(line => 50 / (double)JsonNode.Parse(line)!["steps_per_second"]!).Sum();
        Assert.InRange(Number(figures["training time, s"][0]) / seconds, 0.99, 1.01);

        Dictionary<string, string[]> configuration = Rows("Configuration");
        Assert.Equal(Leaves(JsonNode.Parse(File.ReadAllText(At("run/config.json")))!).Order(), configuration.Select(row => $"{row.Key}={row.Value[0]}").Order());
        Dictionary<string, string[]> card = Rows("Model card");
        Assert.Equal(("[2]", "[x, y]", "moons"), (card["sample.shape"][0], card["data.columns.names"][0], card["provenance.data"][0]));
    }

    [Fact]
    public async Task A_report_made_anew_is_the_same_but_for_what_an_evaluation_adds()
    {
        await TrainRun.Small(At("run"), "--no-tune");
        string first = File.ReadAllText(At("run/report.html"));
        foreach (string made in (string[])["report.html", "loss.png", "samples.png", "trajectory.png"])
            File.Delete(At($"run/{made}"));
        TrainRun again = await TrainRun.Of("report", At("run"));
        Assert.Equal((CommandHost.Done, "", At("run/report.html") + "\n"), (again.ExitCode, again.Error, again.Output));
        Assert.Equal(first, File.ReadAllText(At("run/report.html")));

        const string Name = "<b>accuracy</b> & \"more\" ]]>";
        File.WriteAllText(At("run/evaluation.json"), $$"""{"seconds": 3, "figures": [{"name": {{JsonValue.Create(Name)!.ToJsonString()}}, "value": 0.98, "floor": 0.99, "note": "of 1,000"}, {"name": "bare", "value": 12345.6}]}""");
        TrainRun evaluated = await TrainRun.Of("report", At("run"));
        Assert.Equal((CommandHost.Done, ""), (evaluated.ExitCode, evaluated.Error));
        Dictionary<string, string[]> figures = Rows("Evaluation");
        Assert.Equal(["0.98", "0.99", "of 1,000"], figures[Name]);
        Assert.Equal(["12,346", "", ""], figures["bare"]);
    }

    [Fact]
    public async Task A_broken_evaluation_and_missing_files_are_refused_in_one_line()
    {
        await TrainRun.Small(At("run"), "--no-tune");
        string place = $"{At("run/evaluation.json")}: ";
        await Refused("no JSON", place + "this is not JSON: ");
        await Refused("{}", place + "there is no list of figures. Make the evaluation anew, or remove it.\n");
        await Refused("""{"figures": [{"name": "a", "value": 1}, null]}""", place + "figures[1] is null. Give it a name and a value, such as");
        await Refused("""{"figures": [{"name": "a"}]}""", place + """figures[0] is {"name":"a"}. Give it""");
        await Refused("""{"figures": [{"name": "a", "value": "high"}]}""", place + """figures[0] is {"name":"a","value":"high"}. Give it""");
        await Refused("""{"figures": [{"name": "a", "value": 1, "floor": "low"}]}""", place + "figures[0] is ");
        File.WriteAllText(At("run/metrics.jsonl"), "");
        await Refused("""{"figures": []}""", $"{At("run/metrics.jsonl")} holds no losses. Put the run's own back: they cannot be measured again.\n");
        File.Delete(At("run/model.onnx"));
        await Refused("", $"{At("run")} holds no exported model: model.onnx is missing. Make it by flow-train resume {At("run")}.\n");

        async Task Refused(string evaluation, string error)
        {
            File.WriteAllText(At("run/evaluation.json"), evaluation);
            TrainRun refused = await TrainRun.Of("report", At("run"));
            Assert.Equal((CommandHost.BadInput, 1), (refused.ExitCode, refused.Error.Count(letter => letter == '\n')));
            Assert.StartsWith(error, refused.Error, StringComparison.Ordinal);
        }
    }

    private string At(string name) => Path.Combine(_folder, name);

    private XElement Page() => XDocument.Load(At("run/report.html")).Root!;

    /// <summary>The rows of a section's table: what stands after each row's name.</summary>
    private Dictionary<string, string[]> Rows(string section) => Page().Descendants("section").Single(part => part.Element("h2")!.Value == section)
        .Descendants("tbody").Single().Elements("tr").ToDictionary(row => row.Element("th")!.Value, row => row.Elements("td").Select(cell => cell.Value).ToArray());

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static IEnumerable<string> Leaves(JsonNode node, string path = "") => node is JsonObject fields
        ? fields.SelectMany(field => Leaves(field.Value!, path.Length == 0 ? field.Key : $"{path}.{field.Key}"))
        : [$"{path}={(node is JsonArray items ? $"[{string.Join(", ", items.Select(item => item!.ToString()))}]" : node.ToString())}"];

    [GeneratedRegex(@"^data:image/(?:png|webp);base64,([A-Za-z0-9+/=]+)$")]
    private static partial Regex DataUri();
}
