namespace FlowRuntime.Tool.Tests;

/// <summary>The tool explains itself.</summary>
public sealed class HelpTests
{
    public static TheoryData<string> Verbs => [.. FlowCommand.Root().Subcommands.Select(verb => verb.Name)];

    [Fact]
    public async Task Alone_it_tells_what_to_do_next()
    {
        ToolRun run = (await ToolRun.InProcess()).EnsureSuccess();

        Assert.All(FlowCommand.Root().Subcommands, verb => Assert.Contains($"flow {verb.Name} ", run.Output, StringComparison.Ordinal));
        Assert.Contains("--help", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_process_alone_tells_the_same() => Assert.Equal(await ToolRun.InProcess(), await ToolRun.AsProcess());

    [Theory, MemberData(nameof(Verbs))]
    public async Task The_help_of_every_verb_has_an_example(string verb)
    {
        ToolRun run = (await ToolRun.InProcess(verb, "--help")).EnsureSuccess();

        Assert.Matches($"(?m)^ *Examples?:\n *flow {verb}( [a-z0-9-]+|\n)", run.Output);
    }

    [Theory, MemberData(nameof(Verbs))]
    public async Task The_help_of_every_verb_describes_each_option(string verb)
    {
        ToolRun run = (await ToolRun.InProcess(verb, "--help")).EnsureSuccess();

        Assert.All(FlowCommand.Root().Subcommands.Single(command => command.Name == verb).Options, option =>
        {
            Assert.False(string.IsNullOrWhiteSpace(option.Description));
            Assert.Contains(option.Name, run.Output, StringComparison.Ordinal);
        });
    }

    [Theory]
    [InlineData("sample digits.onnx --label all --out a.png")]
    [InlineData("sample digits.onnx --label 3,7 --count 1000 --seed 7 --out a.npy")]
    [InlineData("sample moons.onnx --count 5000 --method rk4 --steps 20 --out a.csv")]
    [InlineData("inspect digits.onnx")]
    public async Task The_examples_work(string example)
    {
        using var folder = new WorkFolder();
        string[] arguments = [.. example.Split(' ').Select(word =>
            word.EndsWith(".onnx", StringComparison.Ordinal) ? Path.Combine(AppContext.BaseDirectory, "Models", word)
            : word.StartsWith("a.", StringComparison.Ordinal) ? folder[word] : word)];

        Assert.NotEqual("", (await ToolRun.InProcess(arguments)).EnsureSuccess().Output);
    }

    [Fact]
    public async Task The_version_is_that_of_the_library()
    {
        ToolRun run = (await ToolRun.AsProcess("--version")).EnsureSuccess();

        Assert.StartsWith(typeof(FlowModel).Assembly.GetName().Version!.ToString(3), run.Output, StringComparison.Ordinal);
    }
}
