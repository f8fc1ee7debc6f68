using FlowRuntime.Cards;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;
using FlowRuntime.Tuning;

namespace FlowRuntime.Tests;

/// <summary>Hints measured on a model are that model's solver from then on, and no other's.</summary>
public sealed class SolverTunerTests(SolverTunerTests.TunedMoons tuned) : IClassFixture<SolverTunerTests.TunedMoons>, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>The hints of the shipped model, measured once.</summary>
    public sealed class TunedMoons
    {
        public TunedMoons()
        {
            using FlowModel model = FlowModel.Open(Repository.Model("moons.onnx"));
            Hints = SolverTuner.Tune(model, samples: 32);
        }

        public HintsCard Hints { get; }
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Errors_rise_and_evaluations_fall_from_fine_to_draft()
    {
        QualityCard quality = tuned.Hints.Quality!;
        Assert.True(quality.Fine.Error < quality.Normal.Error && quality.Normal.Error < quality.Draft.Error);
        Assert.True(quality.Fine.Evaluations > quality.Normal.Evaluations && quality.Normal.Evaluations > quality.Draft.Evaluations);
        Assert.InRange(quality.Fine.Error!.Value, 0, 1.2e-3);
        Assert.InRange(quality.Normal.Error!.Value, 0, 1.2e-2);
        Assert.InRange(quality.Draft.Error!.Value, 0, 6e-2);
    }

    [Fact]
    public void Measuring_again_gives_the_same_hints()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("moons.onnx"));
        HintsCard again = SolverTuner.Tune(model, samples: 32, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(CardFile.ToJson(TinyModel.Card with { Hints = tuned.Hints }), CardFile.ToJson(TinyModel.Card with { Hints = again }));
    }

    /// <summary>What the card says each level costs and errs holds for the samples it was judged on, 32 to 63.</summary>
    [Fact]
    public void A_level_costs_and_errs_as_its_card_says()
    {
        using FlowModel model = FlowModel.Open(Tuned());
        var samples = new SamplingOptions { First = 32, Solver = new AdaptiveSteps { Method = ButcherTableau.Dopri5, RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-6 } };
        SampleBatch tight = model.Sample(32, samples).EnsureSuccess();
        ColumnsCard columns = model.Card.Data!.Columns!;
        foreach ((SamplingQuality quality, QualityLevelCard level) in new[]
        {
            (SamplingQuality.Draft, tuned.Hints.Quality!.Draft), (SamplingQuality.Normal, tuned.Hints.Quality.Normal), (SamplingQuality.Fine, tuned.Hints.Quality.Fine),
        })
        {
            SampleBatch batch = model.Sample(32, samples with { Solver = model.SolverFor(quality) }).EnsureSuccess();
            Assert.Equal(level.Evaluations!.Value, batch.Evaluations.Average(), 0.06);
            // In the network's units, where these data have deviation 1; the worst of the 32 is left out by the measurement or not.
            double[] squares = [.. Enumerable.Range(0, 32)
                .Select(i => Enumerable.Range(0, 2).Average(e => Math.Pow((batch[i][e] - tight[i][e]) / columns.Scale[e], 2))).Order()];
            Assert.InRange(level.Error!.Value, 0.7 * Math.Sqrt(squares[..^1].Average()), 1.4 * Math.Sqrt(squares.Average()));
        }
    }

    [Fact]
    public void A_model_with_its_hints_is_sampled_by_them_where_nothing_else_is_said()
    {
        using FlowModel model = FlowModel.Open(Tuned());

        Assert.True(model.HintsApply);
        var normal = (AdaptiveSteps)model.SolverFor(SamplingQuality.Normal);
        Assert.Equal(normal, model.Defaults.Solver);
        Assert.Equal(tuned.Hints.Quality!.Normal.Method, normal.Method.Name);
        Assert.Equal((tuned.Hints.Quality.Normal.Tolerance, tuned.Hints.Quality.Normal.Tolerance), (normal.RelativeTolerance, normal.AbsoluteTolerance));
        Assert.Equal(tuned.Hints.Quality.Normal.Profiled, normal.Profile is not null);
        Assert.Equal(tuned.Hints.Quality.Normal.Whitened, normal.Moments is not null);
        SampleBatch expected = model.Sample(10, new SamplingOptions { Seed = 7, Solver = normal });
        SampleBatch actual = model.Sample(10, new SamplingOptions { Seed = 7 });
        Assert.Equal(expected.Values, actual.Values);
        Assert.Equal(expected.Evaluations, actual.Evaluations);
        Assert.True(actual.Statistics.Evaluations < model.Sample(10, new SamplingOptions { Seed = 7, Solver = new AdaptiveSteps() }).Statistics.Evaluations);
    }

    [Fact]
    public void Hints_of_another_graph_are_ignored()
    {
        using FlowModel model = FlowModel.Open(With(tuned.Hints with { Graph = new string('0', 64) }));

        Assert.False(model.HintsApply);
        AssertGeneral(model);
    }

    [Fact]
    public void Without_hints_each_quality_is_a_general_choice()
    {
        string path = _folder.CopyOf(Repository.Model("moons.onnx"));
        CardFile.Write(path, CardFile.Read(path) with { Hints = null });
        using FlowModel model = FlowModel.Open(path);

        Assert.False(model.HintsApply);
        AssertGeneral(model);
    }

    [Fact]
    public void A_profile_is_attached_to_its_method_in_its_coordinates_alone()
    {
        using FlowModel model = FlowModel.Open(With(new HintsCard("", Profiles:
        [
            new ProfileCard("bosh3", [1e-2], [[0.1, 0.1]]), new ProfileCard("bosh3", [1e-2], [[0.2, 0.2]], Whitened: true), new ProfileCard("dopri5", [1e-2], [[0.3, 0.3]]),
        ])));
        var moments = new DataMoments([0], [1]);
        double? StepOf(AdaptiveSteps steps) => model.Profiled(steps).Profile?.Steps[0][0];

        Assert.Equal(0.1, StepOf(new AdaptiveSteps { Method = ButcherTableau.Bosh3 })!.Value, 1e-12);
        Assert.Equal(0.2, StepOf(new AdaptiveSteps { Method = ButcherTableau.Bosh3, Moments = moments })!.Value, 1e-12);
        Assert.Equal(0.3, StepOf(new AdaptiveSteps { RelativeTolerance = 1e-6 })!.Value, 1e-12); // dopri5 by its tolerance
        Assert.Null(StepOf(new AdaptiveSteps { Method = ButcherTableau.Dopri5, Moments = moments }));
        Assert.Null(StepOf(new AdaptiveSteps { Method = ButcherTableau.Tsit5 }));
        Assert.Null(StepOf(new AdaptiveSteps { Method = ButcherTableau.Tsit5, Profile = new StepProfile(ButcherTableau.Tsit5, [1e-2], [[1, 1]]) }));
    }

    [Fact]
    public void A_method_or_tolerance_of_the_hints_wins_over_the_measured_quality()
    {
        HintsCard hints = new("", Quality: new QualityCard(new("tsit5", 0.5), new("tsit5", 0.1), new("tsit5", 1e-3)));
        SolverOptions? SolverOf(HintsCard given)
        {
            using var folder = new TemporaryFolder();
            string path = folder.CopyOf(Repository.Model("moons.onnx"));
            CardFile.WriteHints(path, given with { Graph = OnnxFile.GraphHash(path) });
            using FlowModel model = FlowModel.Open(path);
            Assert.Equal(0.1, ((AdaptiveSteps)model.SolverFor(SamplingQuality.Normal)).RelativeTolerance);
            return model.Defaults.Solver;
        }

        Assert.Equal(ButcherTableau.Tsit5.Name, SolverOf(hints)!.MethodName);
        Assert.Equal(new FixedSteps(ButcherTableau.Heun, 4), SolverOf(hints with { Method = "heun", Steps = 4 }));
        Assert.Equal(new AdaptiveSteps { Method = ButcherTableau.Dopri5 }, SolverOf(hints with { Method = "dopri5" }));
        Assert.Equal(new AdaptiveSteps { RelativeTolerance = 1e-5 }, SolverOf(hints with { RelativeTolerance = 1e-5 }));
    }

    [Fact]
    public void A_guidance_is_kept_where_it_was_for_this_graph()
    {
        foreach ((string? graph, double? expected) in new (string?, double?)[] { (null, 1.5), (new string('0', 64), null) })
        {
            string path = TinyModel.Write(_folder, "model.onnx", TinyModel.TimesTimePlusTable(1, 2, 3, 4, 5, 6), TinyModel.ClassesCard);
            CardFile.WriteHints(path, new HintsCard(graph ?? OnnxFile.GraphHash(path), Guidance: 1.5));
            using FlowModel model = FlowModel.Open(path);

            Assert.Equal(expected, SolverTuner.Tune(model, samples: 32, cancellationToken: TestContext.Current.CancellationToken).Guidance);
        }
    }

    [Fact]
    public void Too_few_samples_are_refused()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("moons.onnx"));
        Assert.Contains("at least 32", Assert.Throws<ArgumentOutOfRangeException>(() => SolverTuner.Tune(model, samples: 31)).Message);
    }

    private static void AssertGeneral(FlowModel model)
    {
        Assert.Equal(new AdaptiveSteps(), model.Defaults.Solver);
        Assert.Equal(new AdaptiveSteps(), model.SolverFor(SamplingQuality.Normal));
        Assert.Equal(new AdaptiveSteps { RelativeTolerance = 3e-2, AbsoluteTolerance = 3e-2 }, model.SolverFor(SamplingQuality.Draft));
        Assert.Equal(new AdaptiveSteps { RelativeTolerance = 1e-4, AbsoluteTolerance = 1e-4 }, model.SolverFor(SamplingQuality.Fine));
    }

    private string Tuned() => With(tuned.Hints);

    /// <summary>A copy of the shipped model with hints, for its own graph where they name none.</summary>
    private string With(HintsCard hints)
    {
        string path = _folder.CopyOf(Repository.Model("moons.onnx"));
        CardFile.WriteHints(path, hints.Graph == "" ? hints with { Graph = OnnxFile.GraphHash(path) } : hints);
        return path;
    }
}
