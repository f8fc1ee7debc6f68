using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Onnx;

namespace FlowRuntime.Training.Tests;

public sealed class OracleNetworkTests : IDisposable
{
    private static readonly GaussianMixture Mixture = new(2, [2, 0, -1, 1.5, -1, -2], [0.5, 0.3, 0.8], [1, 2, 0.5]);

    private readonly string _folder = Directory.CreateTempSubdirectory("flow-oracle").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<PathKind> Kinds =>
        [PathKind.ConditionalOt, PathKind.VariancePreserving, PathKind.VarianceExploding, PathKind.Cosine, PathKind.IndependentPairs, PathKind.SchrodingerBridge];

    /// <summary>The exported graph against the field in double precision, all through the path.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void The_exported_oracle_is_the_oracle(PathKind kind)
    {
        PathCard card = Card(kind);
        using FlowModel model = Exported(Mixture, card);
        ProbabilityPath path = ProbabilityPath.Of(card);
        const int Rows = 200;
        var buffers = new EvaluationBuffers(Rows, 2, outputs: 1);
        using IVelocityEvaluator evaluator = model.Field.CreateEvaluator(buffers);
        double[] z = new double[2], exact = new double[2];
        for (int row = 0; row < Rows; row++)
        {
            double t = model.Start + (model.End - model.Start) * (row + 0.5) / Rows;
            PathCoefficients at = path.At(t);
            Noise.Fill(1, row, buffers.States[row]);
            foreach (ref float value in buffers.States[row])
                value *= (float)Math.Sqrt(at.Deviation * at.Deviation + 4 * at.Alpha * at.Alpha);
            buffers.Times[row] = (float)t; // the graph is fed single precision
        }
        evaluator.Evaluate(0, Rows, output: 0);
        for (int row = 0; row < Rows; row++)
        {
            Mixture.Velocity(path.At(buffers.Times[row]), buffers.States[row], exact);
            double size = 1 + Math.Sqrt(exact[0] * exact[0] + exact[1] * exact[1]);
            for (int j = 0; j < 2; j++)
                Assert.Equal(exact[j] / size, buffers.Velocities[0][row][j] / size, 5e-5);
        }
    }

    [Fact]
    public void Finite_data_come_back_from_the_exported_oracle()
    {
        float[] rows = [1, 2, -1, 0, 0.5f, -2];
        using FlowModel model = Exported(GaussianMixture.OfRows(2, rows), new PathCard(PathKind.ConditionalOt, SigmaMin: 0.01));
        SampleBatch batch = model.Sample(40, new SamplingOptions { Seed = 1 }).EnsureSuccess();
        for (int i = 0; i < 40; i++)
            Assert.Contains(Enumerable.Range(0, 3), k => Math.Abs(batch[i][0] - rows[2 * k]) < 0.06 && Math.Abs(batch[i][1] - rows[2 * k + 1]) < 0.06);
    }

    [Fact]
    public void A_table_is_refused() =>
        Assert.Contains("table", Assert.Throws<ArgumentException>(() => new OracleNetwork(Mixture, new PathCard(PathKind.Tabulated, AlphaBar: [0.9, 0.1]))).Message);

    private static PathCard Card(PathKind kind) => kind switch
    {
        PathKind.ConditionalOt => new(kind, SigmaMin: 0.05),
        PathKind.VarianceExploding => new(kind, SigmaMin: 0.1, SigmaMax: 10),
        PathKind.IndependentPairs => new(kind, Noise: 0.2),
        PathKind.SchrodingerBridge => new(kind, Noise: 0.8, Start: ProbabilityPath.EndMargin, End: 1 - ProbabilityPath.EndMargin),
        _ => new(kind),
    };

    private FlowModel Exported(GaussianMixture data, PathCard path)
    {
        string file = Path.Combine(_folder, "oracle.onnx");
        using OracleNetwork network = Trainer.Seeded(0, () => new OracleNetwork(data, path));
        OnnxExporter.Export(network, new FlowCard(
            FlowCard.CurrentFormat, new PredictionCard(PredictionKind.Velocity), path, new SampleCard([data.Dimension]), OnnxExporter.Inputs, OnnxExporter.Outputs), file);
        return FlowModel.Open(file);
    }
}
