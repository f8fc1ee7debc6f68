using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests.Robustness;

/// <summary>What no array or memory can hold is refused in words, before anything of it is taken; large states are solved.</summary>
public class SizeTests
{
    [Fact]
    public void Ten_million_samples_of_a_million_values_are_refused_as_a_batch()
    {
        var error = Refused(() => OdeSolver.Solve(Problem(1_000_000, count: 10_000_000)));
        Assert.Contains("Sample in parts", error.Message);
    }

    [Theory]
    [InlineData(1_000_000, 3_000)]
    [InlineData(int.MaxValue, 1)]
    [InlineData(100_000, 100_000)]
    public void Trajectories_beyond_an_array_are_refused(int dimension, int times)
    {
        OdeProblem problem = Problem(dimension, count: 1) with { TrajectoryTimes = [.. Enumerable.Repeat(0.5, times)] };
        Assert.Contains("Ask for fewer times", Refused(() => OdeSolver.Stream(problem, (in FinishedSample _) => { })).Message);
        Assert.Contains("Ask for fewer times", Refused(() => OdeSolver.Solve(problem)).Message);
    }

    /// <summary>Together they are more than memory, though each table fits in an array.</summary>
    [Theory]
    [InlineData(2_000_000_000, 1, 256)]
    [InlineData(1_000_000, 2_000, 256)]
    [InlineData(1, 2_000_000_000, 256)]
    public void Buffers_beyond_memory_are_refused(int dimension, int slots, int workers)
    {
        OdeProblem problem = Problem(dimension, count: long.MaxValue / 2) with { Slots = slots, Workers = workers };
        foreach (SampleOrder order in Enum.GetValues<SampleOrder>())
            Assert.Contains("Use fewer workers, slots", Refused(() => OdeSolver.Stream(problem, (in FinishedSample _) => { }, order)).Message);
    }

    [Fact]
    public void The_layout_of_a_solve_of_any_size_can_be_told()
    {
        SolveLayout layout = OdeSolver.LayoutOf(Problem(int.MaxValue, count: long.MaxValue / 2) with
        {
            Slots = int.MaxValue,
            Workers = 256,
            TrajectoryTimes = [.. Enumerable.Repeat(0.5, 1_000)],
        });
        Assert.Equal((256, int.MaxValue, int.MaxValue, long.MaxValue), (layout.Workers, layout.Slots, layout.Window, layout.BufferBytes));
    }

    [Fact]
    public void A_field_without_values_is_refused() => Assert.Contains("at least one value", Refused(() => OdeSolver.Solve(Problem(0, count: 1))).Message);

    [Theory]
    [InlineData(new[] { -1, -2 })]
    [InlineData(new[] { 65536, 65536, 65536, 65536 })]
    [InlineData(new[] { int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue })]
    [InlineData(new[] { 2, 0 })]
    public void A_shape_whose_product_is_the_dimension_by_overflow_or_sign_alone_is_refused(int[] shape) =>
        Assert.Contains("does not have the field's 2 values", Refused(() => OdeSolver.Solve(Problem(2, count: 1) with { Shape = shape })).Message);

    [Theory]
    [InlineData(-1e308, 1e308)]
    [InlineData(0, 1e39)]
    [InlineData(1e39, 0)]
    public void An_interval_longer_than_a_step_in_float32_is_refused(double start, double end) =>
        Assert.Contains("larger unit", Refused(() => OdeSolver.Solve(Problem(2, count: 1) with { Start = start, End = end })).Message);

    [Theory]
    [InlineData((1 << 24) + 1)]
    [InlineData(int.MaxValue)]
    public void More_fixed_steps_than_a_grid_has_are_refused(int steps)
    {
        Assert.Contains("1 to 16777216 steps", Refused(() => _ = new FixedSteps(ButcherTableau.Euler, steps)).Message);
        Assert.Contains("1 to 16777216 steps", Refused(() => TimeGrid.Uniform.Times(steps, 0, 1, null)).Message);
    }

    /// <summary>Between 1 and the next number but three there is no room for ten steps; a method that divides by them would call its weights NaN the field's fault.</summary>
    [Fact]
    public void A_grid_with_more_steps_than_numbers_is_refused()
    {
        double end = Math.BitIncrement(Math.BitIncrement(Math.BitIncrement(1.0)));
        OdeProblem problem = Problem(2, count: 1) with { Start = 1, End = end, Solver = new FixedSteps(MultistepMethod.AdamsBashforth3, 10) };
        Assert.Contains("Take fewer steps", Refused(() => OdeSolver.Solve(problem)).Message);
        Assert.Equal(SampleStatus.Completed, OdeSolver.Solve(problem with { Solver = new FixedSteps(MultistepMethod.AdamsBashforth3, 3) }).Status[0]);
    }

    [Fact]
    public void A_state_of_a_million_values_is_solved()
    {
        var field = new FormulaField(1_000_000, (_, _, x, v) => System.Numerics.Tensors.TensorPrimitives.Negate(x, v));
        SampleBatch batch = OdeSolver.Solve(Problem(field, count: 2) with { InitialState = (index, x) => x.Fill(1 + index) }).EnsureSuccess();
        Assert.Equal(Math.Exp(-1), batch[0][999_999], 3e-3);
        Assert.Equal(2 * Math.Exp(-1), batch[1][0], 6e-3);
    }

    /// <summary>Ten million samples in little memory; half a minute, so not among the quick tests: -explicit only.</summary>
    [Fact(Explicit = true)]
    public void Ten_million_samples_are_streamed_in_bounded_memory()
    {
        var field = new FormulaField(2, (_, t, x, v) => (v[0], v[1]) = (-x[0], 1));
        long handed = 0, failed = 0, most = 0;
        OdeSolver.Stream(Problem(field, count: 10_000_000), (in FinishedSample sample) =>
        {
            Assert.Equal(handed, sample.Index);
            failed += sample.Status == SampleStatus.Completed ? 0 : 1;
            if (++handed % 100_000 == 0)
                most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: false));
        }, SampleOrder.Index);
        Assert.Equal((10_000_000, 0), (handed, failed));
        Assert.InRange(most, 0, 200L << 20);
    }

    private static ArgumentException Refused(Action solve)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.ThrowsAny<ArgumentException>(solve);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
        return error;
    }

    private static OdeProblem Problem(int dimension, long count) => Problem(new FormulaField(dimension, (_, _, _, v) => v.Clear()), count);

    private static OdeProblem Problem(IVelocityField field, long count) => new()
    {
        Field = field,
        InitialState = (_, x) => x.Clear(),
        Count = count,
    };
}
