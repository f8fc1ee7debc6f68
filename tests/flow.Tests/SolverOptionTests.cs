using System.Globalization;
using FlowRuntime.Cards;
using FlowRuntime.CommandLine;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tool.Tests;

/// <summary>How <c>flow sample</c> is told to solve: qualities, grids and stochastic sampling mean what they mean in the runtime.</summary>
public sealed class SolverOptionTests : IDisposable
{
    private const int Count = 9;

    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, SamplingQuality> Qualities => new()
    {
        { "draft", SamplingQuality.Draft }, { "normal", SamplingQuality.Normal }, { "fine", SamplingQuality.Fine }, { "FINE", SamplingQuality.Fine },
    };

    [Theory, MemberData(nameof(Qualities))]
    public async Task A_quality_is_the_models_own_where_it_was_measured(string text, SamplingQuality quality)
    {
        string tuned = Tuned();

        float[] drawn = await Drawn(tuned, $"--quality {text}");

        Assert.Equal(Expected(tuned, model => model.SolverFor(quality)), drawn);
        QualityLevelCard level = quality switch { SamplingQuality.Draft => Levels.Draft, SamplingQuality.Normal => Levels.Normal, _ => Levels.Fine };
        Assert.Equal(Expected(tuned, _ => new AdaptiveSteps
        {
            Method = (EmbeddedPair)ButcherTableau.Named(level.Method),
            RelativeTolerance = level.Tolerance,
            AbsoluteTolerance = level.Tolerance,
            Profile = level.Profiled ? new StepProfile(ButcherTableau.Dopri5, Profile.Tolerances, Profile.Steps) : null,
        }), drawn);
    }

    [Theory, MemberData(nameof(Qualities))]
    public async Task A_quality_is_a_general_choice_where_nothing_was_measured(string text, SamplingQuality quality)
    {
        double tolerance = quality switch { SamplingQuality.Draft => 3e-2, SamplingQuality.Normal => 3e-3, _ => 1e-4 };

        Assert.Equal(Expected(Models.Moons, _ => new AdaptiveSteps { RelativeTolerance = tolerance, AbsoluteTolerance = tolerance }), await Drawn(Untuned(), $"--quality {text}"));
    }

    [Fact]
    public async Task A_measured_model_is_sampled_at_its_normal_quality_by_default()
    {
        string tuned = Tuned();

        Assert.Equal(await Drawn(tuned, "--quality normal"), await Drawn(tuned, ""));
        Assert.NotEqual(await Drawn(tuned, "--quality draft"), await Drawn(tuned, ""));
    }

    /// <summary>By default bosh3 is the method of loose tolerances and dopri5 that of tight ones; named, a method stays.</summary>
    [Theory]
    [InlineData("bosh3", "--rtol 1e-6")]
    [InlineData("bosh3", "--atol 1e-6")]
    [InlineData("dopri5", "--rtol 1e-2 --atol 1e-2")]
    public async Task A_method_that_is_named_is_used_at_every_tolerance(string method, string tolerances)
    {
        string[] words = tolerances.Split(' ');
        double Given(string name, double usual) => words.Contains(name) ? double.Parse(words[Array.IndexOf(words, name) + 1], CultureInfo.InvariantCulture) : usual;
        SolverOptions solver = new AdaptiveSteps
        {
            Method = (EmbeddedPair)ButcherTableau.Named(method),
            RelativeTolerance = Given("--rtol", 3e-3),
            AbsoluteTolerance = Given("--atol", 3e-3),
        };

        Assert.Equal(Expected(Models.Moons, _ => solver), await Drawn(Untuned(), $"--method {method} {tolerances}"));
    }

    [Fact]
    public async Task A_tolerance_alone_chooses_the_method_that_goes_with_it_and_its_profile_where_there_is_one()
    {
        string tuned = Tuned();

        Assert.Equal(Expected(tuned, _ => new AdaptiveSteps
        {
            RelativeTolerance = 5e-3,
            AbsoluteTolerance = Levels.Normal.Tolerance,
        }), await Drawn(tuned, "--rtol 5e-3")); // bosh3, which has no profile here
        Assert.Equal(Expected(tuned, _ => new AdaptiveSteps
        {
            Method = ButcherTableau.Dopri5,
            RelativeTolerance = 5e-4,
            AbsoluteTolerance = Levels.Normal.Tolerance,
            Profile = new StepProfile(ButcherTableau.Dopri5, Profile.Tolerances, Profile.Steps),
        }), await Drawn(tuned, "--rtol 5e-4"));
        Assert.Equal(Expected(tuned, _ => new AdaptiveSteps
        {
            Method = ButcherTableau.Tsit5,
            RelativeTolerance = Levels.Normal.Tolerance,
            AbsoluteTolerance = Levels.Normal.Tolerance,
        }), await Drawn(tuned, "--method tsit5"));
    }

