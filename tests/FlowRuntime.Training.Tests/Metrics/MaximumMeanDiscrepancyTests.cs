using FlowRuntime.Training.Metrics;

namespace FlowRuntime.Training.Tests.Metrics;

public class MaximumMeanDiscrepancyTests
{
    [Fact]
    public void It_is_the_mean_kernel_within_the_sets_less_twice_that_between_them()
    {
        float[] x = Points.Normal(9, 3, seed: 1), y = Points.Normal(6, 3, seed: 2, mean: 0.5);
        double[] bandwidths = [0.7, 2];
        double K(float[] a, int i, float[] b, int j) => bandwidths.Average(s =>
            Math.Exp(-Enumerable.Range(0, 3).Sum(e => Math.Pow((double)a[3 * i + e] - b[3 * j + e], 2)) / (2 * s * s)));
        double Within(float[] a, int n) => Enumerable.Range(0, n).Sum(i => Enumerable.Range(0, n).Where(j => j != i).Sum(j => K(a, i, a, j))) / (n * (n - 1));
        double between = Enumerable.Range(0, 9).Average(i => Enumerable.Range(0, 6).Average(j => K(x, i, y, j)));
        Assert.Equal(Within(x, 9) + Within(y, 6) - 2 * between, MaximumMeanDiscrepancy.Squared(x, y, 3, new GaussianKernel(bandwidths)), 1e-6);
    }

    /// <summary>E k(X, Y) for X − Y ~ N(δ, τ² I) is (s²/(s² + τ²))^(d/2) exp(−|δ|²/2(s² + τ²)).</summary>
    [Theory, InlineData(0.0, 1.0), InlineData(0.7, 1.0), InlineData(0.3, 1.6)]
    public void Between_Gaussians_its_mean_is_the_closed_form(double shift, double deviation)
    {
        const int Dimension = 3, Count = 100, Repeats = 150;
        const double S = 1.3;
        double Expected(double squaredShift, double variance) =>
            Math.Pow(S * S / (S * S + variance), Dimension / 2.0) * Math.Exp(-squaredShift / (2 * (S * S + variance)));
        double truth = Expected(0, 2) + Expected(0, 2 * deviation * deviation) - 2 * Expected(Dimension * shift * shift, 1 + deviation * deviation);

        var kernel = new GaussianKernel(S);
        (double mean, double spread) = Points.Spread([.. Enumerable.Range(0, Repeats).Select(r => MaximumMeanDiscrepancy.Squared(
            Points.Normal(Count, Dimension, seed: 2 * (ulong)r), Points.Normal(Count, Dimension, seed: 2 * (ulong)r + 1, shift, deviation), Dimension, kernel))]);
        double error = spread / Math.Sqrt(Repeats);
        Assert.InRange(mean, truth - 4 * error, truth + 4 * error);
        Assert.True(4 * error < 0.011, $"{error}"); // the biased estimator would be off by about 2 (1 − E k) / Count = 0.014
    }

    [Fact]
    public void The_bandwidths_are_the_factors_times_the_median_distance()
    {
        float[] x = Points.Normal(31, 4, seed: 3); // 465 pairs
        double[] distances = [.. from i in Enumerable.Range(0, 31) from j in Enumerable.Range(i + 1, 30 - i)
            select Math.Sqrt(Enumerable.Range(0, 4).Sum(e => Math.Pow((double)x[4 * i + e] - x[4 * j + e], 2)))];
        double median = distances.Order().ElementAt(232);
        double[] bandwidths = [.. GaussianKernel.ByMedian(x, 4, [0.5, 1, 3]).Bandwidths];
        Assert.Equal(3, bandwidths.Length);
        Assert.All(new[] { 0.5, 1, 3 }.Zip(bandwidths), pair => Assert.Equal(pair.First * median, pair.Second, 1e-5));
        Assert.Equal([1.0, 2, 4], GaussianKernel.ByMedian(new float[] { 1, 3 }, 1).Bandwidths);
    }

    [Fact]
    public void Neither_the_order_of_the_points_nor_that_of_the_sets_nor_the_threads_change_it()
    {
        float[] x = Points.Normal(150, 2, seed: 4), y = Points.Normal(120, 2, seed: 5, mean: 0.2);
        GaussianKernel kernel = GaussianKernel.ByMedian(y, 2);
        Assert.Equal(kernel.Bandwidths, GaussianKernel.ByMedian(Points.Reversed(y, 2), 2).Bandwidths);
        double squared = MaximumMeanDiscrepancy.Squared(x, y, 2, kernel);
        Assert.Equal(squared, MaximumMeanDiscrepancy.Squared(y, x, 2, kernel), 1e-7);
        Assert.Equal(squared, MaximumMeanDiscrepancy.Squared(Points.Reversed(x, 2), Points.Reversed(y, 2), 2, kernel), 1e-7);
        Assert.All(Points.Crowded(() => MaximumMeanDiscrepancy.Squared(x, y, 2, kernel)), again => Assert.Equal(squared, again));
        Assert.All(Points.Crowded(() => GaussianKernel.ByMedian(y, 2)), again => Assert.Equal(kernel.Bandwidths, again.Bandwidths));
    }

    [Fact]
    public void A_kernel_without_width_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new GaussianKernel());
        Assert.Throws<ArgumentException>(() => new GaussianKernel(1, 0));
        Assert.Contains("median distance", Assert.Throws<ArgumentException>(() => GaussianKernel.ByMedian(new float[] { 1, 1, 1, 2 }, 1)).Message, StringComparison.Ordinal);
    }
}
