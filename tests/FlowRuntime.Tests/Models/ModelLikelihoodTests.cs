using FlowRuntime.Cards;
using FlowRuntime.Likelihood;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>The log-density under ONNX models whose flow is known.</summary>
public class ModelLikelihoodTests
{
    private static readonly FlowCard Card = TinyModel.Card with { Outputs = new("v", "divergence") };

    /// <summary>v = t x carries N(m, s² I) to N(√e m, e s² I); in the data's units x' = mean + scale · x.</summary>
    [Fact]
    public void The_density_is_that_of_the_cards_prior_in_the_datas_own_units()
    {
        using FlowModel model = Open(TinyModel.TimesTime(), Card with
        {
            Prior = new(Mean: 0.5, Scale: 0.7),
            Data = new(Columns: new(["a", "b"], [100, -100], [2, 3])),
        });
        float[] data = [101, -99, 98.5f, -104];
        LikelihoodBatch batch = model.LogLikelihood(data).EnsureSuccess();
        double root = Math.Exp(0.5);
        for (int i = 0; i < 2; i++)
        {
            double expected = LogNormal(data[2 * i], 100 + 2 * root * 0.5, 2 * root * 0.7) + LogNormal(data[2 * i + 1], -100 + 3 * root * 0.5, 3 * root * 0.7);
            Assert.Equal(expected, batch.LogDensities[i], 1e-4);
            Assert.Equal(-expected / (2 * Math.Log(2)), batch.BitsPerDimension[i], 1e-4);
        }
    }

    [Fact]
    public void The_density_in_the_datas_units_integrates_to_1()
    {
        using FlowModel model = Open(TinyModel.Symmetric(0.3f, -0.5f, probe: false, column: true), Card with
        {
            Data = new(Columns: new(["a", "b"], [10, -10], [2, 0.25])),
        });
        const int n = 48;
        var data = new float[2 * n * n];
        double a = 2 * 12.0 * 2 / n, b = 0.25 * 12.0 * 2 / n; // a grid of ±12 scales; the standard deviation is at most e^0.8
        for (int i = 0; i < n * n; i++)
            (data[2 * i], data[2 * i + 1]) = ((float)(10 - 24 + (i / n + 0.5) * a), (float)(-10 - 3 + (i % n + 0.5) * b));
        double sum = model.LogLikelihood(data).EnsureSuccess().LogDensities.Sum(Math.Exp);
        Assert.Equal(1, sum * a * b, 1e-3);
    }

    /// <summary>x(0) = x exp(−M) with eigenvalues a ± b; ∫ ∇·v = 2a exactly, and 2a ± 2b with a probe whose signs agree or not.</summary>
    [Theory, InlineData(false, false), InlineData(false, true), InlineData(true, false), InlineData(true, true)]
    public void A_linear_flow_has_its_density_with_either_form_and_shape_of_divergence(bool probe, bool column)
    {
        const float a = 0.3f, b = -0.5f;
        FlowCard card = probe ? Card with { Inputs = new("t", "x", "e") } : Card;
        using FlowModel model = Open(TinyModel.Symmetric(a, b, probe, column), card);
        float[] data = new float[2 * 40];
        Noise.Fill(seed: 2, index: 0, data);
        LikelihoodBatch batch = model.LogLikelihood(data, new LikelihoodOptions { Slots = 7 }).EnsureSuccess();
        int agreed = 0;
        for (int i = 0; i < 40; i++)
        {
            double x = data[2 * i], y = data[2 * i + 1], shrink = Math.Exp(-a);
            double first = shrink * (Math.Cosh(b) * x - Math.Sinh(b) * y), second = shrink * (Math.Cosh(b) * y - Math.Sinh(b) * x);
            Assert.Equal(first, batch.Latent(i)[0], 1e-4);
            Assert.Equal(second, batch.Latent(i)[1], 1e-4);
            double integral = LogNormal(first, 0, 1) + LogNormal(second, 0, 1) - batch.LogDensities[i];
            agreed += integral < 2 * a ? 1 : 0;
            Assert.Equal(probe ? 2 * a + Math.CopySign(2 * b, integral - 2 * a) : 2 * a, integral, 3e-4);
        }
        if (probe) // b < 0: signs that agree lower the estimate; each is as likely
            Assert.InRange(agreed, 8, 32);
        Assert.Equal(0, model.Sample(4).Failed); // and is sampled as other models are
    }

    [Fact]
    public void Images_of_levels_are_dequantised_by_their_index_so_that_parts_are_the_whole()
    {
        byte[] graph = TinyModel.TimesTime(state: new("x", TinyModel.Float, -1, 1, 1, 2), velocity: new("v", TinyModel.Float, -1, 1, 1, 2));
        using FlowModel model = Open(graph, Card with { Sample = new([1, 1, 2]), Data = new(Image: new(-1, 1)) });
        float[] data = [0, 0.25f, 0.5f, 0.5f, 1, 0.75f];
        var options = new LikelihoodOptions { Levels = 5, Seed = 3, Slots = 1 }; // one row at a time the graph takes any shape
        double[] whole = model.LogLikelihood(data, options).EnsureSuccess().LogDensities;
        Assert.Equal(whole[1..], model.LogLikelihood(data.AsSpan(2), options with { First = 1 }).LogDensities);
        Assert.NotEqual(whole[1..], model.LogLikelihood(data.AsSpan(2), options).LogDensities);
    }

