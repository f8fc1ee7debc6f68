using FlowRuntime.Sampling;
using FlowRuntime.Training.Couplings;

namespace FlowRuntime.Training.Tests.Couplings;

public sealed class OptimalTransportTests
{
    private static float[] Normals(int count, long index, float scale = 1)
    {
        float[] numbers = new float[count];
        Noise.Fill(11, index, numbers);
        return [.. numbers.Select(x => scale * x)];
    }

    private static double SquaredDistance(float[] x, int i, float[] y, int j, int d) =>
        Enumerable.Range(0, d).Sum(k => Math.Pow((double)x[i * d + k] - y[j * d + k], 2));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(100)]
    public void Squared_distances_are_sums_of_squared_differences(int dimension)
    {
        const int N = 7, M = 5;
        float[] x = Normals(N * dimension, 1), y = Normals(M * dimension, 2), distances = SquaredDistances.Between(x, y, dimension);
        for (int i = 0; i < N; i++)
        {
            for (int j = 0; j < M; j++)
                Assert.Equal(1, distances[i * M + j] / SquaredDistance(x, i, y, j, dimension), 1e-6);
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(64)]
    public void Far_from_the_origin_a_squared_distance_keeps_its_digits(int dimension)
    {
        float[] x = [.. Enumerable.Repeat(1000f, dimension)], y = [.. Enumerable.Repeat(1000.25f, dimension)];
        Assert.Equal(dimension / 16f, SquaredDistances.Between(x, y, dimension)[0]);
    }

    [Fact]
    public void Without_a_matrix_the_pairing_is_that_of_the_matrix()
    {
        foreach (int dimension in new[] { 1, 2, 5 })
        {
            const int N = 203;
            float[] x = Normals(N * dimension, 1), y = Normals(N * dimension, 2);
            int[] without = new AssignmentProblem(new PointCosts(x, y, dimension)).Solve();
            int[] with = Assignment.Solve(SquaredDistances.Between(x, y, dimension), N);
            Assert.Equal(Enumerable.Range(0, N), without.Order());
            Assert.Equal(
                with.Select((j, i) => SquaredDistance(x, i, y, j, dimension)).Sum(),
                without.Select((j, i) => SquaredDistance(x, i, y, j, dimension)).Sum(), 1e-5);
        }
    }

    [Theory]
    [InlineData(500)]
    [InlineData(3000)]
    public void On_a_line_the_mean_squared_distance_is_that_of_the_sorted_points(int n)
    {
        float[] x = Normals(n, 1), y = Normals(n, 2, scale: 3);
        double sorted = x.Order().Zip(y.Order(), (a, b) => Math.Pow((double)a - b, 2)).Average();
        Assert.Equal(sorted, OptimalTransport.Between(x, y, 1).MeanSquaredDistance, 1e-6);
    }

    [Theory]
    [InlineData(2, 300)]
    [InlineData(2, 2500)]
    [InlineData(20, 300)]
    public void A_positive_map_plus_a_shift_is_the_best_pairing_of_a_set_with_its_image(int dimension, int n)
    {
        // Brenier: the gradient of a convex function is optimal. Here x -> (a_k x_k + b_k), all a_k > 0.
        float[] x = Normals(n * dimension, 3);
        float[] image = [.. x.Select((value, at) => (1.5f + 0.25f * (at % dimension % 3)) * value - 2)];
        int[] shuffled = [.. Enumerable.Range(0, n).Select(i => (int)((long)i * 1009 % n))];
        float[] y = [.. shuffled.SelectMany(i => image[(i * dimension)..((i + 1) * dimension)])];
        Pairing pairing = OptimalTransport.Between(x, y, dimension);
        double own = Enumerable.Range(0, n).Average(i => SquaredDistance(x, i, image, i, dimension));
        Assert.Equal(own, pairing.MeanSquaredDistance, 1e-5 * own);
        Assert.Equal(Enumerable.Range(0, n), pairing.Partner.Select(j => shuffled[j]));
    }

    [Fact]
    public void Sets_that_cannot_be_paired_are_refused()
    {
        Assert.Contains("2 and 3 points", Assert.Throws<ArgumentException>(() => OptimalTransport.Between(new float[4], new float[6], 2)).Message);
        Assert.Throws<ArgumentException>(() => OptimalTransport.Between([], [], 2));
        Assert.Throws<ArgumentException>(() => OptimalTransport.Between(new float[3], new float[3], 2));
        Assert.Throws<ArgumentException>(() => OptimalTransport.Between([1, float.NaN], [1, 2], 1));
    }
}