    public static TheoryData<string, TimeGrid> Grids => new()
    {
        { "uniform", TimeGrid.Uniform }, { "cosine", TimeGrid.Cosine }, { "shift:3", TimeGrid.Shift(3) }, { "shift:0.5", TimeGrid.Shift(0.5) },
        { "karras", TimeGrid.Karras() }, { "karras:7", TimeGrid.Karras() }, { "karras:3", TimeGrid.Karras(3) },
    };

    [Theory, MemberData(nameof(Grids))]
    public async Task A_grid_is_that_of_the_runtime(string text, TimeGrid grid) =>
        Assert.Equal(Expected(Models.Moons, _ => new FixedSteps(ButcherTableau.Heun, 8) { Grid = grid }), await Drawn(Models.Moons, $"--method heun --steps 8 --grid {text}"));

    [Theory]
    [InlineData("0\n0.125\n0.5\n1\n", "")]
    [InlineData("0, 0.125, 0.5, 1", "--steps 3")]
    [InlineData("0;1.25e-1;\t0.5 1\r\n", "")]
    public async Task A_file_of_times_is_a_grid_with_its_own_number_of_steps(string content, string steps)
    {
        await File.WriteAllTextAsync(_folder["times.csv"], content, TestContext.Current.CancellationToken);

        Assert.Equal(
            Expected(Models.Moons, _ => new FixedSteps(ButcherTableau.Heun, 3) { Grid = TimeGrid.Given([0, 0.125, 0.5, 1]) }),
            await Drawn(Models.Moons, $"--method heun {steps} --grid @{_folder["times.csv"]}"));
    }

    [Theory]
    [InlineData("--sde 0.3 --steps 8", "churned-heun", 0.3)]
    [InlineData("--sde 0.3 --steps 8 --method churned-heun", "churned-heun", 0.3)]
    [InlineData("--sde 0.3 --steps 8 --method euler-maruyama", "euler-maruyama", 0.3)]
    [InlineData("--sde 0 --steps 8", "churned-heun", 0)]
    public async Task Churn_is_that_of_the_runtime(string arguments, string method, double churn)
    {
        StochasticMethod stochastic = StochasticMethod.All.Single(one => one.Name == method).WithChurn(churn);
        float[] drawn = await Drawn(Models.Moons, $"{arguments} --seed 5");

        Assert.Equal(Expected(Models.Moons, _ => new FixedSteps(stochastic, 8), seed: 5), drawn);
        Assert.NotEqual(await Drawn(Models.Moons, $"{arguments} --seed 6"), drawn);
    }

    [Fact]
    public async Task Without_churn_heun_is_deterministic_and_with_it_the_path_is_noisy() =>
        Assert.NotEqual(await Drawn(Models.Moons, "--sde 0 --steps 8"), await Drawn(Models.Moons, "--sde 0.5 --steps 8"));

