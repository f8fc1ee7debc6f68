using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Ode;

namespace FlowRuntime.Tests;

/// <summary>A card's hints are the model's defaults as long as they were made for its graph.</summary>
public class HintTests
{
    private static readonly AdaptiveSteps Library = new();

    [Fact]
    public void Hints_of_tolerances_are_the_defaults()
    {
        using FlowModel model = WithHints(graph => new HintsCard(graph, "dopri5", RelativeTolerance: 1e-4, AbsoluteTolerance: 1e-5));
        Assert.Equal(Library with { Method = ButcherTableau.Dopri5, RelativeTolerance = 1e-4, AbsoluteTolerance = 1e-5 }, model.Defaults.Solver);
    }

    [Fact]
    public void A_tolerance_that_is_not_hinted_is_the_librarys()
    {
        using FlowModel model = WithHints(graph => new HintsCard(graph.ToUpperInvariant(), AbsoluteTolerance: 1e-5));
        Assert.Equal(Library with { AbsoluteTolerance = 1e-5 }, model.Defaults.Solver);
    }

    [Fact]
    public void Hints_of_steps_are_the_defaults_and_what_is_sampled()
    {
        using FlowModel model = WithHints(graph => new HintsCard(graph, "rk4", Steps: 8));
        Assert.Equal(new FixedSteps(ButcherTableau.RungeKutta4, 8), model.Defaults.Solver);
        Assert.All(model.Sample(5).Evaluations, evaluations => Assert.Equal(32, evaluations));
    }

    [Fact]
    public void A_hint_of_guidance_is_the_default_for_labels()
    {
        using FlowModel model = WithHints(graph => new HintsCard(graph, Guidance: 2), classes: true);
        Assert.Equal(2, model.Defaults.Guidance.Scale);
        Assert.Equal(
            model.Sample(5, new SamplingOptions { Labels = [1], Guidance = 2 }).Values,
            model.Sample(5, model.Defaults with { Labels = [1] }).Values);
        Assert.Equal(model.Sample(5, new SamplingOptions()).Values, model.Sample(5).Values); // no class, nothing to guide towards
    }

    [Fact]
    public void Hints_for_another_graph_are_ignored()
    {
        using FlowModel model = WithHints(graph => new HintsCard(new string('0', 64), "rk4", Steps: 8, Guidance: 2), classes: true);
        Assert.Equal(Library, model.Defaults.Solver);
        Assert.Equal(Guidance.None, model.Defaults.Guidance);
    }

    [Fact]
    public void A_hinted_method_without_error_estimate_needs_steps()
    {
        var error = Assert.Throws<InvalidDataException>(() => WithHints(graph => new HintsCard(graph, "euler")));
        Assert.Contains("hints.method 'euler'", error.Message);
        Assert.Contains("model.onnx", error.Message);
    }

    private static FlowModel WithHints(Func<string, HintsCard> hints, bool classes = false)
    {
        using var folder = new TemporaryFolder();
        byte[] model = classes ? TinyModel.TimesTimePlusTable(1, 2, 3, 4, 5, 6) : TinyModel.TimesTime();
        string path = folder.File("model.onnx", model);
        FlowCard card = classes ? TinyModel.ClassesCard : TinyModel.Card;
        CardFile.Write(path, card with { Hints = hints(OnnxFile.GraphHash(path)) });
        return FlowModel.Open(path);
    }
}
