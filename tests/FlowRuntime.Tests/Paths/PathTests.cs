using FlowRuntime.Cards;
using FlowRuntime.Paths;

namespace FlowRuntime.Tests;

public class PathTests
{
    /// <summary>ᾱ of a linear schedule of β from 1e-4 to 0.02 in 100 steps, ten times as fast.</summary>
    private static readonly double[] Table = [.. Enumerable.Range(1, 100).Select(k => Enumerable.Range(0, k).Aggregate(1.0, (product, i) => product * (1 - 10 * (1e-4 + 0.0199 * i / 99))))];

    private static readonly Dictionary<string, ProbabilityPath> Paths = new()
    {
        ["conditional OT"] = new ConditionalOtPath(),
        ["conditional OT, blurred"] = new ConditionalOtPath(0.3),
        ["VP"] = new VariancePreservingPath(),
        ["VP, constant β"] = new VariancePreservingPath(3, 3),
        ["VE"] = new VarianceExplodingPath(),
        ["cosine"] = new CosinePath(),
        ["tabulated"] = new TabulatedPath(Table),
        ["pairs"] = new IndependentPairsPath(),
        ["pairs, noisy"] = new IndependentPairsPath(0.2),
        ["bridge"] = new SchrodingerBridgePath(1.3),
    };

    public static TheoryData<string> Names => [.. Paths.Keys];

    /// <summary>Without the table, whose second derivative jumps at its steps.</summary>
    public static TheoryData<string> Smooth => [.. Paths.Keys.Where(name => name != "tabulated")];

    [Theory, MemberData(nameof(Names))]
    public void The_rates_of_a_path_are_the_derivatives_of_its_scalars(string name)
    {
        const double h = 1e-6;
        ProbabilityPath path = Paths[name];
        for (double t = 0.0152; t < 1; t += 0.0301)
        {
            PathCoefficients before = path.At(t - h), at = path.At(t), after = path.At(t + h);
            void IsDerivative(Func<PathCoefficients, double> of, double rate) =>
                Assert.Equal((of(after) - of(before)) / (2 * h), rate, 1e-6 * Math.Max(1, Math.Abs(rate)));
            IsDerivative(c => c.Alpha, at.AlphaRate);
            IsDerivative(c => c.Sigma, at.SigmaRate);
            IsDerivative(c => c.Gamma, at.GammaRate);
            IsDerivative(c => c.Deviation, at.DeviationRate);
            IsDerivative(c => c.Deviation * c.Deviation / 2, at.HalfVarianceRate);
        }
    }

    /// <summary>The forms that stay finite where σ' does not: ρρ' as half the one-sided derivative of ρ², and α'/α as that of log α.</summary>
    [Theory, MemberData(nameof(Smooth))]
    public void The_finite_forms_hold_up_to_the_ends(string name)
    {
        const double h = 1e-5;
        ProbabilityPath path = Paths[name];
        foreach ((double t, double inwards) in new[] { (0.0, 1.0), (1.0, -1.0) })
        {
            // Of second order: (−3 f(t) + 4 f(t + h) − f(t + 2h))/2h.
            double Derivative(Func<PathCoefficients, double> of) =>
                inwards * (-3 * of(path.At(t)) + 4 * of(path.At(t + inwards * h)) - of(path.At(t + 2 * inwards * h))) / (2 * h);
            double half = path.At(t).HalfVarianceRate, logarithm = path.At(t).AlphaRate / path.At(t).Alpha;
            Assert.Equal(Derivative(c => c.Deviation * c.Deviation / 2), half, 1e-4 * Math.Max(1, Math.Abs(half)));
            if (path.At(t).Alpha > 0)
                Assert.Equal(Derivative(c => Math.Log(c.Alpha)), logarithm, 1e-4 * Math.Max(1, Math.Abs(logarithm)));
        }
    }