    [Fact]
    public void Probes_are_counted_for_an_estimate_alone()
    {
        var four = new LikelihoodOptions { Probes = 4 };
        using FlowModel exact = Open(TinyModel.Symmetric(0.3f, -0.5f, probe: false, column: false), Card);
        using FlowModel estimate = Open(TinyModel.Symmetric(0.3f, -0.5f, probe: true, column: false), Card with { Inputs = new("t", "x", "e") });
        Assert.Null(exact.LogLikelihood([1, 2], four).StandardErrors);
        Assert.NotNull(estimate.LogLikelihood([1, 2], four).StandardErrors);
    }

    /// <summary>
    /// ν = t x on the linear path is v = ((2t − 1) x − ν)/(2t² − 2t + 1) = (t − 1) x/(2t² − 2t + 1), whose integral up to ½ is
    /// −log(2)/4 − π/8: N(0, I) is carried to the square of its exponential. Up to 1 the share of x itself would cancel out.
    /// </summary>
    [Fact]
    public void A_prediction_has_the_density_of_its_velocity()
    {
        using FlowModel model = Open(TinyModel.TimesTime(), Card with { Prediction = new(PredictionKind.VPrediction), Path = new(PathKind.ConditionalOt, End: 0.5) });
        LikelihoodBatch batch = model.LogLikelihood([0.2f, -0.5f]).EnsureSuccess();
        double deviation = Math.Exp(-Math.Log(2) / 4 - Math.PI / 8);
        Assert.Equal(LogNormal(0.2f, 0, deviation) + LogNormal(-0.5f, 0, deviation), batch.LogDensities[0], 1e-4);
    }

    /// <summary>Bytes: −log2 of the density of [0, 1] at (k + u)/256, and 8 bits more for the width of a level.</summary>
    [Fact]
    public void Levels_are_dequantised_within_their_own_interval()
    {
        FlowCard card = Card with { Sample = new([1, 1, 2]), Data = new(Image: new(-1, 1)) };
        byte[] graph = TinyModel.TimesTime(state: new("x", TinyModel.Float, -1, 1, 1, 2), velocity: new("v", TinyModel.Float, -1, 1, 1, 2));
        // The graph multiplies rows by a column of times: one row at a time it takes any shape.
        using FlowModel model = Open(graph, card);
        const int level = 200;
        var options = new LikelihoodOptions { Levels = 256, Slots = 1 };
        LikelihoodBatch batch = model.LogLikelihood([level / 255f, level / 255f], options).EnsureSuccess();
        LikelihoodBatch again = model.LogLikelihood([level / 255f, level / 255f], options with { Seed = 1 }).EnsureSuccess();
        Assert.NotEqual(batch.LogDensities, again.LogDensities);
        double Bits(double x) => -(LogNormal(-1 + 2 * x, 0, Math.Exp(0.5)) + Math.Log(2)) / Math.Log(2) + 8;
        Assert.InRange(batch.BitsPerDimension[0], Bits(level / 256.0) - 1e-4, Bits((level + 1) / 256.0) + 1e-4);
        Assert.Equal(-batch.LogDensities[0] / (2 * Math.Log(2)) + 8, batch.BitsPerDimension[0], 1e-9);
    }

    [Fact]
    public void What_does_not_fit_the_model_is_refused()
    {
        using FlowModel without = Open(TinyModel.TimesTime(), TinyModel.Card), model = Open(TinyModel.TimesTime(), Card);
        Assert.Contains("divergence", Assert.Throws<NotSupportedException>(() => without.LogLikelihood([1, 2])).Message);
        Assert.Contains("3 numbers", Assert.Throws<ArgumentException>(() => model.LogLikelihood([1, 2, 3])).Message);
        Assert.Contains("Levels", Assert.Throws<ArgumentException>(() => model.LogLikelihood([1, 2], new() { Levels = 256 })).Message);
        Assert.Contains("no classes", Assert.Throws<ArgumentException>(() => model.LogLikelihood([1, 2], new() { Labels = [1] })).Message);
    }

    private static double LogNormal(double x, double mean, double deviation) =>
        -(x - mean) * (x - mean) / (2 * deviation * deviation) - Math.Log(deviation * Math.Sqrt(2 * Math.PI));

    private static FlowModel Open(byte[] model, FlowCard card)
    {
        using var folder = new TemporaryFolder();
        return FlowModel.Open(TinyModel.Write(folder, "model.onnx", model, card));
    }
}
