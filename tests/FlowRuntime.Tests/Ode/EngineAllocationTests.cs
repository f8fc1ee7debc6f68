using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>
/// A step allocates nothing: a solve of many steps allocates what a solve of few does. One worker is the calling thread.
/// </summary>
/// <remarks>
/// An object takes 24 bytes at least, and a step at most 7 calls of the field: an object a step would be more than 3
/// bytes a call. What stays below is the compiler's doing, which may recompile a method with fewer objects in between.
/// </remarks>
public class EngineAllocationTests
{
    private const int LeastBytesPerCall = 3;
    private const int Rounds = 10;

    [Fact]
    public void A_thousand_steps_of_a_closed_form_allocate_as_much_as_ten() =>
        AllocateTheSame(GaussianFlow.One.Field, Fixed(10), Fixed(1000), count: 64);

    [Fact]
    public void A_tight_tolerance_allocates_as_much_as_a_loose_one() =>
        AllocateTheSame(GaussianFlow.Eight.Field, Adaptive(1e-3), Adaptive(1e-6), count: 64);

    [Fact]
    public void Steps_of_an_ONNX_model_allocate_nothing_either()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("moons.onnx"));
        AllocateTheSame(model.Field, Fixed(10), Fixed(1000), count: 2);
        // One sample, so that both tolerances bind calls of the same sizes.
        AllocateTheSame(model.Field, Adaptive(1e-2), Adaptive(1e-7), count: 1);
    }

    [Fact]
    public void Guided_steps_of_an_ONNX_model_with_labels_allocate_nothing_either()
    {
        using FlowModel model = FlowModel.Open(Repository.Model("digits.onnx"));
        AllocateTheSame(new GuidedField(model.Field, guidance: 2), Fixed(10), Fixed(300), count: 2);
    }

    [Fact]
    public void A_thousand_samples_more_allocate_their_results_alone()
    {
        // Per sample: two values, a time, three counts and a status.
        const int PerSample = 2 * sizeof(float) + sizeof(double) + 3 * sizeof(int) + sizeof(int);
        (long few, _) = Allocated(GaussianFlow.One.Field, Adaptive(1e-3), count: 1000);
        (long many, _) = Allocated(GaussianFlow.One.Field, Adaptive(1e-3), count: 2000);
        Assert.InRange(many - few, 1000 * (PerSample - 1), 1000 * (PerSample + 1));
    }

    private static FixedSteps Fixed(int count) => new(ButcherTableau.Heun, count);

    private static AdaptiveSteps Adaptive(double tolerance) => new() { Method = ButcherTableau.Dopri5, RelativeTolerance = tolerance, AbsoluteTolerance = tolerance };

    private static void AllocateTheSame(IVelocityField field, SolverOptions few, SolverOptions many, int count)
    {
        // The compiler may make a method anew, with fewer objects, between the two: they are compared until it is at rest. What a step allocates it allocates each time.
        for (int round = 1; ; round++)
        {
            (long fewBytes, long fewCalls) = Allocated(field, few, count);
            (long manyBytes, long manyCalls) = Allocated(field, many, count);
            Assert.True(manyCalls > 2 * fewCalls, $"{fewCalls} and {manyCalls} calls");
            long difference = Math.Abs(manyBytes - GridBytes(many) - (fewBytes - GridBytes(few))), most = LeastBytesPerCall * (manyCalls - fewCalls);
            if (difference <= most)
                return;
            Assert.True(round < Rounds, $"{difference} bytes more or fewer, and {most} would be no object a step");
        }
    }

    /// <summary>The times of a grid are made before the first step: one number each.</summary>
    private static long GridBytes(SolverOptions solver) => solver is FixedSteps @fixed ? sizeof(double) * @fixed.Count : 0;

    private static (long Bytes, long Calls) Allocated(IVelocityField field, SolverOptions solver, int count)
    {
        OdeProblem problem = Solve.Problem(field, solver, count, slots: 16);
        OdeSolver.Solve(problem); // what types and methods allocate at their first use
        long before = GC.GetAllocatedBytesForCurrentThread();
        SampleBatch batch = OdeSolver.Solve(problem);
        return (GC.GetAllocatedBytesForCurrentThread() - before, batch.Statistics.FieldCalls);
    }
}