    [Theory]
    [InlineData("conditional OT", 0, 1, 1, 0)]
    [InlineData("conditional OT, blurred", 0, 1, 1, 0.3)]
    [InlineData("VP", 0.006571, 0.999978, 1, 0)] // exp(−½(0.1 + 20)/2)
    [InlineData("VE", 1, 50, 1, 0.01)]
    [InlineData("cosine", 0, 1, 1, 0)]
    [InlineData("pairs, noisy", 0, 1, 1, 0)]
    [InlineData("bridge", 0, 1, 1, 0)]
    public void A_path_leads_from_its_noise_to_its_data(string name, double alphaAt0, double sigmaAt0, double alphaAt1, double sigmaAt1)
    {
        PathCoefficients start = Paths[name].At(0), end = Paths[name].At(1);
        Assert.Equal(alphaAt0, start.Alpha, 1e-6);
        Assert.Equal(sigmaAt0, start.Sigma, 1e-6);
        Assert.Equal(alphaAt1, end.Alpha);
        Assert.Equal(sigmaAt1, end.Sigma, 1e-15);
    }

    [Theory, InlineData("VP"), InlineData("VP, constant β"), InlineData("cosine"), InlineData("tabulated")]
    public void Paths_that_preserve_the_variance_do(string name)
    {
        for (double t = 0; t <= 1; t += 0.01)
            Assert.Equal(1, Math.Pow(Paths[name].At(t).Alpha, 2) + Math.Pow(Paths[name].At(t).Sigma, 2), 1e-14);
    }

    /// <summary>The integral of β by Simpson's rule, which is exact for a linear one.</summary>
    [Fact]
    public void The_alpha_of_VP_decays_by_half_the_integral_of_beta()
    {
        double Beta(double s) => 0.1 + 19.9 * s;
        for (double t = 0; t <= 1; t += 0.1)
        {
            double s = 1 - t, integral = s / 6 * (Beta(0) + 4 * Beta(s / 2) + Beta(s));
            Assert.Equal(Math.Exp(-integral / 2), Paths["VP"].At(t).Alpha, 1e-14);
        }
    }

    [Fact]
    public void The_noise_of_VP_vanishes_at_the_data_without_cancellation() =>
        // σ² = 1 − exp(−B) = B (1 − B/2 + …), B = 0.1 s + …
        Assert.Equal(Math.Sqrt(1e-13), Paths["VP"].At(1 - 1e-12).Sigma, 1e-10 * Math.Sqrt(1e-13) + 1e-11);

    [Fact]
    public void A_table_is_met_at_its_steps_and_falls_between_them()
    {
        var path = (TabulatedPath)Paths["tabulated"];
        for (int k = 0; k < Table.Length; k++)
            Assert.Equal(Table[k], Math.Pow(path.At(1 - k / 99.0).Alpha, 2), 1e-12);
        double last = double.NegativeInfinity;
        for (double t = 0; t <= 1; t += 1e-4)
        {
            double logSnr = path.LogSnr(t);
            Assert.True(logSnr > last, $"log-SNR does not rise at {t}");
            Assert.True(path.At(t).AlphaRate > 0 && path.At(t).SigmaRate < 0);
            last = logSnr;
        }
    }

    /// <summary>A table that falls by 2, then by 20 in log-SNR: a cubic through it without limits would turn back.</summary>
    [Fact]
    public void A_table_with_a_steep_end_is_followed_monotonically_with_a_continuous_slope()
    {
        double[] logs = [8, 6, 4, 2, -18];
        var path = new TabulatedPath([.. logs.Select(l => 1 / (1 + Math.Exp(-l)))]);
        for (double t = 0.001; t < 1; t += 0.001)
            Assert.InRange(path.LogSnr(t), path.LogSnr(t - 0.001), path.LogSnr(t + 0.001));
        foreach (double node in new[] { 0.25, 0.5, 0.75 })
            Assert.Equal(path.At(node - 1e-9).AlphaRate, path.At(node + 1e-9).AlphaRate, 1e-6);
    }

    [Theory, MemberData(nameof(Names))]
    public void The_time_of_a_noise_level_is_where_the_path_has_it(string name)
    {
        ProbabilityPath path = Paths[name], bisected = new Bisected(path);
        for (double t = 0.011; t < 0.98; t += 0.0437)
        {
            Assert.Equal(t, path.TimeOf(path.At(t).NoiseLevel), 1e-12);
            Assert.Equal(t, bisected.TimeOf(path.At(t).NoiseLevel), 1e-12);
            Assert.Equal(t, path.TimeOfLogSnr(path.LogSnr(t)), 1e-12);
        }
        double cleanest = path.At(1).NoiseLevel;
        Assert.Equal((1, 1), (path.TimeOf(cleanest / 2), bisected.TimeOf(cleanest / 2)));
        Assert.Equal(0, path.TimeOf(double.PositiveInfinity), 1e-300);
        Assert.Equal(0, bisected.TimeOf(double.PositiveInfinity), 1e-300);
    }

