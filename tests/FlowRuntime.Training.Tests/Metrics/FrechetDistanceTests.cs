using FlowRuntime.Training.Metrics;

namespace FlowRuntime.Training.Tests.Metrics;

/// <summary>The Fréchet distance of Gaussians, against closed forms.</summary>
public class FrechetDistanceTests
{
    [Fact]
    public void Of_a_set_moved_by_a_vector_it_is_the_vectors_squared_length()
    {
        float[] rows = Points.Normal(200, 3, seed: 1), moved = [.. rows.Select((value, i) => value + new[] { 1f, -2, 0.5f }[i % 3])];
        Assert.Equal(1 + 4 + 0.25, FrechetDistance.Between(rows, moved, 3), 1e-4);
        Assert.Equal(0, FrechetDistance.Between(rows, rows, 3), 1e-9);
    }

    [Fact]
    public void In_one_dimension_it_is_the_squared_difference_of_means_and_of_deviations()
    {
        float[] x = [1, 3, 5, 7], y = [0, 1, 2, 9]; // means 4 and 3, variances of divisor 3: 20/3 and 50/3
        double expected = 1 + Math.Pow(Math.Sqrt(20.0 / 3) - Math.Sqrt(50.0 / 3), 2);
        Assert.Equal(expected, FrechetDistance.Between(x, y, 1), 1e-9);
    }

    [Fact]
    public void Of_two_sets_in_a_plane_it_is_the_closed_form_of_two_by_two_matrices()
    {
        // tr (M)^½ of a positive 2×2 matrix is √(tr M + 2 √det M), and C₁ C₂ has the eigenvalues of C₁^½ C₂ C₁^½.
        float[] x = Turned(Points.Normal(500, 2, seed: 2), 0.3, 2), y = Turned(Points.Normal(400, 2, seed: 3), 1.1, 0.5f);
        ((double a, double b, double d) p, double[] meanX) = Covariance(x);
        ((double a, double b, double d) q, double[] meanY) = Covariance(y);
        double trace = p.a * q.a + 2 * p.b * q.b + p.d * q.d, determinant = (p.a * p.d - p.b * p.b) * (q.a * q.d - q.b * q.b);
        double expected = Math.Pow(meanX[0] - meanY[0], 2) + Math.Pow(meanX[1] - meanY[1], 2) + p.a + p.d + q.a + q.d - 2 * Math.Sqrt(trace + 2 * Math.Sqrt(determinant));
        Assert.Equal(expected, FrechetDistance.Between(x, y, 2), 1e-6);
        Assert.Equal(expected, FrechetDistance.Between(y, x, 2), 1e-6);
    }

    [Fact]
    public void Values_that_never_vary_and_fewer_rows_than_values_are_no_trouble()
    {
        float[] x = new float[10 * 40], y = new float[10 * 40];
        for (int row = 0; row < 10; row++)
        {
            x[row * 40] = row;
            y[row * 40] = row;
            y[row * 40 + 1] = 3;
        }
        Assert.Equal(9, FrechetDistance.Between(x, y, 40), 1e-9);
        Assert.Contains("at least two", Assert.Throws<ArgumentException>(() => FrechetDistance.Between(x.AsMemory(0, 40), y, 40)).Message, StringComparison.Ordinal);
    }

    private static float[] Turned(float[] rows, double angle, float stretch)
    {
        (float sine, float cosine) = ((float)Math.Sin(angle), (float)Math.Cos(angle));
        return [.. rows.Chunk(2).SelectMany(p => new[] { cosine * stretch * p[0] - sine * p[1], sine * stretch * p[0] + cosine * p[1] })];
    }

    private static ((double A, double B, double D), double[] Mean) Covariance(float[] rows)
    {
        double[][] points = [.. rows.Chunk(2).Select(p => new double[] { p[0], p[1] })];
        double[] mean = [points.Average(p => p[0]), points.Average(p => p[1])];
        double Of(int i, int j) => points.Sum(p => (p[i] - mean[i]) * (p[j] - mean[j])) / (points.Length - 1);
        return ((Of(0, 0), Of(0, 1), Of(1, 1)), mean);
    }
}
