using FlowRuntime.Cards;
using FlowRuntime.Paths;

namespace FlowRuntime.Tests;

/// <summary>What the numbers of a path mean, and which it takes.</summary>
public class PathParameterTests
{
    [Fact]
    public void VE_runs_from_its_largest_blur_to_its_smallest_by_equal_factors()
    {
        var path = new VarianceExplodingPath(0.02, 32);
        Assert.Equal(32, path.At(0).Sigma, 1e-12);
        Assert.Equal(0.02, path.At(1).Sigma, 1e-15);
        Assert.Equal(0.8, path.At(0.5).Sigma, 1e-12); // √(32 · 0.02)
        Assert.Equal((0, 1), (path.TimeOf(100), path.TimeOf(0.001)));
    }

    /// <summary>With β_min = β_max = 4, B = 4 s and σ²/α² = e⁴ˢ − 1.</summary>
    [Fact]
    public void VP_of_a_constant_beta_has_the_time_of_a_noise_level_in_closed_form()
    {
        var path = new VariancePreservingPath(4, 4);
        Assert.Equal(Math.Exp(-1), path.At(0.5).Alpha, 1e-14);
        Assert.Equal(0.75, path.TimeOf(Math.Sqrt(Math.E - 1)), 1e-14);
        Assert.Equal((1, 0), (path.TimeOf(0), path.TimeOf(1e9)));
        Assert.Equal(0, new VariancePreservingPath(0, 10).TimeOf(Math.Sqrt(Math.Exp(5) - 1)), 1e-12); // β_min may be 0, where B(1) = 5
    }

    /// <summary>
    /// log-SNR 2, 0, −6 at the steps. By Fritsch and Butland the slopes are −2, −3 (the harmonic mean of 2 and 6) and −6 a step; Hermite's cubic is
    /// 1 + (−2 + 3)/8 in the middle of the first interval, −3 + (−3 + 6)/8 in that of the second.
    /// </summary>
    [Fact]
    public void A_table_is_joined_by_the_cubic_of_Fritsch_and_Butland()
    {
        static double AlphaBar(double logSnr) => 1 / (1 + Math.Exp(-logSnr));
        var path = new TabulatedPath([AlphaBar(2), AlphaBar(0), AlphaBar(-6)]);
        foreach ((double time, double logSnr) in new[] { (1, 2), (0.75, 1 + 1 / 8.0), (0.5, 0), (0.25, -3 + 3 / 8.0), (0, -6) })
            Assert.Equal(logSnr, path.LogSnr(time), 1e-12);
    }

    public static TheoryData<PathCard, PathCoefficients> Cards => new()
    {
        { new(PathKind.ConditionalOt), new ConditionalOtPath(0).At(0.3) },
        { new(PathKind.ConditionalOt, SigmaMin: 0.25), new ConditionalOtPath(0.25).At(0.3) },
        { new(PathKind.VariancePreserving), new VariancePreservingPath(0.1, 20).At(0.3) },
        { new(PathKind.VariancePreserving, BetaMin: 1, BetaMax: 3), new VariancePreservingPath(1, 3).At(0.3) },
        { new(PathKind.VarianceExploding), new VarianceExplodingPath(0.01, 50).At(0.3) },
        { new(PathKind.VarianceExploding, SigmaMin: 0.5, SigmaMax: 3), new VarianceExplodingPath(0.5, 3).At(0.3) },
        { new(PathKind.IndependentPairs), new IndependentPairsPath(0).At(0.3) },
        { new(PathKind.IndependentPairs, Noise: 0.5), new IndependentPairsPath(0.5).At(0.3) },
        { new(PathKind.SchrodingerBridge), new SchrodingerBridgePath(1).At(0.3) },
        { new(PathKind.SchrodingerBridge, Noise: 0.5), new SchrodingerBridgePath(0.5).At(0.3) },
    };

    [Theory, MemberData(nameof(Cards))]
    public void A_card_gives_the_path_its_numbers_or_the_usual_ones(PathCard card, PathCoefficients expected) => Assert.Equal(expected, ProbabilityPath.Of(card).At(0.3));

    [Fact]
    public void A_table_and_the_kind_tabulated_need_each_other()
    {
        Assert.Contains("belongs to the kind tabulated", Assert.Throws<ArgumentException>(() => ProbabilityPath.Of(new PathCard(PathKind.Cosine, AlphaBar: [0.9, 0.1]))).Message, StringComparison.Ordinal);
        Assert.Contains("Give path.alpha_bar", Assert.Throws<ArgumentException>(() => ProbabilityPath.Of(new PathCard(PathKind.Tabulated))).Message, StringComparison.Ordinal);
        Assert.Contains("Give at least two", Assert.Throws<ArgumentException>(() => new TabulatedPath([0.5])).Message, StringComparison.Ordinal);
        Assert.Contains("Give values that fall", Assert.Throws<ArgumentException>(() => new TabulatedPath([0.5, 0.5])).Message, StringComparison.Ordinal);
    }

    [Theory, InlineData(0), InlineData(-1), InlineData(double.NaN), InlineData(double.PositiveInfinity)]
    public void The_noise_of_a_bridge_is_positive_and_finite(double noise)
    {
        Assert.Contains("Give a positive number", Assert.Throws<ArgumentOutOfRangeException>(() => new SchrodingerBridgePath(noise)).Message, StringComparison.Ordinal);
        Assert.Equal(2, new SchrodingerBridgePath(4).At(0.5).Gamma);
    }

    [Theory, InlineData(-1), InlineData(double.NaN), InlineData(double.PositiveInfinity)]
    public void The_noise_of_pairs_is_at_least_0_and_finite(double noise)
    {
        Assert.Contains("at least 0", Assert.Throws<ArgumentOutOfRangeException>(() => new IndependentPairsPath(noise)).Message, StringComparison.Ordinal);
        Assert.Equal(0, new IndependentPairsPath(0).At(0.5).Gamma);
    }

    /// <summary>α = √(0.004² + t²) is 0.003 too little at the noise, and 0.005 at t = 0.003.</summary>
    [Fact]
    public void The_noise_is_told_from_the_first_time_with_enough_signal()
    {
        Assert.Equal(0.003, new LittleSignal(0.004).TimeRange(PredictionKind.Noise).Start, 1e-12);
        Assert.Equal(0, new LittleSignal(ProbabilityPath.LeastSignal).TimeRange(PredictionKind.Noise).Start);
        Assert.Equal(ProbabilityPath.NoiseMargin, new LittleSignal(0).TimeRange(PredictionKind.Noise).Start);
    }

    private sealed class LittleSignal(double atNoise) : ProbabilityPath
    {
        public override PathCoefficients At(double t)
        {
            double alpha = Math.Sqrt(atNoise * atNoise + t * t);
            return new PathCoefficients(alpha, 1 - t / 2, alpha == 0 ? 1 : t / alpha, -0.5);
        }
    }
}
