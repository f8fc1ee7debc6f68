using FlowRuntime.Training.Metrics;

namespace FlowRuntime.Training.Tests.Metrics;

public class KullbackLeiblerTests
{
    [Fact]
    public void Between_correlated_Gaussians_of_the_plane_it_is_the_closed_form_by_the_inverse_matrix()
    {
        double[,] a = { { 2, 0.8 }, { 0.8, 1 } }, b = { { 1.5, -0.6 }, { -0.6, 3 } };
        double detA = 2 * 1 - 0.64, detB = 1.5 * 3 - 0.36;
        double[,] inverse = { { 3 / detB, 0.6 / detB }, { 0.6 / detB, 1.5 / detB } };
        double trace = 2 * inverse[0, 0] + 2 * 0.8 * inverse[0, 1] + 1 * inverse[1, 1];
        double length = 0.25 * inverse[0, 0] + 2 * 0.5 * -1 * inverse[0, 1] + 1 * inverse[1, 1]; // of the difference (0.5, −1)
        Assert.Equal(0.5 * (trace + length - 2 + Math.Log(detB / detA)),
            KullbackLeibler.Between(new([1.5, 0], a), new([1, 1], b)), 1e-12);
    }

    [Fact]
    public void It_is_the_mean_of_the_logarithms_difference()
    {
        // By quadrature on a line: N(0.4, 0.8²) against N(−0.3, 1.5²).
        double LogNormal(double x, double m, double s) => -(x - m) * (x - m) / (2 * s * s) - Math.Log(s * Math.Sqrt(2 * Math.PI));
        double integral = Enumerable.Range(-20_000, 40_001).Select(i => i * 5e-4)
            .Sum(x => 5e-4 * Math.Exp(LogNormal(x, 0.4, 0.8)) * (LogNormal(x, 0.4, 0.8) - LogNormal(x, -0.3, 1.5)));
        Assert.Equal(integral, KullbackLeibler.Between(GaussianDistribution.Isotropic([0.4], 0.8), GaussianDistribution.Isotropic([-0.3], 1.5)), 1e-9);
    }

    [Fact]
    public void It_does_not_change_when_both_Gaussians_go_through_one_linear_map()
    {
        double[,] a = { { 2, 0.8, 0.1 }, { 0.8, 1, -0.2 }, { 0.1, -0.2, 0.7 } }, b = { { 1, 0, 0.3 }, { 0, 2, 0 }, { 0.3, 0, 1 } };
        double[,] map = { { 1, 2, 0 }, { 0, 1, -1 }, { 3, 0, 1 } };
        double[,] Mapped(double[,] c) => Product(Product(map, c), Transposed(map));
        double[] Moved(double[] m) => [.. Enumerable.Range(0, 3).Select(i => Enumerable.Range(0, 3).Sum(k => map[i, k] * m[k]))];
        double[] p = [1, 2, 3], q = [0, 2.5, 3];
        Assert.Equal(KullbackLeibler.Between(new(p, a), new(q, b)), KullbackLeibler.Between(new(Moved(p), Mapped(a)), new(Moved(q), Mapped(b))), 1e-9);
        Assert.Equal(0, KullbackLeibler.Between(new(p, a), new(p, a)), 1e-12);
    }

    [Fact]
    public void The_fitted_Gaussian_has_the_rows_mean_and_covariance()
    {
        float[] rows = [0, 0, 2, 1, 4, 5];
        GaussianDistribution full = GaussianDistribution.Fit(rows, 2, CovarianceKind.Full), diagonal = GaussianDistribution.Fit(rows, 2, CovarianceKind.Diagonal);
        Assert.Equal([2.0, 2], full.Mean);
        Assert.Equal([8 / 3.0, 10 / 3.0, 10 / 3.0, 14 / 3.0], new[] { full.Covariance(0, 0), full.Covariance(0, 1), full.Covariance(1, 0), full.Covariance(1, 1) }, (x, y) => Math.Abs(x - y) < 1e-12);
        Assert.Equal([8 / 3.0, 0, 0, 14 / 3.0], new[] { diagonal.Covariance(0, 0), diagonal.Covariance(0, 1), diagonal.Covariance(1, 0), diagonal.Covariance(1, 1) }, (x, y) => Math.Abs(x - y) < 1e-12);
    }