    [Theory]
    // options that exclude each other
    [InlineData("--quality fine --method dopri5", "--quality", "--method", "exclude each other")]
    [InlineData("--quality fine --rtol 1e-3", "--quality", "--rtol", "exclude each other")]
    [InlineData("--quality fine --atol 1e-3", "--quality", "--atol", "exclude each other")]
    [InlineData("--quality fine --steps 4", "--quality", "--steps", "exclude each other")]
    [InlineData("--quality fine --grid cosine", "--quality", "--grid", "exclude each other")]
    [InlineData("--quality fine --sde 1", "--quality", "--sde", "exclude each other")]
    [InlineData("--grid cosine --rtol 1e-3", "--grid", "--rtol", "exclude each other")]
    [InlineData("--sde 1 --atol 1e-3", "--sde", "--atol", "exclude each other")]
    // values
    [InlineData("--quality best", "--quality", "'best'", "draft, normal or fine")]
    [InlineData("--quality 1", "--quality", "'1'", "draft, normal or fine")]
    [InlineData("--quality -1", "--quality", "'-1'", "draft, normal or fine")]
    [InlineData("--quality draft,fine", "--quality", "'draft,fine'", "draft, normal or fine")]
    [InlineData("--quality", "--quality")]
    [InlineData("--grid nope --steps 4", "--grid", "'nope'", "uniform, cosine, shift:S, karras:RHO or @times.csv")]
    [InlineData("--grid shift --steps 4", "--grid", "'shift'", "shift:S")]
    [InlineData("--grid cosine:3 --steps 4", "--grid", "'cosine:3'")]
    [InlineData("--grid shift:x --steps 4", "--grid", "'x'", "Give a number")]
    [InlineData("--grid shift:0 --steps 4", "--grid", "shift above 0")]
    [InlineData("--grid shift:NaN --steps 4", "--grid", "shift above 0")]
    [InlineData("--grid karras:0.5 --steps 4", "--grid", "exponent of at least 1")]
    [InlineData("--grid karras: --steps 4", "--grid", "Give a number")]
    [InlineData("--grid cosine", "--grid", "--steps")]
    [InlineData("--sde 1", "--sde", "--steps")]
    [InlineData("--sde 1 --method dopri5 --steps 4", "--sde", "dopri5", "euler-maruyama, churned-heun")]
    [InlineData("--sde -1 --steps 4", "--sde", "at least 0")]
    [InlineData("--sde NaN --steps 4", "--sde", "at least 0")]
    [InlineData("--sde much --steps 4", "--sde", "'much'", "Give a number")]
    // files of times
    [InlineData("--grid @{folder}missing.csv", "--grid", "missing.csv")]
    [InlineData("--grid @{folder}", "--grid")]
    [InlineData("--grid @", "--grid")]
    [InlineData("--grid @{times:0,0.5,one}", "--grid", "times.csv", "value 3", "'one'", "no number")]
    [InlineData("--grid @{times:t,0,1}", "--grid", "times.csv", "value 1", "'t'", "no number")]
    [InlineData("--grid @{times:0,NaN,1}", "--grid", "times.csv", "NaN")]
    [InlineData("--grid @{times:0,0.5,0.4,1}", "--grid", "times.csv", "0.5", "0.4")]
    [InlineData("--grid @{times:0,0.5,0.5,1}", "--grid", "times.csv", "0.5")]
    [InlineData("--grid @{times:1}", "--grid", "times.csv", "no step")]
    [InlineData("--grid @{times:}", "--grid", "times.csv", "no step")]
    [InlineData("--grid @{times:0,0.5,1} --steps 3", "3 times for 3 steps")]
    [InlineData("--grid @{times:0,0.5}", "from 0 to 0.5", "between 0 and 1")]
    // trajectories
    [InlineData("--trajectory 1", "--trajectory", "2 to 1000")]
    [InlineData("--trajectory 0", "--trajectory", "2 to 1000")]
    [InlineData("--trajectory -3", "--trajectory", "2 to 1000")]
    [InlineData("--trajectory 1001", "--trajectory", "2 to 1000")]
    [InlineData("--trajectory 2.5", "--trajectory", "'2.5'", "Give a whole number")]
    public async Task What_cannot_be_solved_is_refused_in_one_line(string arguments, params string[] words)
    {
        int at = arguments.IndexOf("{times:", StringComparison.Ordinal);
        if (at >= 0)
        {
            int end = arguments.IndexOf('}', at);
            await File.WriteAllTextAsync(_folder["times.csv"], arguments[(at + 7)..end].Replace(',', '\n'), TestContext.Current.CancellationToken);
            arguments = arguments[..at] + _folder["times.csv"] + arguments[(end + 1)..];
        }
        string[] before = [.. _folder.Entries];
        arguments = arguments.Replace("{folder}", _folder[""], StringComparison.Ordinal);

        ToolRun run = await ToolRun.InProcess(["sample", Models.Moons, "--count", "3", "--out", _folder["a.npy"], .. arguments.Split(' ')]);

        Assert.Equal((CommandHost.BadInput, ""), (run.ExitCode, run.Output));
        Assert.Matches("^[^\n]*[^\n ][^\n]*\n$", run.Error);
        Assert.All(words, word => Assert.Contains(word, run.Error, StringComparison.Ordinal));
        Assert.DoesNotContain("(Parameter", run.Error, StringComparison.Ordinal);
        Assert.Equal(before, _folder.Entries);
    }

    private static ProfileCard Profile { get; } = new("dopri5", [1e-3, 1e-2], [[0.1, 0.08, 0.04], [0.3, 0.2, 0.1]]);

    private static QualityCard Levels { get; } = new(new("bosh3", 0.1), new("dopri5", 1e-2, Profiled: true), new("dopri5", 1e-4));

    private string Tuned()
    {
        string model = _folder.CopyOf(Models.Moons, "tuned");
        CardFile.WriteHints(model, new HintsCard(OnnxFile.GraphHash(model), Quality: Levels, Profiles: [Profile]));
        return model;
    }

    private string Untuned() => _folder.UntunedCopyOf(Models.Moons);

    private async Task<float[]> Drawn(string model, string arguments)
    {
        string[] given = ["sample", model, "--count", $"{Count}", .. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--out", _folder["a.npy"]];
        (await ToolRun.InProcess(given)).EnsureSuccess();
        return NpyArray.Read(_folder["a.npy"]).Values;
    }

    private static float[] Expected(string path, Func<FlowModel, SolverOptions> solver, ulong seed = 0)
    {
        using FlowModel model = FlowModel.Open(path);
        return model.Sample(Count, new SamplingOptions { Seed = seed, Solver = solver(model) }, cancellationToken: TestContext.Current.CancellationToken).Values;
    }
}
