using System.CommandLine;
using FlowRuntime.CommandLine;
using FlowRuntime.Tool.Isolation;
using FlowRuntime.Tool.Jobs;

namespace FlowRuntime.Tool.Arguments;

/// <summary>The model, what it runs on, and how much of the machine it may take; shared by the verbs that solve.</summary>
internal sealed class ModelArguments
{
    private readonly Argument<string> _model = new("MODEL") { Description = "The .onnx file." };
    private readonly Option<string> _provider = new("--provider") { Description = "Execution provider: auto, cpu, cuda, directml, coreml, …", DefaultValueFactory = _ => new FlowModelOptions().Provider };
    private readonly Option<bool> _requireProvider = new("--require-provider") { Description = "Fail instead of falling back to the CPU." };
    private readonly Option<int?> _threads = new("--threads") { Description = "Threads in all. Default: the processors that this process may use; none of them spins while it waits." };
    private readonly Option<int?> _workers = new("--workers") { Description = "Threads that solve. Default: as many of --threads as are worth it." };
    private readonly Option<int?> _slots = new("--slots") { Description = "Samples a worker solves side by side. Default: by the size of a sample." };
    private readonly Option<bool> _lowMemory = new("--low-memory") { Description = "Take little memory: few samples side by side, large ones one at a time. The samples are the same." };

    public void AddTo(Command command)
    {
        command.Add(_model);
        foreach (Option option in new Option[] { _provider, _requireProvider, _threads, _workers, _slots, _lowMemory, Sandbox.Option })
            command.Add(option);
    }

    /// <summary>Opens the model, where the memory it needs is there.</summary>
    public FlowModel Open(ParseResult parsed)
    {
        string path = parsed.GetRequiredValue(_model);
        var options = new FlowModelOptions { Provider = parsed.GetValue(_provider)!, RequireProvider = parsed.GetValue(_requireProvider), LowMemory = parsed.GetValue(_lowMemory) };
        if (parsed.GetValue(_threads) is { } threads)
            options = CommandHost.Checked("--threads", () => options with { Processors = threads });
        MemoryNeeds.RequireForModel(path);
        FlowModel model = FlowModel.Open(path, options);
        SandboxedProcess.Works(model);
        return model;
    }

    /// <summary>Says on stderr what differs from what was asked for; once nothing is refused any more, so that an error stands alone.</summary>
    public static void TellDifferences(FlowModel model, ParseResult parsed)
    {
        TextWriter error = parsed.InvocationConfiguration.Error;
        if (model.ProviderReport.FellBack)
            error.WriteLine($"Runs on {model.ProviderReport}.");
        if (model.Card.Hints is not null && !model.HintsApply)
            error.WriteLine("The card's hints were measured on another graph and are ignored; 'flow tune' measures them anew.");
    }

    /// <summary>Threads that solve; null where nothing is said.</summary>
    public int? Workers(ParseResult parsed) => parsed.GetValue(_workers) is { } workers ? CommandHost.Checked("--workers", () => new SamplingOptions { Workers = workers }).Workers : null;

    /// <summary>Samples a worker solves side by side; null where nothing is said.</summary>
    public int? Slots(ParseResult parsed) => parsed.GetValue(_slots) is { } slots ? CommandHost.Checked("--slots", () => new SamplingOptions { Slots = slots }).Slots : null;
}
