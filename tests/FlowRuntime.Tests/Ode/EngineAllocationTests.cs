using FlowRuntime.Fields;
using FlowRuntime.Ode;

namespace FlowRuntime.Tests;

/// <summary>A step allocates nothing: a solve of many steps allocates what a solve of few does. One worker is the calling thread.</summary>
public class EngineAllocationTests
{
    [Fact]
    public void A_thousand_steps_of_a_closed_form_allocate_as_much_as_ten()
    {
        Assert.Equal(Allocated(GaussianFlow.One.Field, Fixed(10), count: 64), Allocated(GaussianFlow.One.Field, Fixed(1000), count: 64));
    }

    [Fact]
    public void A_tight_tolerance_allocates_as_much_as_a_loose_one()
    {
        Assert.Equal(Allocated(GaussianFlow.Eight.Field, Adaptive(1e-3), count: 64), Allocated(GaussianFlow.Eight.Field, Adaptive(1e-6), count: 64));
    }

    [Fact]
    public void A_thousand_samples_more_allocate_their_results_alone()
    {
        // Per sample: two values, a time, three counts and a status.
        long perSample = 2 * sizeof(float) + sizeof(double) + 3 * sizeof(int) + sizeof(int);
        long few = Allocated(GaussianFlow.One.Field, Adaptive(1e-3), count: 1000), many = Allocated(GaussianFlow.One.Field, Adaptive(1e-3), count: 2000);
        Assert.Equal(1000 * perSample, many - few);
    }

    [Fact]
    public void Steps_of_an_ONNX_model_allocate_nothing_either()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("digits.onnx"));
        Assert.Equal(Allocated(model.Field, Fixed(10), count: 2), Allocated(model.Field, Fixed(50), count: 2));
        // One sample, so that both tolerances bind the same sizes of calls.
        Assert.Equal(Allocated(model.Field, Adaptive(1e-2), count: 1), Allocated(model.Field, Adaptive(1e-4), count: 1));
    }

    private static FixedSteps Fixed(int count) => new(ButcherTableau.Heun, count);

    private static AdaptiveSteps Adaptive(double tolerance) => new() { RelativeTolerance = tolerance, AbsoluteTolerance = tolerance };

    private static long Allocated(IVelocityField field, SolverOptions solver, int count)
    {
        OdeProblem problem = Solve.Problem(field, solver, count, slots: 16);
        OdeSolver.Solve(problem); // what types and methods allocate at their first use
        long before = GC.GetAllocatedBytesForCurrentThread();
        OdeSolver.Solve(problem);
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
