using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Likelihood;
using FlowRuntime.Ode;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Onnx;

namespace FlowRuntime.Training.Tests;

/// <summary>Exact fields of Gaussians and mixtures, exported with their divergence and asked through ONNX, against the densities in closed form.</summary>
public sealed class OracleLikelihoodTests : IDisposable
{
    private static readonly GaussianMixture One = new(2, [1, -0.5], [0.7]);
    private static readonly GaussianMixture Three = new(2, [2, 0, -1, 1.5, -1, -2], [0.5, 0.4, 0.8], [1, 2, 0.5]);
    private static readonly AdaptiveSteps Tight = new() { Method = ButcherTableau.Dopri5, RelativeTolerance = 1e-7, AbsoluteTolerance = 1e-7 };

    private readonly string _folder = Directory.CreateTempSubdirectory("flow-oracle").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(PathKind.ConditionalOt, false)]
    [InlineData(PathKind.ConditionalOt, true)]
    [InlineData(PathKind.Cosine, true)]
    public void The_log_density_is_the_closed_form(PathKind kind, bool mixture)
    {
        GaussianMixture data = mixture ? Three : One;
        using FlowModel model = Exported(data, kind, DivergenceKind.Exact);
        float[] points = Points(data, 200);
        LikelihoodBatch batch = model.LogLikelihood(points, new LikelihoodOptions { Solver = Tight }).EnsureSuccess();
        PathCoefficients end = ProbabilityPath.Of(new PathCard(kind)).At(1);
        double[] ignored = new double[2];
        for (int i = 0; i < 200; i++)
            Assert.Equal(data.Velocity(end, points.AsSpan(2 * i, 2), ignored), batch.LogDensities[i], 1e-4);
    }

    /// <summary>The mean over K probes lies within four standard errors of the exact value for every one of the points (1 in 16,000 would not, by chance).</summary>
    [Fact]
    public void The_estimate_is_unbiased()
    {
        using FlowModel exact = Exported(Three, PathKind.ConditionalOt, DivergenceKind.Exact), estimate = Exported(Three, PathKind.ConditionalOt, DivergenceKind.Hutchinson);
        float[] points = Points(Three, 20);
        double[] expected = exact.LogLikelihood(points, new LikelihoodOptions { Solver = Tight }).EnsureSuccess().LogDensities;
        LikelihoodBatch batch = estimate.LogLikelihood(points, new LikelihoodOptions { Probes = 256, Seed = 3 }).EnsureSuccess();
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(expected[i], batch.LogDensities[i], 4 * batch.StandardErrors![i] + 1e-3);
            Assert.True(batch.StandardErrors[i] > 1e-4); // an estimate, and no exact value
        }
    }

    [Theory, InlineData(DivergenceKind.Exact), InlineData(DivergenceKind.Hutchinson)]
    public void A_sample_has_the_density_it_was_drawn_with(DivergenceKind divergence)
    {
        using FlowModel model = Exported(Three, PathKind.ConditionalOt, divergence);
        SampleBatch drawn = model.Sample(100, new SamplingOptions { Seed = 6, LogDensity = true, Solver = Tight }).EnsureSuccess();
        double[] back = model.LogLikelihood(drawn.Values, new LikelihoodOptions { Seed = 6, Solver = Tight }).EnsureSuccess().LogDensities;
        for (int i = 0; i < 100; i++)
            Assert.Equal(drawn.LogDensities![i], back[i], 1e-4);
    }

    [Fact]
    public void The_density_integrates_to_1()
    {
        using FlowModel model = Exported(Three, PathKind.ConditionalOt, DivergenceKind.Exact);
        const int N = 64;
        const double Low = -7, Width = 14.0 / N;
        float[] grid = [.. Enumerable.Range(0, N * N).SelectMany(i => new[] { (float)(Low + (i / N + 0.5) * Width), (float)(Low + (i % N + 0.5) * Width) })];
        double sum = model.LogLikelihood(grid).EnsureSuccess().LogDensities.Sum(Math.Exp);
        Assert.Equal(1, sum * Width * Width, 2e-3);
    }

    private static float[] Points(GaussianMixture data, int count)
    {
        var points = new float[2 * count];
        Span<float> noise = stackalloc float[2];
        for (int i = 0; i < count; i++)
        {
            Noise.Fill(11, i, noise);
            data.Draw((i + 0.5) / count, noise, points.AsSpan(2 * i, 2));
        }
        return points;
    }

    private FlowModel Exported(GaussianMixture data, PathKind kind, DivergenceKind divergence)
    {
        string file = Path.Combine(_folder, $"{divergence}.onnx");
        using OracleNetwork network = Trainer.Seeded(0, () => new OracleNetwork(data, new PathCard(kind)));
        OnnxExporter.Export(network, new FlowCard(
            FlowCard.CurrentFormat, new PredictionCard(PredictionKind.Velocity), new PathCard(kind), new SampleCard([2]), OnnxExporter.Inputs, OnnxExporter.Outputs), file, divergence);
        return FlowModel.Open(file);
    }
}
