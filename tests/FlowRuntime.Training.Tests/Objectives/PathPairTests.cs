using FlowRuntime.Paths;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Objectives;

namespace FlowRuntime.Training.Tests.Objectives;

/// <summary>States and targets as the point of a path, and its time derivative, for a pair of source and data.</summary>
public sealed class PathPairTests
{
    private const int Rows = 4000;
    private static readonly float[] X0 = [0.7f, -1.2f], X1 = [2f, 0.4f];
    private static readonly Dataset From = new("from", [2], X0, new()), To = new("to", [2], X1, new());

    public static TheoryData<ProbabilityPath> Paths =>
    [
        new ConditionalOtPath(), new ConditionalOtPath(0.2), new CosinePath(), new VariancePreservingPath(), new VarianceExplodingPath(),
        new TabulatedPath([0.999, 0.98, 0.9, 0.7, 0.4, 0.1, 0.01]), new IndependentPairsPath(), new IndependentPairsPath(0.3), new SchrodingerBridgePath(0.8),
    ];

    [Theory, MemberData(nameof(Paths))]
    public void Between_two_points_the_target_is_the_time_derivative_of_the_state_with_its_noise_held(ProbabilityPath path)
    {
        TrainingBatch batch = new ConditionalFlowMatching(To, new FlowMatchingOptions { Path = path, Source = From, TimeRange = (0.01, 0.99) }, seed: 4).Draw(2, Rows);
        var residuals = new List<double>();
        for (int i = 0; i < 2 * Rows; i++)
        {
            (double t, float x0, float x1) = (batch.Times[i / 2], X0[i % 2], X1[i % 2]);
            PathCoefficients at = path.At(t);
            double z = at.Gamma == 0 ? 0 : (batch.States[i] - at.Alpha * x1 - at.Sigma * x0) / at.Gamma;
            residuals.Add(z);
            const double H = 1e-6;
            double rate = (Point(t + H) - Point(t - H)) / (2 * H);
            Assert.Equal(Point(t), batch.States[i], 1e-5 * (1 + Math.Abs(rate))); // a time is known to 6e-8
            Assert.Equal(rate, batch.Targets[i], 5e-4 * (1 + Math.Abs(rate)));

            double Point(double time)
            {
                PathCoefficients then = path.At(time);
                return then.Alpha * x1 + then.Sigma * x0 + then.Gamma * z;
            }
        }
        if (path.At(0.5).Gamma > 0)
        {
            SampleMean.Of(residuals).IsAt(0);
            SampleMean.Of([.. residuals.Select(z => z * z)]).IsAt(1);
            SampleMean.Of([.. residuals.Select(z => z * z * z * z)]).IsAt(3);
            SampleMean.Of([.. residuals.Chunk(2).Select(z => z[0] * z[1])]).IsAt(0);
            SampleMean.Of([.. residuals.Select((z, i) => z * (batch.Times[i / 2] - 0.5))]).IsAt(0);
        }
        else
            Assert.All(residuals, z => Assert.Equal(0, z));
    }

    [Theory, MemberData(nameof(Paths))]
    public void From_noise_to_a_point_state_and_target_have_the_covariance_of_two_independent_noises(ProbabilityPath path)
    {
        TrainingBatch batch = new ConditionalFlowMatching(To, new FlowMatchingOptions { Path = path, TimeRange = (0.01, 0.99) }, seed: 5).Draw(0, Rows);
        var moments = (States: new List<double>(), Mixed: new List<double>(), Targets: new List<double>(), Means: new List<double>());
        for (int i = 0; i < 2 * Rows; i++)
        {
            PathCoefficients at = path.At(batch.Times[i / 2]);
            double state = batch.States[i] - at.Alpha * X1[i % 2], target = batch.Targets[i] - at.AlphaRate * X1[i % 2];
            double ofState = at.Sigma * at.Sigma + at.Gamma * at.Gamma, ofTarget = at.SigmaRate * at.SigmaRate + at.GammaRate * at.GammaRate;
            moments.Means.Add(state / Math.Sqrt(ofState));
            moments.States.Add(state * state / ofState);
            moments.Targets.Add(target * target / ofTarget);
            moments.Mixed.Add((state * target - at.Sigma * at.SigmaRate - at.Gamma * at.GammaRate) / Math.Sqrt(ofState * ofTarget));
        }
        SampleMean.Of(moments.Means).IsAt(0);
        SampleMean.Of(moments.States).IsAt(1);
        SampleMean.Of(moments.Targets).IsAt(1);
        SampleMean.Of(moments.Mixed).IsAt(0);
    }

    [Fact]
    public void Data_to_data_starts_at_rows_of_the_source_each_with_every_row_of_data_equally_often()
    {
        const int Draws = 24_000;
        var source = new Dataset("source", [1], [-3, -1, 4, 8], new());
        var data = new Dataset("data", [1], [10, 20, 40], new());
        var options = new FlowMatchingOptions { Path = new IndependentPairsPath(), Source = source, TimeRange = (0, 1e-6) };
        TrainingBatch batch = new ConditionalFlowMatching(data, options, seed: 6).Draw(0, Draws);
        int[] counts = new int[12];
        for (int row = 0; row < Draws; row++)
        {
            int from = Array.FindIndex(source.Values, value => Math.Abs(value - batch.States[row]) < 1e-4);
            int to = Array.FindIndex(data.Values, value => Math.Abs(value - batch.States[row] - batch.Targets[row]) < 1e-3);
            counts[4 * to + from]++; // −1 for neither would throw
        }
        Assert.InRange(counts.Sum(count => Math.Pow(count - Draws / 12.0, 2) / (Draws / 12.0)), 0, 31.3); // 11 degrees of freedom: above this once in a thousand seeds
        SampleMean.Of([.. batch.States.Select(state => (double)state)]).IsAt(2);
        SampleMean.Of([.. batch.States.Select(state => (double)state * state)]).IsAt((9 + 1 + 16 + 64) / 4.0);
    }

    [Fact]
    public void Row_of_data_row_of_source_time_and_dropped_class_are_independent()
    {
        const int Draws = 20_000;
        var data = new Dataset("data", [1], [10, 20], new(), [0, 1], ["ten", "twenty"]);
        var options = new FlowMatchingOptions { Source = new Dataset("source", [1], [0, 1], new()), ClassDropout = 0.5 };
        TrainingBatch batch = new ConditionalFlowMatching(data, options, seed: 7).Draw(5, Draws);
        double[][] centred = [.. Enumerable.Range(0, Draws).Select(row =>
        {
            (double t, double x, double u) = (batch.Times[row], batch.States[row], batch.Targets[row]);
            return new[] { (x + (1 - t) * u - 15) / 5, 2 * (x - t * u) - 1, Math.Sqrt(12) * (t - 0.5), batch.Labels![row] == 2 ? 1 : -1 };
        })];
        for (int a = 0; a < 4; a++)
        {
            for (int b = a; b < 4; b++)
                SampleMean.Of([.. centred.Select(row => row[a] * row[b])]).IsAt(a == b ? 1 : 0, allowed: 1e-5);
        }
    }
}
