using FlowRuntime.Sampling;
using FlowRuntime.Training.Metrics;

namespace FlowRuntime.Training.Tests;

public class MetricsTests
{
    [Fact]
    public void The_energy_distance_of_two_point_masses_is_twice_their_distance() =>
        Assert.Equal(10, EnergyDistance.Between(new float[] { 0, 0 }, new float[] { 3, 4 }, dimension: 2), 1e-6);

    [Fact]
    public void A_sample_is_at_energy_distance_zero_from_itself()
    {
        float[] x = Normals(50, 3, index: 0);
        Assert.Equal(0, EnergyDistance.Between(x, x, dimension: 3), 1e-6);
    }

    [Fact]
    public void In_one_dimension_the_energy_distance_is_twice_the_squared_L2_distance_of_the_distribution_functions()
    {
        float[] x = Normals(40, 1, index: 1), y = [.. Normals(60, 1, index: 2).Select(v => 0.5f + 2 * v)];
        float[] points = [.. x.Concat(y).Order()];
        double integral = 0;
        for (int i = 0; i + 1 < points.Length; i++)
        {
            double f = x.Count(v => v <= points[i]) / 40.0, g = y.Count(v => v <= points[i]) / 60.0;
            integral += (f - g) * (f - g) * ((double)points[i + 1] - points[i]);
        }
        Assert.Equal(2 * integral, EnergyDistance.Between(x, y, dimension: 1), 1e-5);
    }

    [Fact]
    public void Nearest_distances_are_those_of_an_exhaustive_search()
    {
        float[] references = Normals(30, 5, index: 3), rows = Normals(20, 5, index: 4);
        var neighbours = new NearestNeighbours(references, 5);
        double[] nearest = neighbours.NearestDistances(rows), within = neighbours.NearestDistancesWithin();
        for (int i = 0; i < 20; i++)
            Assert.Equal(Enumerable.Range(0, 30).Min(j => Distance(rows, i, references, j)), nearest[i], 1e-5);
        for (int i = 0; i < 30; i++)
            Assert.Equal(Enumerable.Range(0, 30).Where(j => j != i).Min(j => Distance(references, i, references, j)), within[i], 1e-5);
    }

    [Fact]
    public void Five_neighbours_vote_and_the_nearest_breaks_a_tie()
    {
        float[] references = [0, 1, 2, 3, 4, 100];
        var neighbours = new NearestNeighbours(references, 1);
        Assert.Equal([7], neighbours.Classify([2], [1, 7, 7, 7, 1, 1])); // three of five
        Assert.Equal([1], neighbours.Classify([-1], [1, 7, 7, 1, 5, 1])); // two and two: the nearest is a 1
    }

    [Fact]
    public void The_spread_of_a_class_is_its_standard_deviation_averaged_over_the_values()
    {
        float[] rows = [0, 0, 2, 4, 9, 9, 9, 9]; // class 0: (0, 0), (2, 4); class 1: (9, 9) twice
        Assert.Equal([1.5, 0], ClassSpread.Of(rows, [0, 0, 1, 1], classes: 2, dimension: 2));
    }

    private static float[] Normals(int rows, int dimension, long index)
    {
        float[] values = new float[rows * dimension];
        Noise.Fill(seed: 5, index, values);
        return values;
    }

    private static double Distance(float[] a, int i, float[] b, int j) =>
        Math.Sqrt(Enumerable.Range(0, 5).Sum(e => Math.Pow((double)a[i * 5 + e] - b[j * 5 + e], 2)));
}
