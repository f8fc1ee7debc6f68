using FlowRuntime.Cards;
using FlowRuntime.Paths;
using FlowRuntime.Training.Couplings;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;

namespace FlowRuntime.Training.Tests;

public class ConditionalFlowMatchingTests
{
    private const int Rows = 4000;

    private static readonly Dataset Data = new("three", [2], [10, 20, 30, 40, 50, 60], new(), [0, 1, 2], ["a", "b", "c"]);

    [Fact]
    public void Each_row_lies_on_the_straight_path_from_standard_noise_to_a_row_of_data()
    {
        TrainingBatch batch = Objective().Draw(step: 3, Rows);
        var noise = new List<double>();
        for (int row = 0; row < Rows; row++)
        {
            double t = batch.Times[row];
            (double x, double y, double u, double v) = (batch.States[2 * row], batch.States[2 * row + 1], batch.Targets[2 * row], batch.Targets[2 * row + 1]);
            // With σ_min = 0: x_t + (1 − t) u = x1 and x_t − t u = x0.
            double x1 = x + (1 - t) * u, y1 = y + (1 - t) * v;
            int source = (int)Math.Round((x1 - 10) / 20);
            Assert.Equal(10 + 20 * source, x1, 1e-3);
            Assert.Equal(20 + 20 * source, y1, 1e-3);
            Assert.True(batch.Labels![row] == source || batch.Labels[row] == 3, "the label is the row's class, or none");
            noise.AddRange([x - t * u, y - t * v]);
        }
        Assert.InRange(noise.Average(), -5 / Math.Sqrt(2 * Rows), 5 / Math.Sqrt(2 * Rows));
        Assert.InRange(noise.Average(z => z * z), 1 - 5 * Math.Sqrt(1.0 / Rows), 1 + 5 * Math.Sqrt(1.0 / Rows));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_vector_is_the_one_of_its_row_or_none(bool coupled)
    {
        Dataset data = new("three", [2], [10, 20, 30, 40, 50, 60], new(), vectors: new ConditionVectors(new ColumnsCard(["c"], [0], [1]), [-1, 0, 1]));
        var options = new FlowMatchingOptions { ClassDropout = 0.2, Coupling = coupled ? new ConditionalOptimalTransportCoupling(targetShare: 0.3) : new IndependentCoupling() };
        TrainingBatch batch = new ConditionalFlowMatching(data, options, seed: 2).Draw(step: 3, 1000);
        int none = 0;
        for (int row = 0; row < 1000; row++)
        {
            double end = batch.States[2 * row] + (1 - batch.Times[row]) * (double)batch.Targets[2 * row];
            if (batch.Vectors![row] == VelocityNetwork.NullVector)
                none++;
            else
                Assert.Equal(10 + 20 * (batch.Vectors[row] + 1), end, 1e-3);
        }
        Assert.InRange(none / 1000.0, 0.2 - 0.05, 0.2 + 0.05);
        Assert.Null(batch.Labels);
    }

    [Fact]
    public void Conditional_optimal_transport_pairs_rows_of_like_vectors_dropped_or_not()
    {
        // Rows at the condition's own place: optimal transport within like conditions, and the noise of each condition is all of the noise.
        float[] values = [.. Enumerable.Range(0, 64).Select(i => i < 32 ? -5f : 5f)], vectors = [.. values.Select(value => value / 5)];
        Dataset data = new("two", [1], values, new(), vectors: new ConditionVectors(new ColumnsCard(["c"], [0], [1]), vectors));
        var plain = new FlowMatchingOptions { ClassDropout = 0.5, Coupling = new OptimalTransportCoupling() };
        double[] Means(FlowMatchingOptions options)
        {
            TrainingBatch batch = new ConditionalFlowMatching(data, options, seed: 2).Draw(0, 512);
            var noise = Enumerable.Range(0, 512).ToLookup(
                row => batch.States[row] + (1 - batch.Times[row]) * batch.Targets[row] > 0, row => (double)(batch.States[row] - batch.Times[row] * batch.Targets[row]));
            return [noise[false].Average(), noise[true].Average()];
        }

        Assert.True(Means(plain)[1] > 0.5, "plain optimal transport gives each condition its own half of the noise");
        Assert.All(Means(plain with { Coupling = new ConditionalOptimalTransportCoupling(targetShare: 0.05) }), mean => Assert.InRange(mean, -0.25, 0.25));
    }

    [Fact]
    public void With_sigma_min_the_path_ends_at_blurred_data()
    {
        TrainingBatch batch = Objective(sigmaMin: 0.25).Draw(0, Rows);
        double[] blur = [.. Enumerable.Range(0, Rows).Select(row =>
        {
            double end = batch.States[2 * row] + (1 - batch.Times[row]) * (double)batch.Targets[2 * row]; // x1 + σ_min x0
            return end - (10 + 20 * Math.Round((end - 10) / 20));
        })];
        Assert.InRange(Math.Sqrt(blur.Average(b => b * b)), 0.24, 0.26);
    }

    [Fact]
    public void Times_and_rows_are_uniform_and_a_share_of_the_classes_is_dropped()
    {
        TrainingBatch batch = Objective(classDropout: 0.2).Draw(0, Rows);
        Assert.InRange(batch.Times.Average(t => (double)t), 0.5 - 0.02, 0.5 + 0.02);
        Assert.InRange(batch.Times.Average(t => (double)t * t), 1.0 / 3 - 0.02, 1.0 / 3 + 0.02);
        Assert.All(batch.Times, t => Assert.InRange(t, 0, 1));
        Assert.InRange(batch.Labels!.Count(label => label == 3) / (double)Rows, 0.2 - 0.03, 0.2 + 0.03);
        for (int label = 0; label < 3; label++)
            Assert.InRange(batch.Labels!.Count(l => l == label) / (double)Rows, 0.8 / 3 - 0.035, 0.8 / 3 + 0.035);
    }

    [Fact]
    public void A_batch_is_a_function_of_seed_step_and_row()
    {
        TrainingBatch batch = Objective().Draw(step: 7, 32), again = Objective().Draw(step: 7, 32);
        Assert.Equal(batch.States, again.States);
        Assert.Equal(batch.Times, again.Times);
        Assert.NotEqual(batch.States, Objective().Draw(step: 8, 32).States);
        Assert.NotEqual(batch.States, Objective(seed: 1).Draw(step: 7, 32).States);
    }

    [Theory, InlineData(-0.1), InlineData(1.1), InlineData(double.NaN)]
    public void A_share_outside_zero_and_one_is_refused(double share) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Objective(classDropout: share));

    private static ConditionalFlowMatching Objective(double sigmaMin = 0, double classDropout = 0.1, ulong seed = 0) =>
        new(Data, new FlowMatchingOptions { Path = new ConditionalOtPath(sigmaMin), ClassDropout = classDropout }, seed);
}
