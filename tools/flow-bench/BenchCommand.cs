using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using FlowRuntime.Bench.Hostile;
using FlowRuntime.CommandLine;

namespace FlowRuntime.Bench;

/// <summary>The command line of the runtime's benchmarks.</summary>
internal static class BenchCommand
{
    private static readonly (string Name, string What, Func<IEnumerable<Figure>> Run)[] Parts =
    [
        ("free", "the engine's own time where the field costs nothing", FreeField.Run),
        ("overhead", "a whole solve against the bare network calls", NetworkOverhead.Run),
        ("fields", "evaluations to reach an error on fields with a known flow, beside the peers", ReferenceFields.Run),
        ("hard", "one hard sample among easy ones, against a joint norm", HardSample.Run),
        ("stream", "a million samples streamed to a file", StreamedSamples.Run),
        ("networks", "every method and grid on the shipped networks", ShippedNetworks.Run),
        ("threads", "workers against threads inside a call", Threads.Run),
        ("guidance", "what guidance costs", GuidanceCost.Run),
        ("bus", "bytes that cross to a device with the states there", DeviceBus.Run),
        ("inverse", "data to noise and back, by tolerance", RoundTrips.Run),
        ("soak", "64 threads on one model, with cancellations and a closing; 10,000 openings", () => SharedModel.Run().Concat(OpenedModels.Run())),
        ("broken", "samples that turn NaN among others", BrokenSamples.Run),
    ];

    public static RootCommand Root()
    {
        var json = new Option<bool>("--json") { Description = "Print one JSON array and nothing else.", Recursive = true };
        var root = new RootCommand("Prints every figure of the runtime's speed and accuracy, as ratios within one run.") { json };
        foreach (var (name, what, run) in Parts)
        {
            var part = new Command(name, what);
            part.SetAction(parsed => Run(run(), parsed.InvocationConfiguration.Output, parsed.GetValue(json)));
            root.Add(part);
        }
        var engine = new Command("engine", "all parts but the networks and the soak");
        engine.SetAction(parsed => Run(Parts.Where(part => part.Name is not ("networks" or "soak")).SelectMany(part => part.Run()), parsed.InvocationConfiguration.Output, parsed.GetValue(json)));
        root.Add(engine);
        var micro = new Command("micro", "the engine's arithmetic piece by piece, by BenchmarkDotNet");
        micro.SetAction(_ => MicroParts.Run());
        root.Add(micro);
        root.Add(FuzzCommand.Make());
        var models = new Argument<string[]>("MODEL") { Description = "Models. Default: the shipped ones.", Arity = ArgumentArity.ZeroOrMore };
        var bake = new Command("bake", "baked samplers beside the engine") { models };
        bake.SetAction(parsed => Run(parsed.GetValue(models) is { Length: > 0 } given ? BakedSamplers.Run(given) : BakedSamplers.Run(), parsed.InvocationConfiguration.Output, parsed.GetValue(json)));
        root.Add(bake);
        root.SetAction(parsed => Run(Parts.SelectMany(part => part.Run()), parsed.InvocationConfiguration.Output, parsed.GetValue(json)));
        return root;
    }

    private static int Run(IEnumerable<Figure> figures, TextWriter output, bool json)
    {
        if (json)
        {
            output.WriteLine(JsonSerializer.Serialize(figures.ToArray(), BenchJson.Default.FigureArray));
            return CommandHost.Done;
        }
        string? section = null;
        foreach (Figure figure in figures)
        {
            if (figure.Section != section)
                output.WriteLine($"\n{section = figure.Section}");
            string goal = figure.Goal is { } bound ? $"  (goal {(figure.AtLeast ? "≥" : "≤")} {Number(bound)}: {(figure.Met == true ? "met" : "MISSED")})" : "";
            output.WriteLine($"  {figure.Name,-44} {(figure.Value is { } value ? Number(value) : "—"),12} {figure.Unit,-12}{goal}{(figure.Remark is null ? "" : "  " + figure.Remark)}");
        }
        return CommandHost.Done;
    }

    private static string Number(double value) => Math.Abs(value) is >= 1000 or 0
        ? value.ToString("N0", CultureInfo.InvariantCulture)
        : value.ToString(Math.Abs(value) < 0.01 ? "0.0e+0" : Math.Abs(value) < 10 ? "0.###" : "0.#", CultureInfo.InvariantCulture);
}
