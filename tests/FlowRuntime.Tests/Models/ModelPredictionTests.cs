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

    /// <summary>
    /// With D = t x + c of a class, v = −x + c/(1 − t): to the same noise a sample of c lies t e⁻ᵗ c ∫ eˢ/(1 − s) ds + c beside one of 0. Few slots
    /// make rows move while others go on.
    /// </summary>
    [Fact]
    public void Classes_reach_the_network_of_another_prediction_and_its_finish()
    {
        using var folder = new TemporaryFolder();
        using FlowModel model = FlowModel.Open(TinyModel.Write(folder, "model.onnx", TinyModel.TimesTimePlusTable(0, 0, 1, -2, 0, 0),
            TinyModel.ClassesCard with { Prediction = new(PredictionKind.Data) }));
        SamplingOptions options = Exact with { Slots = 3, Workers = 1 };
        SampleBatch mixed = model.Sample(40, options with { Labels = [0, 1] }).EnsureSuccess();
        SampleBatch left = model.Sample(40, options with { Labels = [0] }).EnsureSuccess(), right = model.Sample(40, options with { Labels = [1] }).EnsureSuccess();
        const double T = 1 - Margin;
        double integral = Simpson(u => Math.Exp(1 - Math.Exp(-u)), -Math.Log(Margin)); // u = −ln(1 − s)
        double apart = T * Math.Exp(-T) * integral + 1;
        for (int i = 0; i < 40; i++)
        {
            Assert.Equal((i % 2 == 0 ? left : right)[i], mixed[i]);
            Assert.Equal(1, (right[i][0] - left[i][0]) / apart, 1e-4);
            Assert.Equal(-2, (right[i][1] - left[i][1]) / apart, 1e-4);
        }
    }

    /// <summary>
    /// A table's first step still holds noise: ᾱ = 0.99 there. With v = t x the last state is √0.99 e^½ times the noise, and the data it speaks of
    /// D = (√ᾱ + 2/(√ᾱ L')) x with L' = 2 ln 99, the slope of the log-SNR.
    /// </summary>
    [Fact]
    public void A_table_ends_with_the_data_that_its_last_state_speaks_of()
    {
        using var folder = new TemporaryFolder();
        using FlowModel model = FlowModel.Open(TinyModel.Write(folder, "model.onnx", TinyModel.TimesTime(),
            TinyModel.Card with { Path = new(PathKind.Tabulated, AlphaBar: [0.99, 0.5, 0.01]) }));
        SampleBatch batch = model.Sample(5, Exact).EnsureSuccess();
        Span<float> noise = stackalloc float[2];
        for (int i = 0; i < 5; i++)
        {
            Sampling.Noise.Fill(3, i, noise);
            for (int j = 0; j < 2; j++)
                Assert.Equal(1, batch[i][j] / ((0.99 + 1 / Math.Log(99)) * Math.Exp(0.5) * noise[j]), 1e-4);
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

    private static double Simpson(Func<double, double> f, double length)
    {
        const int Intervals = 2_000;
        return length / (3 * Intervals) * Enumerable.Range(0, Intervals + 1).Sum(k => (k is 0 or Intervals ? 1 : k % 2 == 1 ? 4 : 2) * f(length * k / Intervals));
    }

    private static FlowModel Open(PredictionKind kind)
    {
        using var folder = new TemporaryFolder();
        return FlowModel.Open(TinyModel.Write(folder, "model.onnx", TinyModel.TimesTime(), TinyModel.Card with { Prediction = new(kind) }));
    }
}
