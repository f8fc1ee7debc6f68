using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;
using FlowRuntime.Tests;
using FlowRuntime.Tool.Isolation;

namespace FlowRuntime.Tool.Tests;

/// <summary>A model that never ends, asks for all memory or ends its process does no more than that in a sandbox.</summary>
public sealed class SandboxTests : IDisposable
{
    /// <summary>Enough for .NET and ONNX Runtime, and far less than the model asks for.</summary>
    private const string Megabytes = "1500";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A model with a card beside it, as for networks of others.</summary>
    private string Foreign(byte[] model)
    {
        _folder.File("foreign.flow.json", CardFile.ToJson(TinyModel.Card));
        return _folder.File("foreign.onnx", model);
    }

    private static bool Wanted(params string[] arguments) => Sandbox.Wanted(FlowCommand.Root().Parse(arguments));

    [Fact]
    public void A_file_without_a_card_of_ours_is_opened_in_a_sandbox()
    {
        string foreign = Foreign(TinyModel.TimesTime());

        Assert.True(Wanted("inspect", foreign));
        Assert.True(Wanted("sample", foreign, "--out", "a.npy"));
        Assert.True(Wanted("card", foreign));
        Assert.False(Wanted("sample", foreign, "--out", "a.npy", "--sandbox", "false"));
        Assert.False(Wanted("inspect", Models.Moons));
        Assert.True(Wanted("inspect", Models.Moons, "--sandbox"));
        Assert.False(Wanted("inspect", _folder.File("none.onnx")));
        Assert.False(Wanted("devices"));
        Assert.False(Wanted("join", "a.npy", "--out", "b.npy"));
    }

    [Fact]
    public void Every_verb_that_takes_a_model_has_the_option()
    {
        Command[] verbs = [.. FlowCommand.Root().Subcommands.Where(verb => verb.Arguments.Any(argument => argument.Name == "MODEL"))];
        Assert.True(verbs.Length >= 10, $"{verbs.Length} verbs");
        Assert.All(verbs, verb => Assert.Contains(Sandbox.Option, verb.Options));
    }

    [Fact]
    public async Task In_a_sandbox_the_same_is_done()
    {
        string outside = _folder.File("outside.npy"), inside = _folder.File("inside.npy");
        ToolRun expected = await ToolRun.AsProcess("sample", Models.Moons, "--count", "50", "--seed", "3", "--json", "--out", outside);
        ToolRun run = (await ToolRun.AsProcess("sample", Models.Moons, "--count", "50", "--seed", "3", "--json", "--sandbox", "--out", inside)).EnsureSuccess();

        Assert.Equal(File.ReadAllBytes(outside), File.ReadAllBytes(inside));
        Assert.Equal(expected.Output.Split(',')[0], run.Output.Split(',')[0]);
        ToolRun wrong = await ToolRun.AsProcess("sample", Models.Moons, "--count", "0", "--sandbox", "--out", inside);
        Assert.Equal((CommandHost.BadInput, "--count: "), (wrong.ExitCode, wrong.Error[..9]));
    }

    [Fact]
    public async Task A_model_that_never_ends_is_given_up()
    {
        string model = Foreign(TinyModel.Endless);
        ToolRun run = await ToolRun.InShell("FLOW_SANDBOX_SECONDS=5 exec \"$0\" \"$@\"", "sample", model, "--out", _folder.File("a.npy"));

        Assert.Equal((CommandHost.BadInput, $"{model} could not be opened and evaluated once within 5 s (FLOW_SANDBOX_SECONDS); its process was ended.\n"), (run.ExitCode, run.Error));
        Assert.Equal(["foreign.flow.json", "foreign.onnx"], _folder.Files);
    }

    [Fact]
    public async Task A_model_that_asks_for_more_memory_than_there_is_is_refused()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Memory is bounded on Linux alone.");
        byte[] bomb = TinyModel.TimesTimePlus(
            [], [TinyModel.Node("ConstantOfShape", ["size"], "zeros"), TinyModel.Node("ReduceSum", ["zeros"], "f", TinyModel.Attribute("keepdims", 0))], TinyModel.Ints("size", 1L << 32));
        ToolRun run = await ToolRun.InShell($"FLOW_SANDBOX_MEGABYTES={Megabytes} exec \"$0\" \"$@\"", "inspect", Foreign(bomb));

        Assert.Equal((CommandHost.BadInput, ""), (run.ExitCode, run.Output));
        Assert.Contains("foreign.onnx: the network failed: ", run.Error, StringComparison.Ordinal);
        Assert.Contains("memory", run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
    }

    [Theory]
    [InlineData(11, "a memory fault (SIGSEGV)")]
    [InlineData(6, "an abort (SIGABRT)")]
    public async Task A_crash_ends_one_process_and_is_told(int signal, string cause)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals are Linux's.");
        string model = Foreign(TinyModel.Endless);
        Process process = ToolRun.StartProcess("sample", model, "--out", _folder.File("a.npy"));
        ToolRun run = await ToolRun.Finished(process, async () =>
        {
            // .NET takes a first signal as a fault of its own code, finds none, and leaves a second one to the system, as a true fault would come again.
            for (int child = await ChildOf(process); !process.HasExited && Send(child, signal) == 0;)
                await Task.Delay(100, TestContext.Current.CancellationToken);
        });

        Assert.Equal((CommandHost.BadInput, $"{model}: ONNX Runtime cannot open this model: the process that tried was ended by {cause}. Do not open it without a sandbox.\n"), (run.ExitCode, run.Error));
    }

    [Fact]
    public async Task What_is_interrupted_in_a_sandbox_ends_as_it_does_without()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals are Linux's.");
        string partial = _folder.File("a.npy.partial");
        Process process = ToolRun.StartProcess("sample", Models.Digits, "--count", "1000000", "--sandbox", "--out", _folder.File("a.npy"));
        ToolRun run = await ToolRun.Finished(process, async () =>
        {
            while (!process.HasExited && !File.Exists(partial + ".json"))
                await Task.Delay(50, TestContext.Current.CancellationToken);
            Assert.Equal(0, Send(process.Id, 15));
        });

        Assert.Equal(CommandHost.Interrupted, run.ExitCode);
        Assert.Contains("--resume", run.Error, StringComparison.Ordinal);
        Assert.True(File.Exists(partial));
    }

    /// <summary>The process that another has started, once it has become one of its own.</summary>
    private static async Task<int> ChildOf(Process process)
    {
        while (true)
        {
            string[] children = (await File.ReadAllTextAsync($"/proc/{process.Id}/task/{process.Id}/children", TestContext.Current.CancellationToken)).Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (children is [var child] && File.ReadAllText($"/proc/{child}/maps").Contains("libonnxruntime", StringComparison.Ordinal))
                return int.Parse(child);
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    [DllImport("libc", EntryPoint = "kill"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Send(int process, int signal);
}
