using FlowRuntime.Training.Data;

namespace FlowRuntime.Training.Tests;

/// <summary>The benchmarks' data against what their definitions imply.</summary>
public class BenchmarkDataTests
{
    private const int Count = 12_000;

    private static readonly Func<int, ulong, Dataset>[] Sets =
    [
        BenchmarkData.TorchCfmGaussians, BenchmarkData.TorchCfmMoons, BenchmarkData.TorchCfmSCurve, BenchmarkData.TorchCfmTwoDimSource,
        BenchmarkData.TorchCfmTwoDimTarget, BenchmarkData.C2otSource, BenchmarkData.C2otMoons,
        (count, seed) => BenchmarkData.DsbmSource(5, count, seed), (count, seed) => BenchmarkData.DsbmTarget(5, count, seed),
    ];

    [Fact]
    public void The_network_sees_the_benchmarks_own_units_and_the_seed_changes_them()
    {
        foreach (var set in Sets)
        {
            Dataset data = set(100, 1);
            Assert.Equal(data.Values, data.InDataUnits());
            Assert.Equal(data.Values, set(100, 1).Values);
            Assert.NotEqual(data.Values, set(100, 2).Values);
            Assert.Equal((100, data.Dimension, data.Dimension), (data.Count, data.Card.Mean!.Count, data.Card.Scale!.Count));
            Assert.Throws<ArgumentOutOfRangeException>(() => set(1, 0));
        }
    }

    [Fact]
    public void Sources_and_targets_of_one_seed_are_independent()
    {
        Correlated(BenchmarkData.DsbmSource(1, Count).Values, BenchmarkData.DsbmTarget(1, Count).Values);
        Correlated(Column(BenchmarkData.C2otSource(Count), 0), Column(BenchmarkData.TorchCfmTwoDimTarget(Count), 0));

        static void Correlated(float[] a, float[] b)
        {
            double meanA = Statistics.Mean(a), meanB = Statistics.Mean(b);
            PlaneDataTests.Within(0, a.Zip(b, (x, y) => (x - meanA) * (y - meanB)));
        }
    }

    [Fact]
    public void Torchcfm_gaussians_are_1500_points_about_each_of_eight_centres_at_radius_five()
    {
        Dataset data = BenchmarkData.TorchCfmGaussians();
        for (int mode = 0; mode < 8; mode++)
        {
            double angle = mode * Math.PI / 4;
            var rows = Rows(data)[(1500 * mode)..(1500 * (mode + 1))];
            PlaneDataTests.Within(5 * Math.Cos(angle), rows.Select(p => p.X));
            PlaneDataTests.Within(5 * Math.Sin(angle), rows.Select(p => p.Y));
            PlaneDataTests.Within(1, rows.Select(p => Math.Pow(p.X - 5 * Math.Cos(angle), 2)));
            PlaneDataTests.Within(1, rows.Select(p => Math.Pow(p.Y - 5 * Math.Sin(angle), 2)));
        }
    }

    [Fact]
    public void Torchcfm_moons_are_two_half_circles_of_radius_two_about_minus_one_and_one()
    {
        var rows = Rows(BenchmarkData.TorchCfmMoons());
        double[] upper = [.. rows[..6000].Select(p => Radius(p.X + 1, p.Y) - 2)], lower = [.. rows[6000..].Select(p => Radius(p.X - 1, p.Y - 1) - 2)];
        foreach (double[] offsets in new[] { upper, lower })
        {
            Assert.InRange(offsets.Max(Math.Abs), 0.2, 0.6);
            PlaneDataTests.Within(0.01, offsets.Select(o => o * o)); // the noise of 0.05, doubled
        }
        Assert.True(rows[..6000].Min(p => p.Y) > -0.5 && rows[6000..].Max(p => p.Y) < 1.5);
        for (int i = 500; i < 5500; i++) // evenly spaced angles in order, but for the noise
            Assert.Equal(Math.PI * i / 5999, Math.Atan2(rows[i].Y, rows[i].X + 1), 0.3);
    }

    [Fact]
    public void Torchcfm_scurve_is_one_and_a_half_times_the_s_curve()
    {
        var rows = Rows(BenchmarkData.TorchCfmSCurve());
        PlaneDataTests.Within(2.25 * 0.5025, rows.Select(p => p.X * p.X));
        PlaneDataTests.Within(2.25 * (1.5025 + 4 / (3 * Math.PI)), rows.Select(p => p.Y * p.Y));
        PlaneDataTests.Within(0.005625, rows.Select(p => Math.Pow(Radius(p.X, p.Y + (p.Y < 0 ? 1.5 : -1.5)) - 1.5, 2)), slack: 0.0003);
    }

