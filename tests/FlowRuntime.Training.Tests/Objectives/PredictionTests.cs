using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Paths;
using FlowRuntime.Training.Couplings;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Objectives;

namespace FlowRuntime.Training.Tests.Objectives;

public sealed class PredictionTests
{
    private const int Rows = 1000;
    private static readonly Dataset Data = new("data", [2], [0.5f, 1, -1, 2, 3, -0.5f], new());

    public static TheoryData<ProbabilityPath, PredictionKind> Kinds
    {
        get
        {
            var kinds = new TheoryData<ProbabilityPath, PredictionKind>();
            foreach (ITheoryDataRow path in PathPairTests.Paths)
            {
                foreach (PredictionKind kind in Enum.GetValues<PredictionKind>())
                    kinds.Add((ProbabilityPath)path.GetData()[0]!, kind);
            }
            return kinds;
        }
    }

    /// <remarks>
    /// Where γ = 0 that velocity is the draw's own; where γ > 0 it is the mean E[u_t | x_t, x1] over the two noises, about which the
    /// draw's own is scattered whatever the state.
    /// </remarks>
    [Theory, MemberData(nameof(Kinds))]
    public void A_prediction_speaks_of_the_velocity_of_the_same_draw_and_its_weighted_error_is_the_velocitys(ProbabilityPath path, PredictionKind prediction)
    {
        TrainingBatch ofVelocity = Draw(PredictionKind.Velocity), batch = Draw(prediction), ofData = Draw(PredictionKind.Data);
        Assert.Equal(ofVelocity.States, batch.States);
        double[] delta = [0.75, -1.5];
        var scatter = new List<double>();
        for (int row = 0; row < Rows; row++)
        {
            PathCoefficients at = path.At(batch.Times[row]);
            double squaredError = 0, allowed = 0;
            for (int i = 2 * row; i < 2 * row + 2; i++)
            {
                (double x, double v) = (batch.States[i], ofVelocity.Targets[i]);
                if (at.Gamma > 0) // v is linear in ε, and the best guess of it from x and x1 has the slope ρρ'/ρ²
                {
                    double offset = x - at.Alpha * ofData.Targets[i], mean = at.AlphaRate * ofData.Targets[i] + at.HalfVarianceRate / (at.Deviation * at.Deviation) * offset;
                    scatter.AddRange([v - mean, (v - mean) * offset]);
                    v = mean;
                }
                (double ofState, double ofKnown) = at.Convert(PredictionKind.Velocity, prediction);
                if (at.Gamma == 0 || prediction != PredictionKind.Velocity)
                    Assert.Equal(ofState * x + ofKnown * v, batch.Targets[i], 2e-5 * (1 + Math.Abs(ofState * x) + Math.Abs(ofKnown * v)));
                (double backOfState, double ofPrediction) = at.Convert(prediction, PredictionKind.Velocity);
                double target = prediction == PredictionKind.Velocity ? v : batch.Targets[i];
                double off = backOfState * x + ofPrediction * (target + delta[i % 2]) - v;
                squaredError += off * off;
                allowed += 1e-4 * Math.Abs(off) * (1 + Math.Abs(v) + Math.Abs(backOfState * x));
            }
            double weight = batch.Weights?[row] ?? 1;
            Assert.Equal(weight * (delta[0] * delta[0] + delta[1] * delta[1]), squaredError, allowed);
        }
        if (scatter.Count > 0)
        {
            SampleMean.Of([.. scatter.Where((_, i) => i % 2 == 0)]).IsAt(0);
            SampleMean.Of([.. scatter.Where((_, i) => i % 2 == 1)]).IsAt(0);
        }

        TrainingBatch Draw(PredictionKind kind) =>
            new ConditionalFlowMatching(Data, new FlowMatchingOptions { Path = path, Prediction = kind, TimeRange = (0.02, 0.98) }, seed: 8).Draw(1, Rows);
    }

