using System.Globalization;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;

namespace FlowRuntime.TrainTool.Report;

/// <summary>The page on a finished run, <c>report.html</c>: one file that needs nothing besides, as well-formed XML.</summary>
/// <remarks>It is made of elements, so that every text is escaped.</remarks>
internal static class HtmlReport
{
    private const int MostWidth = 1_600, MostWidthInHistory = 640; // pixels
    private const int MostInHistory = 12;
    private const int Tiles = 6; // figures at the head
    private static readonly string[] FigureColumns = ["figure", "value", "floor", "note"];

    /// <summary>Writes the page.</summary>
    /// <param name="folder">The run's folder, with the pictures of its results.</param>
    /// <param name="run">The run.</param>
    /// <param name="card">The card of its model.</param>
    /// <param name="figures">Its figures; those of an evaluation are read from the folder.</param>
    /// <exception cref="InvalidDataException">The folder's evaluation is broken.</exception>
    public static void Write(RunFolder folder, TrainedRun run, FlowCard card, IReadOnlyList<ReportFigure> figures)
    {
        IReadOnlyList<ReportFigure> evaluation = EvaluationFile.Read(folder.Evaluation);
        IReadOnlyList<string>? classes = card.Conditions?.Classes?.Names;
        bool images = card.Data?.Image is not null;
        string samples = !images ? "beside held-out data"
            : classes is null ? "without classes" : $"a row for each class: {string.Join(", ", classes)}";
        var page = new XElement("html", new XAttribute("lang", "en"),
            new XElement("head",
                new XElement("meta", new XAttribute("charset", "utf-8")),
                new XElement("meta", new XAttribute("name", "viewport"), new XAttribute("content", "width=device-width, initial-scale=1")),
                new XElement("title", $"{folder.Name} – flow-train"),
                new XElement("style", Style())),
            new XElement("body",
                Header(folder.Name, run, card),
                new XElement("div", new XAttribute("class", "tiles"), figures.Take(Tiles).Select(Tile)),
                Section("Loss", Picture(folder.Loss, MostWidth, diagram: true, "Losses over the steps, on training rows and on held-out rows, a squared velocity error a value each.")),
                Section("Samples", Picture(folder.Samples, MostWidth, !images, $"Samples of the exported model, {samples}.")),
                Section("From noise to data", Picture(folder.Ways, MostWidth, !images, $"How some samples move{(images ? ", from left to right" : "")}.")),
                History(folder, images),
                Section("Figures", Figures(figures)),
                evaluation.Count == 0 ? null : Section("Evaluation", Figures(evaluation)),
                Section("Configuration", JsonTable.Of(run.Configuration.WithoutFolders().ToJson())),
                Section("Model card", JsonTable.Of(CardFile.ToJson(card)))));
        foreach (XText text in page.DescendantNodes().OfType<XText>())
            text.Value = Legal(text.Value);
        foreach (XAttribute attribute in page.DescendantsAndSelf().Attributes())
            attribute.Value = Legal(attribute.Value);
        WholeFile.Write(folder.Report, $"<!DOCTYPE html>\n{page.ToString(SaveOptions.DisableFormatting)}\n");
    }

    /// <summary>A text without the characters that XML cannot hold, which names of classes and columns may have.</summary>
    private static string Legal(string text) => text.All(XmlConvert.IsXmlChar) ? text
        : string.Concat(text.EnumerateRunes().Select(rune => rune.IsBmp && !XmlConvert.IsXmlChar((char)rune.Value) ? Rune.ReplacementChar.ToString() : rune.ToString()));

    private static object[] Header(string name, TrainedRun run, FlowCard card)
    {
        long parameters = run.Network.parameters().Sum(parameter => parameter.numel());
        string[] facts =
        [
            $"data {card.Provenance?.Data}", string.Create(CultureInfo.InvariantCulture, $"network {run.Network.GetName()} with {parameters:N0} parameters"),
            string.Create(CultureInfo.InvariantCulture, $"{run.Progress[^1].Step:N0} steps"), $"seed {run.Configuration.Training.Seed}", $"{card.Provenance?.Date}", $"{card.Provenance?.Software}",
        ];
        return [new XElement("h1", name), new XElement("p", string.Join(" · ", facts))];
    }

    private static XElement Tile(ReportFigure figure) => new("div",
        new XElement("b", ReportFigure.Text(figure.Value)), new XElement("span", figure.Name + (figure.Floor is { } floor ? $" (floor {ReportFigure.Text(floor)})" : "")));

    private static XElement Section(string title, XElement content) => new("section", new XElement("h2", title), content);

    private static XElement Picture(string path, int mostWidth, bool diagram, string caption) => new("figure",
        new XElement("img", new XAttribute("src", EmbeddedPicture.Uri(path, mostWidth)), new XAttribute("alt", caption), diagram ? new XAttribute("class", "diagram") : null),
        new XElement("figcaption", caption));

    private static XElement? History(RunFolder folder, bool images)
    {
        IReadOnlyList<(int Step, string File)> all = TrainingPictures.Of(folder.Pictures);
        if (all.Count == 0)
            return null;
        int shown = Math.Min(all.Count, MostInHistory);
        return Section("During the training", new XElement("div", new XAttribute("class", "history"),
            Enumerable.Range(1, shown).Select(i => all[(int)((long)i * all.Count / shown) - 1]).Select(picture =>
                Picture(picture.File, MostWidthInHistory, !images, string.Create(CultureInfo.InvariantCulture, $"step {picture.Step:N0}")))));
    }

    private static XElement Figures(IReadOnlyList<ReportFigure> figures) => new("table", new XAttribute("class", "figures"),
        new XElement("thead", new XElement("tr", FigureColumns.Select(name => new XElement("th", new XAttribute("scope", "col"), name)))),
        new XElement("tbody", figures.Select(figure => new XElement("tr",
            new XElement("th", new XAttribute("scope", "row"), figure.Name),
            Cell("number", ReportFigure.Text(figure.Value)),
            Cell("number", figure.Floor is { } floor ? ReportFigure.Text(floor) : ""),
            Cell("note", figure.Note ?? "")))));

    private static XElement Cell(string kind, string text) => new("td", new XAttribute("class", kind), text);

    private static string Style()
    {
        using var reader = new StreamReader(typeof(HtmlReport).Assembly.GetManifestResourceStream("report.css")!);
        return reader.ReadToEnd();
    }
}
