using FlowRuntime.Training.Metrics;

namespace FlowRuntime.Training.Tests.Metrics;

public class SlicedWassersteinTests
{
    [Fact]
    public void On_a_line_it_is_the_distance_of_the_sorted_points()
    {
        float[] x = Points.Normal(50, 1, seed: 1), y = Points.Normal(50, 1, seed: 2, mean: 1, deviation: 3);
        double expected = Math.Sqrt(x.Order().Zip(y.Order(), (a, b) => Math.Pow((double)a - b, 2)).Average());
        Assert.Equal(expected, SlicedWasserstein.Between(x, y, dimension: 1), 1e-6);
    }

    [Fact]
    public void Sets_of_different_sizes_are_at_the_distance_of_sets_that_repeat_their_points_to_one_size()
    {
        float[] x = Points.Normal(12, 3, seed: 3), y = Points.Normal(18, 3, seed: 4, mean: 1);
        float[] Repeated(float[] points, int times) => [.. Enumerable.Repeat(points, times).SelectMany(p => p)];
        Assert.Equal(SlicedWasserstein.Between(Repeated(x, 3), Repeated(y, 2), 3), SlicedWasserstein.Between(x, y, 3), 1e-6);
        Assert.Equal(SlicedWasserstein.Between(y, x, 3), SlicedWasserstein.Between(x, y, 3), 1e-6);
        Assert.Equal(Math.Sqrt(0.5 * 1 + 0.5 * 9), SlicedWasserstein.Between(new float[] { 0 }, new float[] { 1, 3 }, 1), 1e-6);
    }

    [Theory, InlineData(2), InlineData(5), InlineData(64)]
    public void A_shift_by_m_is_at_its_length_over_the_root_of_the_dimension(int dimension)
    {
        const int Directions = 4000;
        float[] x = Points.Normal(20, dimension, seed: 5), y = [.. x];
        for (int row = 0; row < 20; row++)
            y[row * dimension] += 3;
        // (θ·m)²/|m|² is Beta(½, (d − 1)/2) of mean 1/d and variance 2(d − 1)/(d²(d + 2)).
        double mean = 9.0 / dimension, deviation = 9 * Math.Sqrt(2.0 * (dimension - 1) / (dimension + 2)) / dimension;
        double squared = Math.Pow(SlicedWasserstein.Between(x, y, dimension, Directions), 2);
        Assert.InRange(squared, mean - 4 * deviation / Math.Sqrt(Directions), mean + 4 * deviation / Math.Sqrt(Directions));
    }

    [Fact]
    public void Neither_the_order_of_the_points_nor_that_of_the_sets_nor_the_threads_change_it()
    {
        float[] x = Points.Normal(100, 3, seed: 6), y = Points.Normal(100, 3, seed: 7);
        double distance = SlicedWasserstein.Between(x, y, 3);
        Assert.Equal(distance, SlicedWasserstein.Between(Points.Reversed(x, 3), y, 3));
        Assert.Equal(distance, SlicedWasserstein.Between(y, x, 3));
        Assert.All(Points.Crowded(() => SlicedWasserstein.Between(x, y, 3)), again => Assert.Equal(distance, again));
        Assert.Equal(0, SlicedWasserstein.Between(x, Points.Reversed(x, 3), 3));
    }

    [Fact]
    public void Directions_are_a_function_of_the_seed()
    {
        float[] x = Points.Normal(10, 2, seed: 8), y = Points.Normal(10, 2, seed: 9);
        Assert.Equal(SlicedWasserstein.Between(x, y, 2, directions: 3, seed: 1), SlicedWasserstein.Between(x, y, 2, directions: 3, seed: 1));
        Assert.NotEqual(SlicedWasserstein.Between(x, y, 2, directions: 3, seed: 1), SlicedWasserstein.Between(x, y, 2, directions: 3, seed: 2));
    }
}
