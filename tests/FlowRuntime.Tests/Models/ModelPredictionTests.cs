using FlowRuntime.Cards;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>
/// A network whose prediction is P = t x, on the linear path. As each kind of prediction it has another velocity, all with closed
/// flows; none may meet a division by zero on the way.
/// </summary>
public class ModelPredictionTests
{
    private const double Margin = 1e-5, NoiseMargin = 0.01;

    private static readonly SamplingOptions Exact = new() { Seed = 3, Solver = new AdaptiveSteps { RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-6 } };

    /// <summary>v = (D − x)/(1 − t) = −x; the sample is the data told at the end, t x.</summary>
    [Fact]
    public void Data() => Carries(PredictionKind.Data, (1 - Margin) * Math.Exp(-(1 - Margin)), evaluationsBesides: 1);

    /// <summary>v = (x − ε)/t = x/t − x, from t = 0.01, where the noise is 0.99.</summary>
    [Fact]
    public void Noise() => Carries(PredictionKind.Noise, (1 - NoiseMargin) / NoiseMargin * Math.Exp(NoiseMargin - 1), evaluationsBesides: 0);

    /// <summary>v = x/t + (1 − t)/t · s = x/t + (1 − t) x; the sample is (x + (1 − t)² s)/t at the end.</summary>
    [Fact]
    public void Score() => Carries(
        PredictionKind.Score, (1 - NoiseMargin) / NoiseMargin * Math.Exp((1 - Margin - NoiseMargin) - (Math.Pow(1 - Margin, 2) - NoiseMargin * NoiseMargin) / 2), evaluationsBesides: 1);

    /// <summary>v = ((2t − 1) x − ν)/(2t² − 2t + 1) = (t − 1) x/(2t² − 2t + 1), whose integral is −π/4.</summary>
    [Fact]
    public void V_prediction() => Carries(PredictionKind.VPrediction, Math.Exp(-Math.PI / 4), evaluationsBesides: 0);

    [Theory, InlineData("euler"), InlineData("dpm++2m"), InlineData("unipc3"), InlineData("rk4")]
    public void Fixed_steps_from_end_to_end_stay_finite(string method)
    {
        foreach (PredictionKind kind in Enum.GetValues<PredictionKind>())
        {
            using FlowModel model = Open(kind);
            SampleBatch batch = model.Sample(4, new SamplingOptions { Solver = new FixedSteps(SolverMethod.Named(method), 10) });
            Assert.Equal(0, batch.Failed);
        }
    }

    [Fact]
    public void A_stochastic_method_is_refused_where_noise_and_data_were_coupled()
    {
        using var folder = new TemporaryFolder();
        string path = TinyModel.Write(folder, "model.onnx", TinyModel.TimesTime(),
            TinyModel.Card with { Path = new(PathKind.ConditionalOt, Coupling: CouplingKind.OptimalTransport) });
        using FlowModel model = FlowModel.Open(path);
        string message = Assert.Throws<ArgumentException>(() => model.Sample(1, new SamplingOptions { Solver = new FixedSteps(StochasticMethod.EulerMaruyama(), 5) })).Message;
        Assert.Contains("score", message);
        Assert.Contains("OptimalTransport", message);
    }

    private static void Carries(PredictionKind kind, double by, int evaluationsBesides)
    {
        using FlowModel model = Open(kind);
        SampleBatch batch = model.Sample(20, Exact).EnsureSuccess();
        Span<float> noise = stackalloc float[2];
        for (int i = 0; i < 20; i++)
        {
            Sampling.Noise.Fill(3, i, noise);
            for (int j = 0; j < 2; j++)
                Assert.Equal(1, batch[i][j] / (by * noise[j]), 1e-3);
            // Bosh3 asks three times a step, and twice for the first one's size; the finish once.
            Assert.Equal(evaluationsBesides, (batch.Evaluations[i] - 2) % 3);
        }
        Assert.Equal(batch.Evaluations.Sum(n => (long)n), batch.Statistics.Evaluations);
    }

    private static FlowModel Open(PredictionKind kind)
    {
        using var folder = new TemporaryFolder();
        return FlowModel.Open(TinyModel.Write(folder, "model.onnx", TinyModel.TimesTime(), TinyModel.Card with { Prediction = new(kind) }));
    }
}
