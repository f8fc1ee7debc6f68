using System.Collections.Concurrent;
using CsCheck;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>Sample i depends on its index, the field and the solver's options alone, bit for bit.</summary>
public class EngineIndependenceTests
{
    private const int Known = 130;

    private static readonly int[] Dimensions = [2, 3, 5, 17, 64];

    /// <summary>Samples that were each solved all alone: one slot, one worker, no other sample.</summary>
    private static readonly ConcurrentDictionary<(string Way, int Dimension), SampleBatch[]> Alone = new();

    public static TheoryData<string, int> WaysAndDimensions =>
        [.. Solve.Ways.Keys.SelectMany(way => Dimensions.Select(dimension => (way, dimension)))];

    [Theory, MemberData(nameof(WaysAndDimensions))]
    public void A_sample_is_the_same_among_64_others_with_few_or_many_slots_and_workers(string way, int dimension)
    {
        foreach (int slots in new[] { 1, 3, 7, 64 })
        {
            for (int workers = 1; workers <= 4; workers++)
                Assert.Null(Difference(way, dimension, first: 0, count: 64, slots, workers));
        }
        Assert.Null(Difference(way, dimension, first: 0, count: 64, slots: null, workers: null));
    }

    [Fact]
    public void A_sample_is_the_same_in_any_part_of_the_run_with_any_slots_and_workers()
    {
        Gen.Select(Gen.OneOf(Solve.Ways.Keys.ToArray()), Gen.OneOf(Dimensions), Gen.Int[0, 90], Gen.Int[1, 40], Gen.Int[1, 20], Gen.Int[1, 4])
            .Sample((way, dimension, first, count, slots, workers) => Difference(way, dimension, first, count, slots, workers) is null,
                iter: 100, threads: 1);
    }

    [Fact]
    public void Samples_of_one_batch_end_in_another_order_than_they_start()
    {
        // Otherwise the tests above would not see rows move: the costs differ from sample to sample.
        SampleBatch batch = OdeSolver.Solve(Problem("dopri5, adaptive", 3, first: 0, count: 64, slots: 7, workers: 1));
        Assert.True(batch.Accepted.Distinct().Count() >= 5);
    }

    /// <summary>The first sample that differs from the one solved alone, in words; null where there is none.</summary>
    private static string? Difference(string way, int dimension, int first, int count, int? slots, int? workers)
    {
        SampleBatch[] alone = Alone.GetOrAdd((way, dimension), _ =>
            [.. Enumerable.Range(0, Known).Select(index => OdeSolver.Solve(Problem(way, dimension, index, count: 1, slots: 1, workers: 1)))]);
        SampleBatch batch = OdeSolver.Solve(Problem(way, dimension, first, count, slots, workers));
        for (int i = 0; i < count; i++)
        {
            SampleBatch expected = alone[first + i];
            bool same = Solve.SameBits(batch[i], expected[0])
                && (batch.Status[i], batch.Times[i]) == (expected.Status[0], expected.Times[0])
                && (batch.Evaluations[i], batch.Accepted[i], batch.Rejected[i]) == (expected.Evaluations[0], expected.Accepted[0], expected.Rejected[0]);
            if (!same)
                return $"{way}, d = {dimension}, slots {slots}, workers {workers}: sample {first + i} differs from itself alone";
        }
        return null;
    }

    private static OdeProblem Problem(string way, int dimension, int first, int count, int? slots, int? workers) =>
        Solve.Problem(FormulaField.Swirl(dimension), Solve.Ways[way], count, first: first) with { Slots = slots, Workers = workers };
}
