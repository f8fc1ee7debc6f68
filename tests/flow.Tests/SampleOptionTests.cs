using FlowRuntime.Cards;
using FlowRuntime.CommandLine;
using FlowRuntime.Fields;
using FlowRuntime.Ode;

namespace FlowRuntime.Tool.Tests;

/// <summary>Each option of <c>flow sample</c> means what it means in the runtime.</summary>
public sealed class SampleOptionTests : IDisposable
{
    private const int Count = 12;

    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task All_is_every_class_in_turn() =>
        Assert.Equal(Expected(Models.Digits, options => options with { Labels = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] }), await Drawn(Models.Digits, "--label all"));

    [Fact]
    public async Task Labels_are_taken_in_turn()
    {
        float[] both = await Drawn(Models.Digits, "--label 3,7"), threes = await Drawn(Models.Digits, "--label 3"), sevens = await Drawn(Models.Digits, "--label 7");

        Assert.All(Enumerable.Range(0, Count), i => Assert.Equal((i % 2 == 0 ? threes : sevens)[Row(i)], both[Row(i)]));
    }

    [Fact]
    public async Task Without_a_label_samples_have_no_class() =>
        Assert.Equal(Expected(Models.Digits, options => options), await Drawn(Models.Digits, ""));

    [Fact]
    public async Task A_label_is_a_name_or_a_number_and_a_name_comes_first()
    {
        // Here the name 3 belongs to the class of number 4.
        string model = _folder.CopyOf(Models.Digits, sidecar: """{"conditions": {"classes": {"names": ["zero", "one", "two", "three", "3", "five", "six", "seven", "eight", "nine"]}}}""");

        Assert.Equal(await Drawn(Models.Digits, "--label 7,4,5"), await Drawn(model, "--label seven,3,5"));
    }

    [Fact]
    public async Task Guidance_of_one_is_none() =>
        Assert.Equal(await Drawn(Models.Digits, "--label 3"), await Drawn(Models.Digits, "--label 3 --guidance 1"));

    [Fact]
    public async Task Guidance_is_that_of_the_runtime()
    {
        float[] guided = await Drawn(Models.Digits, "--label 3,8 --guidance 2.5");

        Assert.Equal(Expected(Models.Digits, options => options with { Labels = [3, 8], Guidance = 2.5 }), guided);
        Assert.NotEqual(await Drawn(Models.Digits, "--label 3,8"), guided);
    }

    [Theory]
    [InlineData("--guidance-interval 0.2,0.6")]
    [InlineData("--guidance-rescale 0.7")]
    [InlineData("--negative 5")]
    public async Task Guidance_may_be_limited_rescaled_and_lead_away_from_a_class(string arguments)
    {
        var guidance = new Guidance(2.5);
        guidance = arguments.Split(' ')[0] switch
        {
            "--guidance-interval" => guidance with { Interval = (0.2, 0.6) },
            "--guidance-rescale" => guidance with { Rescale = 0.7 },
            _ => guidance with { Negative = new Condition { Label = 5 } },
        };
        float[] guided = await Drawn(Models.Digits, $"--label 3,8 --guidance 2.5 {arguments}");
        Assert.Equal(Expected(Models.Digits, options => options with { Labels = [3, 8], Guidance = guidance }), guided);
        Assert.NotEqual(await Drawn(Models.Digits, "--label 3,8 --guidance 2.5"), guided);
    }

    [Theory]
    [InlineData("--method rk4 --steps 10", "rk4", 10)]
    [InlineData("--method euler --steps 3", "euler", 3)]
    [InlineData("--method HEUN --steps 1", "heun", 1)]
    [InlineData("--steps 5", "bosh3", 5)]
    public async Task Steps_are_the_fixed_steps_of_the_runtime(string arguments, string method, int steps)
    {
        SolverOptions solver = new FixedSteps(ButcherTableau.Named(method), steps);

        Assert.Equal(Expected(Untuned, options => options with { Solver = solver }), await Drawn(Untuned, arguments));
    }

    [Fact]
    public async Task Tolerances_are_the_adaptive_steps_of_the_runtime()
    {
        var defaults = new AdaptiveSteps();
        float[] usual = await Drawn(Untuned, ""), relative = await Drawn(Untuned, "--rtol 1e-6"), both = await Drawn(Untuned, "--method dopri5 --rtol 1e-6 --atol 1e-7");

        Assert.Equal(Expected(Untuned, options => options with { Solver = defaults }), usual);
        Assert.Equal(Expected(Untuned, options => options with { Solver = defaults with { RelativeTolerance = 1e-6 } }), relative);
        Assert.Equal(Expected(Untuned, options => options with { Solver = defaults with { RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-7 } }), both);
        Assert.NotEqual(usual, relative);
        Assert.NotEqual(relative, both);
    }

    [Fact]
    public async Task A_models_hints_are_its_defaults_and_options_come_before_them()
    {
        string model = _folder.CopyOf(Models.Moons);
        FlowCard card = CardFile.Read(model);
        CardFile.Write(model, card with { Hints = new HintsCard(OnnxFile.GraphHash(model), Method: "heun", Steps: 4) });

        Assert.Equal(await Drawn(Untuned, "--method heun --steps 4"), await Drawn(model, ""));
        Assert.Equal(await Drawn(Untuned, "--method heun --steps 4"), await Drawn(model, "--method heun"));
        Assert.Equal(await Drawn(Untuned, "--rtol 1e-5"), await Drawn(model, "--rtol 1e-5"));
        Assert.Equal(await Drawn(Untuned, "--method heun --steps 9"), await Drawn(model, "--steps 9"));
        Assert.Equal(await Drawn(Untuned, "--rtol 1e-5"), await Drawn(model, "--method dopri5 --rtol 1e-5"));
    }

    [Fact]
    public async Task Hints_for_another_graph_are_not_used()
    {
        string model = _folder.CopyOf(Models.Moons);
        CardFile.Write(model, CardFile.Read(model) with { Hints = new HintsCard(new string('0', 64), Method: "euler", Steps: 1) });

        ToolRun run = await ToolRun.InProcess("sample", model, "--count", $"{Count}", "--out", _folder["b.npy"]);
        Assert.Equal(CommandHost.Done, run.ExitCode);
        Assert.Matches("^The card's hints were measured on another graph and are ignored[^\n]*\n$", run.Error);
        Assert.Equal(await Drawn(Untuned, ""), NpyArray.Read(_folder["b.npy"]).Values);
    }

    [Fact]
    public async Task Without_being_required_a_provider_that_is_absent_falls_back_to_the_cpu_and_says_so()
    {
        float[] expected = await Drawn(Models.Moons, "--provider cpu");
        ToolRun run = await ToolRun.InProcess("sample", Models.Moons, "--count", $"{Count}", "--provider", "qnn", "--out", _folder["q.npy"]);

        Assert.Equal(0, run.ExitCode);
        Assert.Matches("^Runs on cpu [^\n]*qnn[^\n]*\n$", run.Error);
        Assert.Equal(expected, NpyArray.Read(_folder["q.npy"]).Values);
    }

    [Theory]
    [InlineData("sample {moons} --method nope --out {out}")]
    [InlineData("sample {moons} --rtol -1 --out {out} --dry-run")]
    [InlineData("bench {moons} --method nope")]
    [InlineData("encode {moons} --in none.npy --out {out}")]
    public async Task Where_something_is_refused_nothing_is_said_of_the_provider(string line)
    {
        ToolRun run = await ToolRun.InProcess(WithoutItsProvider(line));
        Assert.Equal(CommandHost.BadInput, run.ExitCode);
        Assert.Matches("^--(method|rtol|in): [^\n]*\n$", run.Error);
    }

    [Theory]
    [InlineData("sample {moons} --count 2 --out -")]
    [InlineData("sample {moons} --count 2 --out {out} --dry-run")]
    [InlineData("bench {moons} --count 2")]
    public async Task A_provider_that_is_absent_is_told_wherever_work_is_done(string line)
    {
        ToolRun run = await ToolRun.AsProcess(WithoutItsProvider(line));
        Assert.Equal(CommandHost.Done, run.ExitCode);
        Assert.StartsWith("Runs on cpu ", run.Error, StringComparison.Ordinal);
    }

    private string[] WithoutItsProvider(string line) => [.. line.Split(' ').Select(word => word switch { "{moons}" => Models.Moons, "{out}" => _folder["a.npy"], _ => word }), "--provider", "qnn"];

    private string Untuned => _folder.UntunedCopyOf(Models.Moons);

    private async Task<float[]> Drawn(string model, string arguments)
    {
        string[] given = ["sample", model, "--count", $"{Count}", .. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--out", _folder["a.npy"]];
        (await ToolRun.InProcess(given)).EnsureSuccess();
        return NpyArray.Read(_folder["a.npy"]).Values;
    }

    private static float[] Expected(string path, Func<SamplingOptions, SamplingOptions> change)
    {
        using FlowModel model = FlowModel.Open(path);
        return model.Sample(Count, change(new SamplingOptions()), cancellationToken: TestContext.Current.CancellationToken).Values;
    }

    private static Range Row(int i) => (i * 64)..((i + 1) * 64);
}
