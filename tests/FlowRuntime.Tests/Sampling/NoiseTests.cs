using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

public class NoiseTests
{
    private const int Rows = 1000;
    private const int Width = 1000;

    /// <summary>A million values: 1,000 sample indices of 1,000 positions each.</summary>
    private static readonly float[] Table = Enumerable.Range(0, Rows).SelectMany(index => Row(seed: 2026, index, Width)).ToArray();

    [Fact]
    public void A_value_is_a_pure_function_of_seed_stream_index_and_position()
    {
        Assert.Equal(Row(7, 3, 21, stream: 2), Row(7, 3, 21, stream: 2));
    }

    [Fact]
    public void A_longer_row_starts_with_the_shorter_one()
    {
        float[] longest = Row(7, 3, 21);
        for (int length = 0; length <= 21; length++)
            Assert.Equal(longest[..length], Row(7, 3, length));
    }

    [Fact]
    public void Rows_of_other_seeds_streams_and_indices_have_no_value_in_common()
    {
        float[][] rows =
        [
            Row(0, 0, 64), Row(1, 0, 64), Row(1UL << 32, 0, 64), Row(ulong.MaxValue, 0, 64),
            Row(0, 0, 64, stream: 1), Row(0, 0, 64, stream: uint.MaxValue),
            Row(0, 1, 64), Row(0, uint.MaxValue, 64), Row(0, 1L << 32, 64), Row(0, (1L << 32) + 1, 64), Row(0, long.MaxValue, 64),
        ];
        float[] all = [.. rows.SelectMany(row => row)];
        Assert.Equal(all.Length, all.Distinct().Count());
    }

    [Fact]
    public void The_values_of_a_row_are_the_Box_Muller_transform_of_the_blocks_of_its_counter()
    {
        const ulong seed = 0x299f31d0a4093822;
        const long index = 0x0370734413198a2e;
        float[] row = Row(seed, index, 8, stream: 0x85a308d3);
        for (uint block = 0; block < 2; block++)
        {
            var (x0, x1, _, _) = Philox4x32.Block(block, 0x85a308d3, 0x13198a2e, 0x03707344, seed);
            double angle = 2 * Math.PI * Philox4x32.Uniform(x1), radius = Math.Sqrt(-2 * Math.Log(Philox4x32.Uniform(x0)));
            Assert.Equal(radius * Math.Cos(angle), row[4 * block], 1e-6);
            Assert.Equal(radius * Math.Sin(angle), row[4 * block + 1], 1e-6);
        }
    }

    [Fact]
    public void A_million_values_have_the_first_four_moments_of_the_standard_normal_to_5_standard_errors()
    {
        double n = Table.Length;
        double mean = Table.Sum(x => (double)x) / n;
        double variance = Table.Sum(x => (x - mean) * (x - mean)) / n;
        double skewness = Table.Sum(x => Math.Pow(x - mean, 3)) / n / Math.Pow(variance, 1.5);
        double kurtosis = Table.Sum(x => Math.Pow(x - mean, 4)) / n / (variance * variance);

        Assert.Equal(0, mean, 5 / Math.Sqrt(n));
        Assert.Equal(1, variance, 5 * Math.Sqrt(2 / n));
        Assert.Equal(0, skewness, 5 * Math.Sqrt(6 / n));
        Assert.Equal(3, kurtosis, 5 * Math.Sqrt(24 / n));
    }

    [Fact]
    public void The_distribution_function_of_a_million_values_is_the_normal_one()
    {
        float[] sorted = [.. Table.Order()];
        double n = sorted.Length, distance = 0;
        for (int i = 0; i < sorted.Length; i++)
        {
            double cdf = NormalCdf(sorted[i]);
            distance = Math.Max(distance, Math.Max((i + 1) / n - cdf, cdf - i / n));
        }
        // Kolmogorov: √n D exceeds 2 for truly normal values with the probability 7e-4.
        Assert.True(Math.Sqrt(n) * distance < 2, $"√n D = {Math.Sqrt(n) * distance}");
    }

    [Fact]
    public void Neighbouring_indices_positions_seeds_and_streams_are_not_correlated()
    {
        float[] otherSeed = [.. Enumerable.Range(0, Rows).SelectMany(index => Row(seed: 2027, index, Width))];
        float[] otherStream = [.. Enumerable.Range(0, Rows).SelectMany(index => Row(seed: 2026, index, Width, stream: 1))];
        double bound = 5 / Math.Sqrt(Table.Length - Width);
        Assert.InRange(Correlation(Table.AsSpan(Width), Table.AsSpan(0, Table.Length - Width)), -bound, bound);
        for (int distance = 1; distance <= 4; distance++)
            Assert.InRange(Correlation(Table.AsSpan(distance), Table.AsSpan(0, Table.Length - distance)), -bound, bound);
        Assert.InRange(Correlation(Table, otherSeed), -bound, bound);
        Assert.InRange(Correlation(Table, otherStream), -bound, bound);
    }

    [Fact]
    public void The_two_values_of_a_Box_Muller_pair_have_uncorrelated_squares()
    {
        double[] first = [.. Table.Where((_, i) => i % 2 == 0).Select(x => x * (double)x - 1)];
        double[] second = [.. Table.Where((_, i) => i % 2 == 1).Select(x => x * (double)x - 1)];
        double correlation = first.Zip(second, (a, b) => a * b).Average() / 2; // E[(x² − 1)²] = 2
        Assert.Equal(0, correlation, 5 / Math.Sqrt(first.Length));
    }

    private static float[] Row(ulong seed, long index, int length, uint stream = Noise.PriorStream)
    {
        float[] row = new float[length];
        Noise.Fill(seed, index, row, stream);
        return row;
    }

    private static double Correlation(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        double sum = 0;
        for (int i = 0; i < left.Length; i++)
            sum += (double)left[i] * right[i];
        return sum / left.Length;
    }

    /// <summary>Φ(x) = ½ + φ(x)(x + x³/3 + x⁵/(3·5) + …). Source: Marsaglia 2004, "Evaluating the Normal Distribution".</summary>
    private static double NormalCdf(double x)
    {
        double term = x, sum = x;
        for (int k = 3; sum + term != sum; k += 2)
        {
            term *= x * x / k;
            sum += term;
        }
        return 0.5 + sum * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
    }
}
