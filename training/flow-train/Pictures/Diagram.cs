using ScottPlot;

namespace FlowRuntime.TrainTool.Pictures;

/// <summary>Makes diagrams in the font that comes with the trainer, so that they look the same on every machine.</summary>
internal static class Diagram
{
    private const string FontName = "DejaVu Sans";

    static Diagram()
    {
        foreach (bool bold in new[] { false, true })
            Fonts.AddFontFile(FontName, Path.Combine(AppContext.BaseDirectory, "Fonts", "DejaVuSans.ttf"), bold);
    }

    /// <summary>Gives a diagram its font, title and axis names.</summary>
    public static void Label(Plot plot, string title, string x, string y)
    {
        plot.Title(title);
        plot.XLabel(x);
        plot.YLabel(y);
        plot.Font.Set(FontName);
    }
}
