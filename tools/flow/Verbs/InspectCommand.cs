using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;
using FlowRuntime.Onnx;
using FlowRuntime.Tool.Isolation;

namespace FlowRuntime.Tool.Verbs;

/// <summary><c>flow inspect MODEL</c>: what a model is and what it needs.</summary>
internal static class InspectCommand
{
    public static Command Make()
    {
        var model = new Argument<string>("MODEL") { Description = "The .onnx file." };
        var json = new Option<bool>("--json") { Description = "Print one JSON object and nothing else." };
        var command = new Command("inspect", """
            Shows a model's card, size, parameters, hints and what it runs on.

            Example:
              flow inspect digits.onnx
            """)
        {
            model, json, Sandbox.Option,
        };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(model), parsed.GetValue(json), parsed.InvocationConfiguration.Output));
        return command;
    }

    private static int Run(string path, bool asJson, TextWriter output)
    {
        using FlowModel model = FlowModel.Open(path);
        SandboxedProcess.Works(model);
        var inspection = new Inspection(
            path,
            new FileInfo(path).Length,
            OnnxFile.ParameterCount(path),
            model.GraphHash,
            model.ProviderReport.Chosen,
            model.ProviderReport.ToString(),
            [.. ProviderDevices.Present()],
            HintsState(model),
            model.Card);
        if (asJson)
            output.WriteLine(JsonSerializer.Serialize(inspection, ToolJson.Default.Inspection));
        else
            Describe(inspection, output);
        return CommandHost.Done;
    }

    private static string HintsState(FlowModel model) =>
        model.Card.Hints is not { } hints ? "none"
        : !model.HintsApply ? "ignored: measured on another graph"
        : hints.Quality is not { } quality ? "used"
        : $"used: {Level("draft", quality.Draft)}; {Level("normal", quality.Normal)}; {Level("fine", quality.Fine)}";

    private static string Level(string name, QualityLevelCard level) => string.Create(CultureInfo.InvariantCulture,
        $"{name} {level.Method} at {level.Tolerance:G2}{(level.Evaluations is { } evaluations ? $" ({evaluations:F0} evaluations)" : "")}");

    private static void Describe(Inspection model, TextWriter output)
    {
        FlowCard card = model.Card;
        ClassesCard? classes = card.Conditions?.Classes;
        IReadOnlyList<ConditionInputCard> vectors = card.Conditions?.Vectors ?? [];
        ProvenanceCard made = card.Provenance ?? new ProvenanceCard();
        string data = card.Data switch
        {
            { Image: { } image } => FormattableString.Invariant($"images, [{image.Low}, {image.High}] becomes [0, 1]"),
            { Columns: { } columns } => $"columns {string.Join(", ", columns.Names)}",
            _ => "as the network has it",
        };
        (string Name, string? Value)[] lines =
        [
            ("model", FormattableString.Invariant($"{model.Model} ({Quantity.Bytes(model.Bytes)}, {model.Parameters:N0} parameters)")),
            ("graph", $"sha256 {model.Graph}"),
            ("predicts", FormattableString.Invariant($"{Name(card.Prediction.Kind)} of [{string.Join(", ", card.Sample.Shape)}], path {Name(card.Path.Kind)}, t from {card.Path.Start} to {card.Path.End}")),
            ("inputs", $"{card.Inputs.Time} (time), {card.Inputs.State} (state){(card.Inputs.Probe is { } probe ? $", {probe} (probe)" : "")}{(classes is null ? "" : $", {classes.Input} (class label)")}{string.Concat(vectors.Select(vector => $", {vector.Input} (condition)"))}{string.Concat((card.Conditions?.Sequences ?? []).Select(sequence => $", {sequence.Input} (sequence)"))}{string.Concat((card.Inputs.Constants ?? []).Select(constant => $", {constant.Input} (constant)"))}"),
            ("time", Time(card)),
            ("outputs", $"{card.Outputs.Prediction} (prediction){(card.Outputs.Divergence is { } divergence ? $", {divergence} (divergence)" : "")}"),
            ("classes", classes is null ? null : $"{string.Join(", ", classes.Names)}{(classes.Null is { } none ? $" (no class: {none})" : "")}"),
            ("conditions", vectors.Count == 0 ? null : string.Join("; ", vectors.Select(Condition))),
            ("sequences", card.Conditions?.Sequences is { Count: > 0 } sequences ? string.Join("; ", sequences.Select(sequence => $"{sequence.Input} of up to {sequence.MostItems} items")) : null),
            ("latents of", card.Latent is { } latent ? $"{latent.Decoder}{(latent.Encoder is { } encoder ? $", {encoder}" : "")}" : null),
            ("data", data),
            ("hints", model.Hints),
            ("trained on", made.Data is null ? null : $"{made.Data}, {made.Steps} steps, seed {made.Seed}"),
            ("made", made.Software is null ? null : $"{made.Date} by {made.Software}"),
            ("weights", made.Precision),
            ("licence", made.Licence),
            ("runs on", model.ProviderReport),
            ("providers", string.Join(", ", model.Providers)),
        ];
        NamedLines.Write(output, lines);
    }

    /// <summary>How the network is fed time; null where it is flow time as it is.</summary>
    private static string? Time(FlowCard card) => card.Time switch
    {
        null => null,
        { Steps: { } steps } time => FormattableString.Invariant($"whole steps 0 to {steps - 1} from the {Name(time.From)}"),
        { Quantity: not TimeQuantity.Time } time => FormattableString.Invariant($"{time.Scale} · {Name(time.Quantity)}"),
        { } time => FormattableString.Invariant($"0 to {time.Scale} from the {Name(time.From)}"),
    };

    /// <summary>A condition vector's values, each with mean and scale where they are known.</summary>
    private static string Condition(ConditionInputCard vector) => vector.Columns is not { } columns ? $"[{string.Join(", ", vector.Shape)}]"
        : string.Join(", ", columns.Names.Select((name, i) => string.Create(CultureInfo.InvariantCulture, $"{name} {columns.Mean[i]:G4} ± {columns.Scale[i]:G4}")));

    /// <summary>A kind as words are written: conditional-ot.</summary>
    private static string Name(Enum kind) => JsonNamingPolicy.KebabCaseLower.ConvertName(kind.ToString());
}