    [Fact]
    public void On_the_linear_path_the_weights_are_those_of_diffusion_time()
    {
        // With s = 1 − t: noise 1/(1 − s)², data 1/s², score (s/(1 − s))², v-prediction 1/((1 − s)² + s²)².
        (PredictionKind Kind, Func<double, double> Weight)[] weights =
        [
            (PredictionKind.Noise, s => 1 / Math.Pow(1 - s, 2)), (PredictionKind.Data, s => 1 / (s * s)),
            (PredictionKind.Score, s => Math.Pow(s / (1 - s), 2)), (PredictionKind.VPrediction, s => 1 / Math.Pow((1 - s) * (1 - s) + s * s, 2)),
        ];
        foreach ((PredictionKind kind, Func<double, double> weight) in weights)
        {
            TrainingBatch batch = new ConditionalFlowMatching(Data, new FlowMatchingOptions { Prediction = kind, TimeRange = (0.02, 0.98) }, seed: 8).Draw(0, Rows);
            for (int row = 0; row < Rows; row++)
                Assert.Equal(1, batch.Weights![row] / weight(1 - batch.Times[row]), 1e-4);
        }
    }

    [Fact]
    public void A_weight_is_what_it_is_asked_to_be_and_a_velocity_has_none()
    {
        Assert.Null(Draw(new FlowMatchingOptions()).Weights);
        Assert.All(Draw(new FlowMatchingOptions { Prediction = PredictionKind.Noise, Weight = FlowMatchingOptions.Plain }).Weights!, weight => Assert.Equal(1, weight));
        TrainingBatch own = Draw(new FlowMatchingOptions { Weight = at => 3 * at.Alpha * at.Alpha });
        Assert.All(own.Weights!.Zip(own.Times), row => Assert.Equal(3 * row.Second * row.Second, row.First, 1e-6));

        static TrainingBatch Draw(FlowMatchingOptions options) => new ConditionalFlowMatching(Data, options, seed: 9).Draw(0, Rows);
    }

    public static TheoryData<string, FlowMatchingOptions, string> Refused => new()
    {
        { "coupled noise", new() { Prediction = PredictionKind.Noise, Coupling = new OptimalTransportCoupling() }, "independent coupling" },
        { "noise of another source", new() { Prediction = PredictionKind.Data, Source = Data }, "Ask for the velocity" },
        { "coupled oracle", new() { Oracle = Oracle(2), Coupling = new SinkhornCoupling(1) }, "Leave out the oracle" },
        { "oracle of another source", new() { Oracle = Oracle(2), Source = Data }, "Leave out the oracle" },
        { "oracle of another dimension", new() { Oracle = Oracle(3) }, "3 values" },
        { "source of another shape", new() { Source = new Dataset("images", [1, 2, 1], [1, 2], new()) }, "[1, 2, 1]" },
        { "the bridge's start", new() { Path = new SchrodingerBridgePath(), TimeRange = (0, 0.5) }, "1E-05" },
        { "the diffusion's end", new() { Path = new VariancePreservingPath(), TimeRange = (0.5, 1) }, "0.99999" },
        { "the noise's start", new() { Prediction = PredictionKind.Noise, TimeRange = (0, 1) }, "0.01" },
        { "the score's end", new() { Prediction = PredictionKind.Score, TimeRange = (0.1, 1) }, "0.99999" },
    };

    [Theory, MemberData(nameof(Refused))]
    public void What_does_not_go_together_is_refused_with_the_cure(string what, FlowMatchingOptions options, string cure)
    {
        var e = Assert.Throws<ArgumentException>(() => new ConditionalFlowMatching(Data, options, seed: 0));
        Assert.True(e.Message.Contains(cure), $"{what}: {e.Message}");
        Assert.DoesNotContain('\n', e.Message);
    }

    [Fact]
    public void A_time_range_or_block_that_is_none_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new FlowMatchingOptions { TimeRange = (0.5, 0.5) });
        Assert.Throws<ArgumentOutOfRangeException>(() => new FlowMatchingOptions { TimeRange = (-0.1, 0.5) });
        Assert.Throws<ArgumentOutOfRangeException>(() => new FlowMatchingOptions { TimeRange = (double.NaN, 0.5) });
        Assert.Throws<ArgumentOutOfRangeException>(() => new FlowMatchingOptions { TimeRange = (0.5, 1.1) });
        Assert.Throws<ArgumentOutOfRangeException>(() => new FlowMatchingOptions { CouplingBatches = 0 });
    }

    private static GaussianMixture Oracle(int dimension) => new(dimension, new double[dimension], [1]);
}
