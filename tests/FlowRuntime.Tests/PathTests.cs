using FlowRuntime.Paths;

namespace FlowRuntime.Tests;

public class PathTests
{
    public static TheoryData<double> Blurs => [0, 0.01, 0.5];

    [Theory, MemberData(nameof(Blurs))]
    public void The_velocity_of_a_path_is_the_derivative_of_its_point(double sigmaMin)
    {
        const double h = 1e-5;
        var path = new ConditionalOtPath(sigmaMin);
        for (double t = 0.05; t < 1; t += 0.05)
        {
            PathCoefficients before = path.At(t - h), at = path.At(t), after = path.At(t + h);
            Assert.Equal((after.Alpha - before.Alpha) / (2 * h), at.AlphaRate, 1e-9);
            Assert.Equal((after.Sigma - before.Sigma) / (2 * h), at.SigmaRate, 1e-9);
        }
    }

    [Theory, MemberData(nameof(Blurs))]
    public void The_path_leads_from_noise_to_data_blurred_by_sigma_min(double sigmaMin)
    {
        var path = new ConditionalOtPath(sigmaMin);
        Assert.Equal((0, 1), (path.At(0).Alpha, path.At(0).Sigma));
        Assert.Equal(1, path.At(1).Alpha);
        Assert.Equal(sigmaMin, path.At(1).Sigma, 1e-15);
    }

    [Theory, InlineData(-0.1), InlineData(1.0), InlineData(double.NaN)]
    public void A_blur_outside_its_range_is_refused(double sigmaMin) =>
        Assert.Contains("0.01", Assert.Throws<ArgumentOutOfRangeException>(() => new ConditionalOtPath(sigmaMin)).Message);

    /// <summary>x = αD + σε and v = α'D + σ'ε tell D and ε, also where α or σ is 0 or the path is another one.</summary>
    [Theory]
    [InlineData(0, 1, 1, -1)]
    [InlineData(0.3, 0.7, 1, -1)]
    [InlineData(0.999, 0.001, 1, -1)]
    [InlineData(1, 0, 1, -1)]
    [InlineData(0.6, 0.8, 1.2, -0.9)]
    [InlineData(1, 25, 0, -40)]
    public void State_and_velocity_tell_the_data_and_the_noise(double alpha, double sigma, double alphaRate, double sigmaRate)
    {
        const double Data = 1.7, Noise = -0.4;
        var at = new PathCoefficients(alpha, sigma, alphaRate, sigmaRate);
        double x = alpha * Data + sigma * Noise, v = alphaRate * Data + sigmaRate * Noise;
        Assert.Equal(Data, at.Data.OfState * x + at.Data.OfVelocity * v, 1e-12);
        Assert.Equal(Noise, at.Noise.OfState * x + at.Noise.OfVelocity * v, 1e-12);
    }

    [Theory, MemberData(nameof(Blurs))]
    public void The_time_of_a_noise_level_is_where_the_path_has_it(double sigmaMin)
    {
        var path = new ConditionalOtPath(sigmaMin);
        var bisected = new Bisected(path);
        for (double t = 0.001; t < 1; t += 0.0437)
        {
            Assert.Equal(t, path.TimeOf(path.At(t).NoiseLevel), 1e-14);
            Assert.Equal(t, bisected.TimeOf(path.At(t).NoiseLevel), 1e-14);
        }
        Assert.Equal((1, 1), (path.TimeOf(0), bisected.TimeOf(0)));
        Assert.Equal((1, 1), (path.TimeOf(sigmaMin / 2), bisected.TimeOf(sigmaMin / 2))); // cleaner than the end
        Assert.Equal(0, path.TimeOf(double.PositiveInfinity));
        Assert.Equal(0, bisected.TimeOf(double.PositiveInfinity), 1e-300);
    }

    /// <summary>σ/α falls from 50 to 0.02 alone; the levels outside have their time at the nearer end.</summary>
    [Fact]
    public void A_level_that_the_path_does_not_reach_has_the_time_of_the_nearer_end()
    {
        var path = new Exploding();
        Assert.Equal(0, path.TimeOf(51), 1e-300);
        Assert.Equal(1, path.TimeOf(0.01));
        Assert.Equal(0.5, path.TimeOf(1), 1e-14);
    }

    [Fact]
    public void The_half_log_SNR_is_minus_the_logarithm_of_the_noise_level()
    {
        var path = new ConditionalOtPath();
        Assert.Equal(-Math.Log(3), path.At(0.25).HalfLogSnr, 1e-14);
        Assert.Equal(3, path.At(0.25).NoiseLevel, 1e-14);
        Assert.Equal((double.NegativeInfinity, double.PositiveInfinity), (path.At(0).HalfLogSnr, path.At(1).HalfLogSnr));
    }

    /// <summary>A path without a closed form of its own for the time of a noise level.</summary>
    private sealed class Bisected(ProbabilityPath path) : ProbabilityPath
    {
        public override PathCoefficients At(double t) => path.At(t);
    }

    /// <summary>α = 1, σ = 50^(1 − 2t): a path of exploding variance.</summary>
    private sealed class Exploding : ProbabilityPath
    {
        public override PathCoefficients At(double t) => new(1, Math.Pow(50, 1 - 2 * t), 0, -2 * Math.Log(50) * Math.Pow(50, 1 - 2 * t));
    }
}