    [Fact]
    public void Torchcfm_twodim_starts_at_moons_of_one_common_mean_0_and_deviation_7()
    {
        Dataset data = BenchmarkData.TorchCfmTwoDimSource();
        double[] values = [.. data.Values.Select(v => (double)v)];
        Assert.Equal(0, values.Average(), 1e-5);
        Assert.Equal(49, values.Sum(v => v * v) / (values.Length - 1), 1e-3);
        Assert.True(Math.Abs(data.Card.Mean![0]) > 1); // not column by column
        // The shape is that of the moons still: half of its extent in x is 1.5 radii, and noise is a tenth of the radius.
        var rows = Rows(data);
        double radius = (rows[..6000].Average(p => p.Y) - rows[6000..].Average(p => p.Y)) / (4 / Math.PI - 0.5); // mean heights 2/π and ½ − 2/π
        (double x, double y) = (rows[..6000].Average(p => p.X), rows[..6000].Average(p => p.Y) - radius * 2 / Math.PI);
        Assert.Equal(0.1, Math.Sqrt(rows[..6000].Average(p => Math.Pow(Radius(p.X - x, p.Y - y) / radius - 1, 2))), 0.004);
    }

    [Fact]
    public void The_eight_modes_of_the_random_mixtures_have_equal_shares_and_their_deviations()
    {
        foreach ((Dataset data, double radius, double variance) in new[]
        {
            (BenchmarkData.TorchCfmTwoDimTarget(Count), 12.0, 2.25), (BenchmarkData.C2otSource(Count), 5, Math.Sqrt(0.1)),
        })
        {
            var modes = Rows(data).GroupBy(p => (int)Math.Round(Math.Atan2(p.Y, p.X) / (Math.PI / 4) + 8) % 8).ToList();
            Assert.Equal(8, modes.Count);
            foreach (var mode in modes)
            {
                PlaneDataTests.AssertShare(1.0 / 8, mode.Count(), Count);
                (double x, double y) = (radius * Math.Cos(mode.Key * Math.PI / 4), radius * Math.Sin(mode.Key * Math.PI / 4));
                PlaneDataTests.Within(2 * variance, mode.Select(p => Math.Pow(p.X - x, 2) + Math.Pow(p.Y - y, 2)));
            }
        }
    }

    [Fact]
    public void C2ot_moons_are_shifted_along_the_diagonal_alone_by_a_uniform_number()
    {
        const int count = 10_000;
        Dataset data = BenchmarkData.C2otMoons(count);
        var rows = Rows(data);
        double[] shifts = new double[count];
        for (int i = 0; i < count; i++)
        {
            double angle = Math.PI * (i % (count / 2)) / (count / 2 - 1);
            (double x, double y) = i < count / 2 ? (Math.Cos(angle), Math.Sin(angle)) : (1 - Math.Cos(angle), 0.5 - Math.Sin(angle));
            shifts[i] = (rows[i].X + 1) / 3 - x;
            Assert.Equal(shifts[i], (rows[i].Y + 1) / 3 - y, 1e-5);
        }
        Assert.InRange(shifts.Min(), -1e-6, 0.001);
        Assert.InRange(shifts.Max(), 0.199, 0.2 + 1e-6);
        PlaneDataTests.Within(0.1, shifts);
        PlaneDataTests.Within(0.04 / 12, shifts.Select(shift => (shift - 0.1) * (shift - 0.1)));
        Assert.Equal(Enumerable.Repeat(0, 5000).Concat(Enumerable.Repeat(1, 5000)), data.Labels);
        Assert.Equal(["0", "1"], data.ClassNames);
    }

    [Fact]
    public void Dsbm_gaussians_are_noise_shifted_by_a_tenth_in_every_column()
    {
        foreach ((Dataset data, double mean) in new[] { (BenchmarkData.DsbmSource(3), -0.1), (BenchmarkData.DsbmTarget(3), 0.1) })
        {
            for (int i = 0; i < 3; i++)
            {
                double[] column = [.. Column(data, i).Select(v => (double)v)];
                PlaneDataTests.Within(mean, column);
                PlaneDataTests.Within(1, column.Select(v => (v - mean) * (v - mean)));
                double[] next = [.. Column(data, (i + 1) % 3).Select(v => (double)v)];
                PlaneDataTests.Within(0, column.Zip(next, (a, b) => (a - mean) * (b - mean)));
            }
        }
    }

    private static float[] Column(Dataset data, int column) => Statistics.Column(data.Values, data.Dimension, column);

    private static (double X, double Y)[] Rows(Dataset data) =>
        [.. Enumerable.Range(0, data.Count).Select(i => ((double)data[i][0], (double)data[i][1]))];

    private static double Radius(double x, double y) => Math.Sqrt(x * x + y * y);
}
