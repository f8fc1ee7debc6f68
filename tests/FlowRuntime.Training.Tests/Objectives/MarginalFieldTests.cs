using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Paths;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Objectives;
using FlowRuntime.Training.Tests.Metrics;

namespace FlowRuntime.Training.Tests.Objectives;

/// <summary>Conditional flow matching against flow matching, whose target is the marginal field.</summary>
public sealed class MarginalFieldTests
{
    private const int Rows = 100_000;

    public static TheoryData<ProbabilityPath> NoisePaths => [new ConditionalOtPath(), new CosinePath(), new VariancePreservingPath()];

    [Theory, MemberData(nameof(NoisePaths))]
    public void The_gradient_of_conditional_flow_matching_is_that_of_flow_matching(ProbabilityPath path)
    {
        float[] points = [-1, 0.5f, 1, 1, 0.5f, -1.5f];
        var data = new Dataset("three points", [2], points, new());
        TrainingBatch conditional = new ConditionalFlowMatching(data, new FlowMatchingOptions { Path = path }, seed: 1).Draw(0, Rows);
        TrainingBatch marginal = new ConditionalFlowMatching(data, new FlowMatchingOptions { Path = path, Oracle = GaussianMixture.OfRows(2, points) }, seed: 1).Draw(0, Rows);
        Assert.Equal(conditional.States, marginal.States); // the same draws
        Assert.Equal(conditional.Times, marginal.Times);

        // v(t, x)_e = Σ_k θ_ek φ_k(t, x): the gradient of ‖v − u‖² by θ_ek is 2 (v − u)_e φ_k.
        double[][] features = [.. Enumerable.Range(0, Rows).Select(row => Features(conditional.Times[row], conditional.States[2 * row], conditional.States[2 * row + 1]))];
        for (int e = 0; e < 2; e++)
        {
            double[] theta = [.. Enumerable.Range(0, features[0].Length).Select(k => Math.Cos(3 * e + k))];
            double[] velocities = [.. features.Select(row => row.Zip(theta, (feature, factor) => feature * factor).Sum())];
            for (int k = 0; k < theta.Length; k++)
            {
                double[] difference = new double[Rows];
                for (int row = 0; row < Rows; row++)
                    difference[row] = Gradient(conditional, row) - Gradient(marginal, row);
                SampleMean mean = SampleMean.Of(difference);
                mean.IsAt(0);
                Assert.True(mean.Error is > 1e-4 and < 0.05, $"the targets differ row by row, and the comparison is sharp: {mean.Error:G2}");

                double Gradient(TrainingBatch batch, int row) => 2 * (velocities[row] - batch.Targets[2 * row + e]) * features[row][k];
            }
        }

        static double[] Features(double t, double x, double y) =>
            [1, t, Math.Tanh(x), Math.Tanh(y), t * Math.Tanh(x - y), Math.Exp(-x * x - y * y), Math.Sin(2 * x) * Math.Sin(2 * y)];
    }

    public static TheoryData<ProbabilityPath, double> Gaps => new()
    {
        { new ConditionalOtPath(), Math.PI / 2 },
        { new CosinePath(), Math.PI * Math.PI / 4 },
    };

    [Theory, MemberData(nameof(Gaps))]
    public void For_Gaussian_data_the_losses_of_any_model_differ_by_the_mean_variance_of_the_target(ProbabilityPath path, double perDeviation)
    {
        (double mean, double deviation) = (0.8, 0.6);
        var data = new Dataset("Gaussian", [3], Points.Normal(2 * Rows, 3, seed: 5, mean, deviation), new());
        var law = new GaussianMixture(3, [mean, mean, mean], [deviation]);
        TrainingBatch conditional = new ConditionalFlowMatching(data, new FlowMatchingOptions { Path = path }, seed: 2).Draw(0, Rows);
        TrainingBatch marginal = new ConditionalFlowMatching(data, new FlowMatchingOptions { Path = path, Oracle = law }, seed: 2).Draw(0, Rows);

        // E tr Cov(u | x) = d S π/2 on the linear path, d S π²/4 on the cosine path. Some of the Gaussian's rows are drawn
        // twice, which makes the true standard error up to √1.5 of the stated one.
        double expected = 3 * deviation * perDeviation;
        Func<double, float, double>[] models = [(_, _) => 0, (t, x) => Math.Cos(x) - 2 * t];
        foreach (Func<double, float, double> model in models)
        {
            SampleMean gap = SampleMean.Of([.. Enumerable.Range(0, Rows).Select(row => Loss(conditional, model, row) - Loss(marginal, model, row))]);
            (gap with { Error = Math.Sqrt(1.5) * gap.Error }).IsAt(expected);
            Assert.True(gap.Error < 0.01 * expected);
        }
        SampleMean atTheField = SampleMean.Of([.. Enumerable.Range(0, Rows).Select(row =>
            Enumerable.Range(3 * row, 3).Sum(i => Math.Pow((double)conditional.Targets[i] - marginal.Targets[i], 2)))]);
        (atTheField with { Error = Math.Sqrt(1.5) * atTheField.Error }).IsAt(expected);

        static double Loss(TrainingBatch batch, Func<double, float, double> model, int row) =>
            Enumerable.Range(3 * row, 3).Sum(i => Math.Pow(model(batch.Times[row], batch.States[i]) - batch.Targets[i], 2));
    }

    [Theory, InlineData(PredictionKind.Noise), InlineData(PredictionKind.Data), InlineData(PredictionKind.Score), InlineData(PredictionKind.VPrediction)]
    public void The_exact_target_of_any_prediction_is_that_of_the_posterior_mean_of_the_data(PredictionKind prediction)
    {
        float[] points = [-1, 0.5f, 1, 1, 0.5f, -1.5f];
        var path = new CosinePath();
        var options = new FlowMatchingOptions { Path = path, Prediction = prediction, Oracle = GaussianMixture.OfRows(2, points), TimeRange = (0.05, 0.95) };
        TrainingBatch batch = new ConditionalFlowMatching(new Dataset("three points", [2], points, new()), options, seed: 3).Draw(0, 500);
        for (int row = 0; row < 500; row++)
        {
            PathCoefficients at = path.At(batch.Times[row]);
            double[] x = [batch.States[2 * row], batch.States[2 * row + 1]];
            double[] weights = [.. Enumerable.Range(0, 3).Select(k => Math.Exp(-(Math.Pow(x[0] - at.Alpha * points[2 * k], 2) + Math.Pow(x[1] - at.Alpha * points[2 * k + 1], 2)) / (2 * at.Sigma * at.Sigma)))];
            for (int e = 0; e < 2; e++)
            {
                double mean = weights.Select((weight, k) => weight * points[2 * k + e]).Sum() / weights.Sum();
                double noise = (x[e] - at.Alpha * mean) / at.Sigma;
                double expected = prediction switch
                {
                    PredictionKind.Noise => noise,
                    PredictionKind.Data => mean,
                    PredictionKind.Score => -noise / at.Sigma,
                    _ => at.Alpha * noise - at.Sigma * mean,
                };
                Assert.Equal(expected, batch.Targets[2 * row + e], 1e-3 * (1 + Math.Abs(expected)));
            }
        }
    }
}
