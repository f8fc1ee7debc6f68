using System.CommandLine;
using System.Globalization;
using FlowRuntime.CommandLine;

namespace FlowRuntime.Bench.Hostile;

/// <summary><c>flow-bench fuzz</c>: opens and samples models made hostile, in processes that may die of it.</summary>
internal sealed class FuzzCommand
{
    private readonly Option<long> _count = new("--count") { Description = "Number of models.", DefaultValueFactory = _ => 2000 };
    private readonly Option<int> _seed = new("--seed") { Description = "Seed of the mutations." };
    private readonly Option<long> _from = new("--from") { Description = "Index of the first model: with --count 1 one of them alone." };
    private readonly Option<double> _seconds = new("--seconds") { Description = "Processor time that a model may take.", DefaultValueFactory = _ => 10 };
    private readonly Option<int> _megabytes = new("--megabytes") { Description = "Memory that the process of a model may take.", DefaultValueFactory = _ => 1024 };
    private readonly Option<string> _keep = new("--keep") { Description = "Folder for the files that end a process or exceed its limits.", DefaultValueFactory = _ => "hostile-models" };
    private readonly Option<string?> _child = new("--child") { Description = "Open the models in this process, each as this file.", Hidden = true };

    public static Command Make() => new FuzzCommand().MakeCommand();

    private Command MakeCommand()
    {
        var command = new Command("fuzz", "the shipped models, mutated: what becomes of a process that opens them")
        {
            _count, _seed, _from, _seconds, _megabytes, _keep, _child,
        };
        command.SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, cancellationToken)));
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        (int seed, long from, long count) = (parsed.GetValue(_seed), parsed.GetValue(_from), parsed.GetValue(_count));
        TextWriter output = parsed.InvocationConfiguration.Output;
        if (parsed.GetValue(_child) is { } path)
        {
            OpenedFiles.Open(seed, from, count, path, output);
            return CommandHost.Done;
        }
        string keep = parsed.GetRequiredValue(_keep);
        Directory.CreateDirectory(keep);
        var trial = new ChildTrial(seed, TimeSpan.FromSeconds(parsed.GetValue(_seconds)), (long)parsed.GetValue(_megabytes) << 20, keep);
        var outcomes = new List<TriedModel>();
        foreach (TriedModel model in trial.Run(from, count, cancellationToken))
        {
            outcomes.Add(model);
            if (model.Kept is not null || model.Outcome.StartsWith("other", StringComparison.Ordinal))
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{model.Index}  {model.Outcome}  [{model.Kind}]  {model.Kept ?? ""}  {model.Message}"));
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\n{outcomes.Count:N0} models from {from}, seed {seed}"));
        foreach (var outcome in outcomes.GroupBy(model => model.Outcome).OrderByDescending(group => group.Count()))
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {outcome.Count(),8:N0}  {outcome.Key}"));
        foreach (var outcome in outcomes.Where(model => model.Kept is not null).GroupBy(model => model.Outcome))
        {
            output.WriteLine($"\n{outcome.Key}, by mutation");
            foreach (var kind in outcome.GroupBy(model => model.Kind).OrderByDescending(group => group.Count()))
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {kind.Count(),8:N0}  {kind.Key}"));
        }
        return CommandHost.Done;
    }
}
