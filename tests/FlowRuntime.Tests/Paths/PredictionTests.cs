using FlowRuntime.Cards;
using FlowRuntime.Paths;

namespace FlowRuntime.Tests;

/// <summary>
/// A data point D and a noise ε determine everything: x = αD + ρε, v = α'D + ρ'ε, the score −ε/ρ and the v-prediction αε − ρD. What
/// the conversions say is held against that.
/// </summary>
public class PredictionTests
{
    private const double D = 1.7, E = -0.4;

    private static readonly Dictionary<string, ProbabilityPath> Paths = new()
    {
        ["conditional OT"] = new ConditionalOtPath(),
        ["conditional OT, blurred"] = new ConditionalOtPath(0.1),
        ["VP"] = new VariancePreservingPath(),
        ["VE"] = new VarianceExplodingPath(),
        ["cosine"] = new CosinePath(),
        ["tabulated"] = new TabulatedPath([0.999, 0.97, 0.8, 0.5, 0.2, 0.05, 0.001]),
        ["pairs with noise"] = new IndependentPairsPath(0.3),
        ["your own"] = new Quadratic(),
    };

    private static readonly PredictionKind[] Kinds = Enum.GetValues<PredictionKind>();

    public static TheoryData<string> Names => [.. Paths.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Every_prediction_tells_every_other_inside_the_path(string name)
    {
        for (double t = 0.01; t < 1; t += 0.049)
        {
            PathCoefficients at = Paths[name].At(t);
            double x = at.Alpha * D + at.Deviation * E;
            foreach (PredictionKind from in Kinds)
            {
                foreach (PredictionKind to in Kinds)
                {
                    (double ofState, double ofPrediction) = at.Convert(from, to);
                    double expected = Of(to, at), told = ofState * x + ofPrediction * Of(from, at);
                    double size = Math.Abs(ofState * x) + Math.Abs(ofPrediction * Of(from, at)) + Math.Abs(expected);
                    Assert.True(Math.Abs(told - expected) <= 1e-11 * size, $"{from} to {to} at {t}: {told}, not {expected}");
                }
            }
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void A_prediction_there_and_back_is_itself(string name)
    {
        for (double t = 0.01; t < 1; t += 0.049)
        {
            foreach (PredictionKind from in Kinds)
            {
                foreach (PredictionKind to in Kinds)
                {
                    (double a, double b) = Paths[name].At(t).Convert(from, to);
                    (double c, double d) = Paths[name].At(t).Convert(to, from);
                    Assert.Equal(1, d * b, 1e-10);
                    Assert.Equal(0, c + d * a, 1e-10 * Math.Max(1, Math.Abs(c)));
                }
            }
        }
    }

    [Theory]
    [InlineData("conditional OT", 0)]
    [InlineData("conditional OT", 1)]
    [InlineData("cosine", 0)]
    [InlineData("cosine", 1)]
    public void Velocity_and_v_prediction_tell_each_other_at_the_ends_too(string name, double t)
    {
        PathCoefficients at = Paths[name].At(t);
        double x = at.Alpha * D + at.Sigma * E, velocity = Of(PredictionKind.Velocity, at), v = Of(PredictionKind.VPrediction, at);
        (double a, double b) = at.Convert(PredictionKind.VPrediction, PredictionKind.Velocity);
        Assert.Equal(velocity, a * x + b * v, 1e-14);
        (a, b) = at.Convert(PredictionKind.Velocity, PredictionKind.VPrediction);
        Assert.Equal(v, a * x + b * velocity, 1e-14);
    }

    /// <summary>x = αD + ρε and v = α'D + ρ'ε tell D and ε, also where α or ρ is 0.</summary>
    [Theory]
    [InlineData("conditional OT", 0)]
    [InlineData("conditional OT", 0.3)]
    [InlineData("conditional OT", 0.999)]
    [InlineData("conditional OT", 1)]
    [InlineData("cosine", 0)]
    [InlineData("cosine", 1)]
    [InlineData("VE", 0)]
    [InlineData("VP", 0)]
    [InlineData("pairs with noise", 0)]
    [InlineData("pairs with noise", 1)]
    public void State_and_velocity_tell_the_data_and_the_noise(string name, double t)
    {
        PathCoefficients at = Paths[name].At(t);
        double x = at.Alpha * D + at.Deviation * E, v = Of(PredictionKind.Velocity, at);
        double tolerance = name == "pairs with noise" && t == 1 ? double.NaN : 1e-12 * (1 + Math.Abs(v));
        if (double.IsNaN(tolerance)) // there ρ' = 0: the velocity is the data, whatever the noise
            Assert.Equal((0, 1), at.Data);
        else
        {
            Assert.Equal(D, at.Data.OfState * x + at.Data.OfVelocity * v, tolerance);
            Assert.Equal(E, at.Noise.OfState * x + at.Noise.OfVelocity * v, tolerance);
        }
    }

    [Fact]
    public void The_data_of_a_VP_state_at_the_end_are_the_state() =>
        Assert.Equal((1, 0), (new VariancePreservingPath().At(1).Data.OfState, Math.Abs(new VariancePreservingPath().At(1).Data.OfVelocity)));

    /// <summary>Two predictions that differ by δ give velocities that differ by δ √w.</summary>
    [Theory, MemberData(nameof(Names))]
    public void The_weight_makes_a_predictions_squared_error_the_velocitys(string name)
    {
        const double Difference = 0.01;
        for (double t = 0.01; t < 1; t += 0.049)
        {
            PathCoefficients at = Paths[name].At(t);
            double x = at.Alpha * D + at.Deviation * E;
            foreach (PredictionKind kind in Kinds)
            {
                (double ofState, double ofPrediction) = at.VelocityOf(kind);
                double exact = ofState * x + ofPrediction * Of(kind, at), wrong = ofState * x + ofPrediction * (Of(kind, at) + Difference);
                double squared = Math.Pow(wrong - exact, 2);
                Assert.Equal(squared, at.VelocityWeight(kind) * Difference * Difference, 1e-6 * squared);
            }
        }
    }

    /// <summary>On the linear path in diffusion time s = 1 − t. The noise's is 1/(1 − s)², not (s/(1 − s))².</summary>
    [Theory]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(0.8)]
    public void The_weights_of_the_linear_path_in_diffusion_time(double s)
    {
        PathCoefficients at = new ConditionalOtPath().At(1 - s);
        Assert.Equal(1, at.VelocityWeight(PredictionKind.Velocity));
        Assert.Equal(1 / Math.Pow(1 - s, 2), at.VelocityWeight(PredictionKind.Noise), 1e-10);
        Assert.Equal(1 / (s * s), at.VelocityWeight(PredictionKind.Data), 1e-10);
        Assert.Equal(Math.Pow(s / (1 - s), 2), at.VelocityWeight(PredictionKind.Score), 1e-10);
        Assert.Equal(1 / Math.Pow((1 - s) * (1 - s) + s * s, 2), at.VelocityWeight(PredictionKind.VPrediction), 1e-10);
    }

    /// <summary>The diffusion form: v = ½β(x + score) for VP in flow time, finite up to the data.</summary>
    [Fact]
    public void The_velocity_of_VP_is_half_beta_times_state_plus_score()
    {
        var path = new VariancePreservingPath(0.1, 20);
        for (double t = 0; t <= 1; t += 0.125)
        {
            double half = (0.1 + 19.9 * (1 - t)) / 2;
            (double ofState, double ofScore) = path.At(t).VelocityOf(PredictionKind.Score);
            Assert.Equal(half, ofState, 1e-12);
            Assert.Equal(half, ofScore, 1e-9);
        }
    }

    private static double Of(PredictionKind kind, PathCoefficients at) => kind switch
    {
        PredictionKind.Velocity => at.AlphaRate * D + at.DeviationRate * E,
        PredictionKind.Noise => E,
        PredictionKind.Data => D,
        PredictionKind.Score => -E / at.Deviation,
        PredictionKind.VPrediction => at.Alpha * E - at.Deviation * D,
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>A user's path: α = t², σ = 1 − t².</summary>
    private sealed class Quadratic : ProbabilityPath
    {
        public override PathCoefficients At(double t) => new(t * t, 1 - t * t, 2 * t, -2 * t);
    }
}