    [Fact]
    public void The_log_SNR_is_twice_the_logarithm_of_alpha_over_sigma()
    {
        var path = new ConditionalOtPath();
        Assert.Equal(-2 * Math.Log(3), path.LogSnr(0.25), 1e-14);
        Assert.Equal(-Math.Log(3), path.At(0.25).HalfLogSnr, 1e-14);
        Assert.Equal(3, path.At(0.25).NoiseLevel, 1e-14);
        Assert.Equal((double.NegativeInfinity, double.PositiveInfinity), (path.LogSnr(0), path.LogSnr(1)));
    }

    [Theory]
    [InlineData("conditional OT", 0, 1)]
    [InlineData("VP", 0, 1 - 1e-5)]
    [InlineData("VE", 0, 1)]
    [InlineData("cosine", 0, 1)]
    [InlineData("tabulated", 0, 1)]
    [InlineData("pairs, noisy", 0, 1)]
    [InlineData("bridge", 1e-5, 1 - 1e-5)]
    public void Velocities_are_trained_where_their_target_is_finite(string name, double start, double end) =>
        Assert.Equal((start, end), Paths[name].TimeRange());

    [Theory]
    [InlineData("conditional OT", PredictionKind.Noise, 0.01, 1)]
    [InlineData("conditional OT", PredictionKind.Data, 0, 1 - 1e-5)]
    [InlineData("conditional OT", PredictionKind.Score, 0.01, 1 - 1e-5)]
    [InlineData("conditional OT", PredictionKind.VPrediction, 0, 1)]
    [InlineData("conditional OT, blurred", PredictionKind.Data, 0, 1)]
    [InlineData("cosine", PredictionKind.Noise, 0.01, 1)]
    [InlineData("cosine", PredictionKind.VPrediction, 0, 1)]
    [InlineData("VE", PredictionKind.Noise, 0, 1)]
    [InlineData("VE", PredictionKind.Score, 0, 1)]
    [InlineData("VP", PredictionKind.Noise, 0, 1 - 1e-5)]
    [InlineData("tabulated", PredictionKind.Score, 1 - 98.0 / 99, 1)] // ᾱ is 2.0e-05 at the last of its 100 steps, and 2.5e-05 at the one before
    public void Other_predictions_are_trained_where_they_tell_the_velocity(string name, PredictionKind prediction, double start, double end) =>
        Assert.Equal((start, end), Paths[name].TimeRange(prediction));

    [Theory, InlineData(-0.1), InlineData(1.0), InlineData(double.NaN)]
    public void A_blur_outside_its_range_is_refused(double sigmaMin) =>
        Assert.Contains("0.01", Assert.Throws<ArgumentOutOfRangeException>(() => new ConditionalOtPath(sigmaMin)).Message);

    [Theory, InlineData(-1, 20), InlineData(3, 2), InlineData(0, 0), InlineData(0.1, double.NaN), InlineData(0.1, double.PositiveInfinity)]
    public void VP_needs_rising_betas(double betaMin, double betaMax) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new VariancePreservingPath(betaMin, betaMax));

    [Theory, InlineData(0, 50), InlineData(1, 1), InlineData(2, 1), InlineData(double.NaN, 1)]
    public void VE_needs_rising_sigmas_above_0(double sigmaMin, double sigmaMax) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new VarianceExplodingPath(sigmaMin, sigmaMax));

    [Fact]
    public void A_table_with_0_or_1_or_a_rise_in_it_is_refused_by_its_step()
    {
        Assert.Contains("at step 1", Assert.Throws<ArgumentException>(() => new TabulatedPath([0.9, 0])).Message);
        Assert.Contains("at step 0", Assert.Throws<ArgumentException>(() => new TabulatedPath([1, 0.5])).Message);
        Assert.Contains("at step 2", Assert.Throws<ArgumentException>(() => new TabulatedPath([0.9, 0.5, 0.6])).Message);
    }

    /// <summary>A path without a closed form of its own for the time of a noise level.</summary>
    private sealed class Bisected(ProbabilityPath path) : ProbabilityPath
    {
        public override PathCoefficients At(double t) => path.At(t);
    }
}