    /// <summary>To leading order the figure over true samples is χ²/2n with d(d + 3)/2 degrees of freedom, or 2d with the diagonal alone.</summary>
    [Theory, InlineData(5, 1.0, 0.5), InlineData(20, 11.5, 2.0), InlineData(50, 66.4, 5.0)]
    public void Over_true_samples_the_fit_is_at_its_floor(int dimension, double fullThousandths, double diagonalThousandths)
    {
        const int Count = 10_000;
        GaussianDistribution truth = GaussianDistribution.Isotropic(new double[dimension], 1);
        float[][] sets = [.. Enumerable.Range(0, dimension == 50 ? 2 : 8).Select(r => Points.Normal(Count, dimension, seed: 10 + (ulong)r))];
        foreach ((CovarianceKind kind, double degrees, double thousandths) in
            new[] { (CovarianceKind.Full, dimension * (dimension + 3) / 2.0, fullThousandths), (CovarianceKind.Diagonal, 2.0 * dimension, diagonalThousandths) })
        {
            double floor = KullbackLeibler.FloorOfFit(Count, dimension, kind);
            double error = Math.Sqrt(2 * degrees / sets.Length) / (2 * Count);
            Assert.Equal(thousandths, 1000 * floor, 0.005 * thousandths + 1e-3);
            Assert.InRange(sets.Average(set => KullbackLeibler.OfFit(set, truth, kind)), floor - 4 * error, floor + 4 * error);
        }
    }

    [Fact]
    public void The_floor_is_exact_for_few_samples_too()
    {
        const int Count = 8, Dimension = 3, Repeats = 4000;
        GaussianDistribution truth = GaussianDistribution.Isotropic(new double[Dimension], 1);
        foreach (CovarianceKind kind in Enum.GetValues<CovarianceKind>())
        {
            (double mean, double spread) = Points.Spread([.. Enumerable.Range(0, Repeats)
                .Select(r => KullbackLeibler.OfFit(Points.Normal(Count, Dimension, seed: 100 + (ulong)r), truth, kind))]);
            double error = spread / Math.Sqrt(Repeats), floor = KullbackLeibler.FloorOfFit(Count, Dimension, kind);
            Assert.InRange(mean, floor - 4 * error, floor + 4 * error);
        }
    }

