using FlowRuntime.Fields;
using FlowRuntime.Ode;

namespace FlowRuntime.Tests;

/// <summary>Options refuse what makes no sense where it is written, and again where it is changed by <c>with</c>.</summary>
public class OptionsTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(-1e-3)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_tolerance_is_positive_and_finite(double tolerance)
    {
        AdaptiveSteps good = new();
        Refused("RelativeTolerance", () => new AdaptiveSteps { RelativeTolerance = tolerance });
        Refused("AbsoluteTolerance", () => new AdaptiveSteps { AbsoluteTolerance = tolerance });
        Refused("RelativeTolerance", () => good with { RelativeTolerance = tolerance });
        Refused("AbsoluteTolerance", () => good with { AbsoluteTolerance = tolerance });
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(int.MinValue)]
    public void Counts_are_at_least_1(int count)
    {
        OdeProblem problem = Solve.Problem(FormulaField.Cosine, new AdaptiveSteps(), count: 1);
        SamplingOptions sampling = new();
        FlowModelOptions model = new();
        Refused("count", () => new FixedSteps(ButcherTableau.Euler, count));
        Refused("MaxSteps", () => new AdaptiveSteps() with { MaxSteps = count });
        Refused("Count", () => problem with { Count = count });
        Refused("Workers", () => problem with { Workers = count });
        Refused("Slots", () => problem with { Slots = count });
        Refused("Workers", () => sampling with { Workers = count });
        Refused("Slots", () => sampling with { Slots = count });
        Refused("Threads", () => model with { Threads = count });
        Refused("Processors", () => model with { Processors = count });
    }

    [Theory]
    [InlineData(257)]
    [InlineData(int.MaxValue)]
    public void Threads_and_workers_are_256_at_most(int count)
    {
        Refused("Workers", () => Solve.Problem(FormulaField.Cosine, new AdaptiveSteps(), count: 1, workers: count));
        Refused("Workers", () => new SamplingOptions { Workers = count });
        Refused("Threads", () => new FlowModelOptions { Threads = count });
        Refused("Processors", () => new FlowModelOptions { Processors = count });
        Assert.Equal((256, 256), (new SamplingOptions { Workers = 256 }.Workers, new FlowModelOptions { Threads = 256 }.Threads));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    public void A_first_index_is_at_least_0(long first)
    {
        OdeProblem problem = Solve.Problem(FormulaField.Cosine, new AdaptiveSteps(), count: 1);
        Refused("First", () => problem with { First = first });
        Refused("First", () => new SamplingOptions { First = first });
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity)]
    public void A_guidance_scale_is_finite(double guidance)
    {
        Refused("Scale", () => new SamplingOptions { Guidance = guidance });
        Refused("Scale", () => Guidance.None with { Scale = guidance });
        Refused("scale", () => new Fields.GuidedField(FormulaField.Cosine, guidance));
    }

    [Fact]
    public void The_last_index_of_a_solve_is_a_number()
    {
        OdeProblem problem = Solve.Problem(FormulaField.Cosine, new AdaptiveSteps(), count: 2);
        Refused("First", () => OdeSolver.Solve(problem with { First = long.MaxValue - 1 }));
        Assert.Equal(long.MaxValue - 2, OdeSolver.Solve(problem with { First = long.MaxValue - 2 }).First);
    }

    [Fact]
    public void Nothing_said_means_adaptive_steps_of_Bosh3_at_3e_3_from_seed_0_without_label_or_guidance()
    {
        SamplingOptions options = new();
        Assert.Null(options.Solver); // the model's own
        AdaptiveSteps steps = new();
        Assert.Equal((ButcherTableau.Bosh3, 3e-3, 3e-3, 10_000), (steps.Method, steps.RelativeTolerance, steps.AbsoluteTolerance, steps.MaxSteps));
        Assert.Equal((0UL, 0L, 1.0), (options.Seed, options.First, options.Guidance.Scale));
        Assert.Empty(options.Labels);
    }

    [Fact]
    public void Where_no_method_is_given_a_tolerance_below_1e_3_asks_for_a_higher_order()
    {
        var steps = new AdaptiveSteps { RelativeTolerance = 1e-3, AbsoluteTolerance = 1e-3 };
        Assert.Same(ButcherTableau.Bosh3, steps.Method);
        Assert.Same(ButcherTableau.Dopri5, (steps with { AbsoluteTolerance = 9e-4 }).Method);
        Assert.Same(ButcherTableau.Dopri5, (steps with { RelativeTolerance = 1e-6 }).Method);
        Assert.Same(ButcherTableau.Tsit5, (steps with { Method = ButcherTableau.Tsit5, RelativeTolerance = 1e-6 }).Method);
    }

    private static void Refused(string property, Func<object> make)
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => { make(); });
        Assert.Contains($"'{property}'", error.Message, StringComparison.OrdinalIgnoreCase);
    }
}
