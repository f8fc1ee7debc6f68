using FlowRuntime.Training.Data;
using FlowRuntime.Training.Metrics;

namespace FlowRuntime.Training.Tests.Metrics;

public class NoiseFloorTests
{
    [Fact]
    public void Pairs_are_disjoint_sets_of_the_pools_rows()
    {
        float[] pool = [.. Enumerable.Range(0, 40).Select(i => (float)i)]; // row r is (2r, 2r + 1)
        var pairs = new List<float[]>();
        NoiseFloor.OfPairs(pool, 2, count: 10, (x, y) =>
        {
            Assert.Equal((20, 20), (x.Length, y.Length));
            pairs.Add([.. x.ToArray(), .. y.ToArray()]);
            return 0;
        }, draws: 3);
        Assert.All(pairs, pair => Assert.Equal(pool, pair.Order()));
        Assert.All(pairs, pair => Assert.All(pair.Chunk(2), row => Assert.Equal(row[0] + 1, row[1])));
        Assert.Equal(3, pairs.Select(pair => string.Join(' ', pair)).Distinct().Count());
    }

    [Fact]
    public void The_floor_is_mean_and_deviation_over_the_draws()
    {
        Queue<double> values = new([1, 2, 6]);
        Assert.Equal(new NoiseFloor(3, Math.Sqrt(7)), NoiseFloor.OfSets(new float[5], 1, count: 5, _ => values.Dequeue(), draws: 3)); // (4 + 1 + 9)/2
    }

    [Fact]
    public void Reports_keep_the_pairs_they_had()
    {
        float[] pool = Points.Normal(60, 2, seed: 1);
        double expected = Enumerable.Range(0, 20).Average(pair =>
        {
            float[] shuffled = [.. DataSplit.Shuffle(60, (ulong)pair).SelectMany(row => pool[(2 * row)..(2 * row + 2)])];
            return EnergyDistance.Between(shuffled.AsMemory(0, 50), shuffled.AsMemory(50, 50), 2);
        });
        Assert.Equal(expected, NoiseFloor.OfPairs(pool, 2, 25, (x, y) => EnergyDistance.Between(x, y, 2)).Mean);
    }

    [Fact]
    public void The_energy_distances_floor_is_twice_the_mean_distance_over_the_count()
    {
        // E|X − X'| is √π for the plane's N(0, I).
        NoiseFloor floor = NoiseFloor.OfPairs(Points.Normal(10_000, 2, seed: 2), 2, 200, (x, y) => EnergyDistance.Between(x, y, 2), draws: 40);
        double error = floor.StandardDeviation / Math.Sqrt(40);
        Assert.InRange(floor.Mean, 2 * Math.Sqrt(Math.PI) / 200 - 4 * error, 2 * Math.Sqrt(Math.PI) / 200 + 4 * error);
    }

    [Fact]
    public void The_floor_of_the_unbiased_discrepancy_is_zero()
    {
        float[] pool = Points.EightGaussians(10_000, seed: 3);
        GaussianKernel kernel = GaussianKernel.ByMedian(pool.AsMemory(0, 1000), 2);
        NoiseFloor floor = NoiseFloor.OfPairs(pool, 2, 200, (x, y) => MaximumMeanDiscrepancy.Squared(x, y, 2, kernel), draws: 40);
        Assert.InRange(floor.Mean, -4 * floor.StandardDeviation / Math.Sqrt(40), 4 * floor.StandardDeviation / Math.Sqrt(40));
        Assert.True(floor.StandardDeviation > 0);
    }

    [Fact]
    public void Draws_are_a_function_of_the_seed()
    {
        float[] pool = Points.Normal(50, 1, seed: 4);
        NoiseFloor Floor(ulong seed) => NoiseFloor.OfSets(pool, 1, 5, set => set.Span[0], draws: 3, seed);
        Assert.Equal(Floor(1), Floor(1));
        Assert.NotEqual(Floor(1), Floor(2));
    }

    [Fact]
    public void A_pool_too_small_is_refused_with_its_numbers() =>
        Assert.Contains("takes 20 rows, and there are 19",
            Assert.Throws<ArgumentException>(() => NoiseFloor.OfPairs(new float[38], 2, 10, (_, _) => 0)).Message, StringComparison.Ordinal);
}
