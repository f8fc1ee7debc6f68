using FlowRuntime.Paths;
using FlowRuntime.Training.Couplings;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Objectives;
using FlowRuntime.Training.Tests.Metrics;

namespace FlowRuntime.Training.Tests.Objectives;

public sealed class SchrodingerBridgeMarginalTests
{
    /// <remarks>
    /// The bridge of c = 1 from N(−a, 1) to N(a, 1): the entropic plan has the covariance (√5 − 1)/2, so that x_t has the mean
    /// (2t − 1)a and the variance √5 t(1 − t) + (1 − t)² + t².
    /// </remarks>
    [Fact]
    public void The_marginals_between_two_Gaussians_are_those_of_the_bridge()
    {
        const int Rows = 256, Blocks = 100;
        const double A = 0.5;
        var source = new Dataset("source", [1], Points.Normal(100_000, 1, seed: 11, mean: -A), new());
        var data = new Dataset("data", [1], Points.Normal(100_000, 1, seed: 12, mean: A), new());
        var options = new FlowMatchingOptions { Path = new SchrodingerBridgePath(1), Source = source, Coupling = new SinkhornCoupling(2, tolerance: 1e-3) };
        ConditionalFlowMatching objective = new(data, options, seed: 13);
        var offsets = new List<double>[3]; // by the third of the time; over their own deviation
        for (int third = 0; third < 3; third++)
            offsets[third] = [];
        for (int block = 0; block < Blocks; block++)
        {
            TrainingBatch batch = objective.Draw(block, Rows);
            for (int row = 0; row < Rows; row++)
            {
                double t = batch.Times[row], variance = Math.Sqrt(5) * t * (1 - t) + (1 - t) * (1 - t) + t * t;
                offsets[Math.Min(2, (int)(3 * t))].Add((batch.States[row] - (2 * t - 1) * A) / Math.Sqrt(variance));
            }
        }
        foreach (List<double> third in offsets)
        {
            SampleMean.Of(third).IsAt(0);
            SampleMean.Of([.. third.Select(x => x * x)]).IsAt(1, allowed: 2.0 / Rows); // a block's plan differs from the laws' by O(1/rows)
        }
    }
}
