using FlowRuntime.Training.Metrics;

namespace FlowRuntime.Training.Tests.Metrics;

public class SampleMetricsTests
{
    private static readonly float[] Pool = Points.EightGaussians(6000, seed: 1);
    private static readonly float[] HeldOut = Points.EightGaussians(300, seed: 2);

    [Fact]
    public void True_samples_stand_at_every_floor()
    {
        SampleMetrics metrics = SampleMetrics.Measure(Points.EightGaussians(300, seed: 3), HeldOut, Pool, 2, draws: 10);
        Assert.Equal(["W2", "sliced W2", "energy distance", "MMD²", "C2ST accuracy"], metrics.Figures.Select(figure => figure.Name));
        Assert.All(metrics.Figures, figure => Assert.InRange(figure.Value, figure.Floor.Mean - 4 * figure.Floor.StandardDeviation, figure.Floor.Mean + 4 * figure.Floor.StandardDeviation));
    }

    [Fact]
    public void Displaced_samples_stand_above_every_floor()
    {
        float[] displaced = [.. Points.EightGaussians(300, seed: 3).Select(value => value + 2)];
        SampleMetrics metrics = SampleMetrics.Measure(displaced, HeldOut, Pool, 2, draws: 10);
        Assert.All(metrics.Figures, figure => Assert.True(figure.Value > figure.Floor.Mean + 5 * figure.Floor.StandardDeviation, figure.ToString()));
    }

    [Fact]
    public void Values_are_those_of_the_metrics_between_samples_and_held_out_rows()
    {
        float[] samples = Points.Normal(300, 2, seed: 4, deviation: 4);
        double[] values = [.. SampleMetrics.Measure(samples, HeldOut, Pool, 2, draws: 2).Figures.Select(figure => figure.Value)];
        Assert.Equal(
        [
            Wasserstein.Between(samples, HeldOut, 2), SlicedWasserstein.Between(samples, HeldOut, 2), EnergyDistance.Between(samples, HeldOut, 2),
            MaximumMeanDiscrepancy.Squared(samples, HeldOut, 2, GaussianKernel.ByMedian(HeldOut, 2)), ClassifierTwoSampleTest.Accuracy(samples, HeldOut, 2),
        ], values);
    }

    [Fact]
    public void The_table_says_metric_value_and_floor() =>
        Assert.Equal("W2                   0.561   real against real 0.544 ± 0.08\nMMD²               -0.0012   real against real 2E-05 ± 0.001",
            new SampleMetrics([new("W2", 0.5612, new(0.5441, 0.0803)), new("MMD²", -0.0012, new(2e-5, 0.001))]).ToString());

    [Fact]
    public void What_is_no_set_of_finite_rows_is_refused_with_its_place()
    {
        static string Message(float[] samples) => Assert.Throws<ArgumentException>(() => EnergyDistance.Between(samples, new float[4], 2)).Message;
        Assert.Contains("x: 3 values are no whole number of rows of 2", Message(new float[3]), StringComparison.Ordinal);
        Assert.Contains("x: 0 values", Message([]), StringComparison.Ordinal);
        Assert.Contains("x: row 1 holds a value that is not finite", Message([0, 0, 1, float.NaN]), StringComparison.Ordinal);
    }
}
