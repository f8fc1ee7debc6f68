using System.CommandLine;
using System.Globalization;
using FlowRuntime.CommandLine;
using FlowRuntime.Fields;

namespace FlowRuntime.Tool.Arguments;

/// <summary>Under what is solved: classes, condition vectors and guidance; shared by the verbs that solve.</summary>
internal sealed class ConditionArguments
{
    private readonly Option<string?> _label = new("--label") { Description = "Class labels, by name or number, separated by commas and taken in turn; or 'all'." };
    private readonly Option<string?> _condition = new("--condition") { Description = "Condition vectors, taken in turn: numbers as 21.5,0.4 or by name as temperature=21.5,humidity=0.4, several separated by ';', or a .csv or .npy file of them." };
    private readonly Option<double?> _guidance = new("--guidance") { Description = "Scale of classifier-free guidance; 1 is none." };
    private readonly Option<string?> _guidanceInterval = new("--guidance-interval") { Description = "Times A,B between which there is guidance. Default: all." };
    private readonly Option<double?> _guidanceRescale = new("--guidance-rescale") { Description = "Share, from 0 to 1, to which a guided prediction keeps the spread of the plain one." };
    private readonly Option<string?> _negative = new("--negative") { Description = "Class that guidance leads away from. Default: no class." };

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _label, _condition, _guidance, _guidanceInterval, _guidanceRescale, _negative })
            command.Add(option);
    }

    /// <summary>What the command line says, over given options.</summary>
    /// <exception cref="ArgumentException">The model knows no such class or condition, or guidance is given without its scale.</exception>
    public SamplingOptions Read(ParseResult parsed, FlowModel model, SamplingOptions options)
    {
        if (parsed.GetValue(_label) is { } labels)
            options = options with { Labels = CommandHost.Checked("--label", () => Labels(labels, model)) };
        if (parsed.GetValue(_condition) is { } conditions)
            options = options with { Conditions = CommandHost.Checked("--condition", () => ConditionVectors.Read(conditions, model)) };
        if (options.Labels.Count == 0 && options.Conditions.Count == 0)
            options = options with { Guidance = Guidance.None }; // the model's own guidance is for its classes and conditions
        if (parsed.GetValue(_guidance) is { } guidance)
            options = CommandHost.Checked("--guidance", () => options with { Guidance = options.Guidance with { Scale = guidance } });
        if (parsed.GetValue(_guidanceInterval) is { } interval)
            options = CommandHost.Checked("--guidance-interval", () => options with { Guidance = options.Guidance with { Interval = Interval(interval) } });
        if (parsed.GetValue(_guidanceRescale) is { } rescale)
            options = CommandHost.Checked("--guidance-rescale", () => options with { Guidance = options.Guidance with { Rescale = rescale } });
        if (parsed.GetValue(_negative) is { } negative)
            options = options with { Guidance = options.Guidance with { Negative = new Condition { Label = CommandHost.Checked("--negative", () => Label(negative, model)) } } };
        if (options.Guidance.Scale == 1 && options.Guidance != Guidance.None)
            throw new ArgumentException("--guidance: an interval, a rescaling or a negative class changes nothing without it. Give its scale, such as 2.");
        return options;
    }

    /// <summary>Names of the classes that were asked for; null where none were.</summary>
    public static string[]? Names(SamplingOptions options, FlowModel model) =>
        options.Labels.Count > 0 ? [.. options.Labels.Select(label => model.Card.Conditions!.Classes!.Names[label])] : null;

    private static int[] Labels(string text, FlowModel model) => text == "all" && model.Card.Conditions?.Classes is { } classes
        ? [.. Enumerable.Range(0, classes.Names.Count)]
        : [.. text.Split(',', StringSplitOptions.TrimEntries).Select(label => Label(label, model))];

    private static int Label(string text, FlowModel model)
    {
        if (model.Card.Conditions?.Classes is not { } classes)
            throw new ArgumentException($"{model.Path} has no classes. Leave the option out.");
        int named = classes.Names.ToList().IndexOf(text);
        if (named >= 0)
            return named;
        if (int.TryParse(text, CultureInfo.InvariantCulture, out int number) && number >= 0 && number < classes.Names.Count)
            return number;
        throw new ArgumentException($"there is no class '{text}'. {model.Path} has {string.Join(", ", classes.Names)} (0 to {classes.Names.Count - 1}).");
    }

    private static (double Start, double End) Interval(string text) =>
        text.Split(',') is [var start, var end] && double.TryParse(start, CultureInfo.InvariantCulture, out double first) && double.TryParse(end, CultureInfo.InvariantCulture, out double last)
            ? (first, last) : throw new ArgumentException($"'{text}' are no two times. Give A,B, such as 0.2,0.8.");
}
