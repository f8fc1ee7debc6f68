using FlowRuntime.Training.Metrics;

namespace FlowRuntime.Training.Tests.Metrics;

public class WassersteinTests
{
    [Theory, InlineData(1), InlineData(3), InlineData(20)]
    public void A_shifted_set_is_at_the_shifts_length(int dimension)
    {
        float[] x = Points.Normal(60, dimension, seed: 1), y = [.. Points.Reversed(x, dimension).Select(value => value + 0.5f)];
        Assert.Equal(0.5 * Math.Sqrt(dimension), Wasserstein.Between(x, y, dimension), 1e-6);
        Assert.Equal(0.25 * dimension, Wasserstein.Squared(x, y, dimension), 1e-5);
    }

    [Fact]
    public void On_a_line_it_is_the_distance_of_the_sorted_points()
    {
        float[] x = Points.Normal(80, 1, seed: 2), y = Points.Normal(80, 1, seed: 3, mean: 1, deviation: 3);
        Assert.Equal(x.Order().Zip(y.Order(), (a, b) => Math.Pow((double)a - b, 2)).Average(), Wasserstein.Squared(x, y, 1), 1e-6);
    }

    [Fact]
    public void Of_few_points_it_is_the_least_over_all_permutations()
    {
        float[] x = Points.Normal(6, 2, seed: 4), y = Points.Normal(6, 2, seed: 5);
        double least = Permutations([0, 1, 2, 3, 4, 5]).Min(order => Enumerable.Range(0, 6).Average(i =>
            Math.Pow((double)x[2 * i] - y[2 * order[i]], 2) + Math.Pow((double)x[2 * i + 1] - y[2 * order[i] + 1], 2)));
        Assert.Equal(least, Wasserstein.Squared(x, y, 2), 1e-6);
    }

    [Fact]
    public void It_is_at_least_the_sliced_distance_times_the_root_of_the_dimension_up_to_the_directions()
    {
        float[] x = Points.Normal(200, 4, seed: 6), y = Points.Normal(200, 4, seed: 7, mean: 0.3, deviation: 2);
        Assert.True(Wasserstein.Between(x, y, 4) > 0.95 * 2 * SlicedWasserstein.Between(x, y, 4, directions: 2000));
    }

    [Fact]
    public void Neither_the_order_of_the_points_nor_that_of_the_sets_changes_it()
    {
        float[] x = Points.Normal(100, 3, seed: 8), y = Points.Normal(100, 3, seed: 9);
        double distance = Wasserstein.Between(x, y, 3);
        Assert.Equal(distance, Wasserstein.Between(y, x, 3), 1e-9);
        Assert.Equal(distance, Wasserstein.Between(Points.Reversed(x, 3), y, 3), 1e-9);
        Assert.Equal(0, Wasserstein.Between(x, Points.Reversed(x, 3), 3));
    }

    [Fact]
    public void Sets_of_different_sizes_are_refused_with_their_sizes() =>
        Assert.Contains("3 and 2 rows", Assert.Throws<ArgumentException>(() => Wasserstein.Between(new float[6], new float[4], 2)).Message, StringComparison.Ordinal);

    /// <summary>The optimal transport between N(0, I) and N(m, s² I) is a straight flow; the sets at its ends are at its path energy.</summary>
    [Fact]
    public void The_ends_of_a_straight_flow_are_at_its_displacement()
    {
        float[] x = Points.Normal(200, 2, seed: 10), y = [.. x.Select((value, i) => 0.5f * value + (i % 2 == 0 ? 3 : -2))];
        double displacement = x.Zip(y, (a, b) => Math.Pow((double)a - b, 2)).Sum() / 200;
        Assert.Equal(displacement, Wasserstein.Squared(x, Points.Reversed(y, 2), 2), 1e-6 * displacement);
    }

    /// <summary>Published for 1,000 points of eight Gaussians of radius 5 and standard deviation 1: 0.544 ± 0.08.</summary>
    [Fact]
    public void Its_floor_between_true_points_of_eight_Gaussians_is_the_published_one()
    {
        NoiseFloor floor = NoiseFloor.OfPairs(Points.EightGaussians(20_000, seed: 11), 2, 1000, (x, y) => Wasserstein.Between(x, y, 2), draws: 10);
        Assert.InRange(floor.Mean, 0.544 - 4 * 0.08 / Math.Sqrt(10), 0.544 + 4 * 0.08 / Math.Sqrt(10));
        Assert.InRange(floor.StandardDeviation, 0.03, 0.15);
    }

    private static IEnumerable<int[]> Permutations(int[] of) => of.Length == 1 ? [of]
        : of.SelectMany(first => Permutations([.. of.Where(other => other != first)]).Select(rest => (int[])[first, .. rest]));
}
