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
}