    [Fact]
    public void The_diagonal_does_not_see_correlations()
    {
        float[] equal = [.. Points.Normal(20_000, 1, seed: 1).SelectMany(v => new[] { v, v })]; // correlation 1, variances 1
        GaussianDistribution correlated = new([0, 0], new[,] { { 1, 0.9 }, { 0.9, 1 } });
        Assert.InRange(KullbackLeibler.OfFit(equal, correlated, CovarianceKind.Diagonal), 0, 1e-3);
        float[] independent = Points.Normal(20_000, 2, seed: 2);
        Assert.InRange(KullbackLeibler.OfFit(independent, correlated, CovarianceKind.Full), 3.23, 3.63); // ½ (2/0.19 − 2 + ln 0.19) = 3.43 ± 0.05
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void By_neighbours_it_is_the_closed_form_between_Gaussians(int dimension)
    {
        const int Count = 2000;
        float[] samples = Points.Normal(Count, dimension, seed: 20, mean: 0.3, deviation: 0.8);
        double LogStandard(ReadOnlySpan<float> x)
        {
            double sum = -x.Length * 0.5 * Math.Log(2 * Math.PI);
            foreach (float value in x)
                sum -= 0.5 * value * value;
            return sum;
        }
        double truth = KullbackLeibler.Between(
            GaussianDistribution.Isotropic([.. Enumerable.Repeat(0.3, dimension)], 0.8), GaussianDistribution.Isotropic(new double[dimension], 1));
        // The chance: of ln q/p over the samples (at most 0.5 each here) and of the neighbours, of variance ψ'(5) = 0.22 each; the bias is below it.
        Assert.Equal(truth, KullbackLeibler.FromDensity(samples, dimension, LogStandard), 4 * Math.Sqrt(0.5 / Count));
    }

    [Fact]
    public void By_neighbours_it_is_the_integral_between_mixtures_in_the_plane()
    {
        const int Count = 4000;
        double integral = 0;
        for (double x = -11; x <= 11; x += 0.1)
        {
            for (double y = -11; y <= 11; y += 0.1)
            {
                float[] point = [(float)x, (float)y];
                double log = Points.EightGaussiansLogDensity(point, radius: 6);
                integral += 0.01 * Math.Exp(log) * (log - Points.EightGaussiansLogDensity(point));
            }
        }
        double Estimate(float[] samples) => KullbackLeibler.FromDensity(samples, 2, x => Points.EightGaussiansLogDensity(x));
        // ± four standard deviations: ln q/p has about the variance 1, the neighbours ψ'(5) = 0.22; between equal densities the latter alone.
        Assert.Equal(integral, Estimate(Points.EightGaussians(Count, seed: 2, radius: 6)), 4 * Math.Sqrt(1.22 / Count));
        Assert.Equal(0, Estimate(Points.EightGaussians(Count, seed: 1)), 4 * Math.Sqrt(0.22 / Count));
    }

    [Fact]
    public void The_threads_do_not_change_it()
    {
        float[] samples = Points.EightGaussians(300, seed: 3);
        double Estimate() => KullbackLeibler.FromDensity(samples, 2, x => Points.EightGaussiansLogDensity(x));
        double estimate = Estimate();
        Assert.All(Points.Crowded(Estimate), again => Assert.Equal(estimate, again));
    }

    [Fact]
    public void What_has_no_divergence_is_refused_with_its_cause()
    {
        static string Message(Func<object> act) => Assert.ThrowsAny<ArgumentException>(act).Message;
        Assert.Contains("not symmetric", Message(() => new GaussianDistribution([0, 0], new[,] { { 1, 0.5 }, { 0, 1 } })), StringComparison.Ordinal);
        Assert.Contains("not positive definite", Message(() => new GaussianDistribution([0, 0], new double[,] { { 1, 1 }, { 1, 1 } })), StringComparison.Ordinal);
        Assert.Contains("[2, 2]", Message(() => new GaussianDistribution([0, 0], new double[,] { { 1 } })), StringComparison.Ordinal);
        Assert.Contains("at least 4", Message(() => GaussianDistribution.Fit(new float[9], 3, CovarianceKind.Full)), StringComparison.Ordinal);
        Assert.Contains("row 0 is equal", Message(() => KullbackLeibler.FromDensity(new float[] { 1, 1, 1 }, 1, _ => 0, k: 2)), StringComparison.Ordinal);
        Assert.Contains("row 1", Message(() => KullbackLeibler.FromDensity(new float[] { 1, 2, 3 }, 1, x => x[0] == 2 ? double.NegativeInfinity : 0, k: 1)), StringComparison.Ordinal);
    }

    private static double[,] Product(double[,] a, double[,] b)
    {
        double[,] c = new double[3, 3];
        for (int i = 0; i < 3; i++)
        {
            for (int j = 0; j < 3; j++)
                c[i, j] = Enumerable.Range(0, 3).Sum(k => a[i, k] * b[k, j]);
        }
        return c;
    }

    private static double[,] Transposed(double[,] a)
    {
        double[,] c = new double[3, 3];
        for (int i = 0; i < 3; i++)
        {
            for (int j = 0; j < 3; j++)
                c[i, j] = a[j, i];
        }
        return c;
    }
}
