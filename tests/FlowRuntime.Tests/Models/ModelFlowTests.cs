using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>
/// What a card says is what is solved: ONNX models whose flow is known. v = τ x carries x(0) to x(0) exp(∫ τ dt), with τ
/// the time as the network is fed it.
/// </summary>
public class ModelFlowTests
{
    private static readonly SamplingOptions Exact = new() { Seed = 3, Solver = new AdaptiveSteps { RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-6 } };

    [Fact]
    public void Time_is_fed_as_it_is_where_the_card_says_nothing() => Grows(TinyModel.Card, by: Math.Exp(0.5));

    [Fact]
    public void Time_counted_from_the_data_is_fed_as_1_minus_t() =>
        // ∫ 3 (1 − t) dt from 0 to 0.5 is 1.125; fed from the noise it would be 0.375.
        Grows(TinyModel.Card with { Time = new(TimeOrigin.Data, Scale: 3), Path = new(PathKind.ConditionalOt, End: 0.5) }, by: Math.Exp(1.125));

    [Fact]
    public void Time_is_fed_times_its_scale() => Grows(TinyModel.Card with { Time = new(Scale: 4) }, by: Math.Exp(2));

    [Fact]
    public void A_negative_prediction_is_turned() => Grows(TinyModel.Card with { Prediction = new(PredictionKind.Velocity, Sign: -1) }, by: Math.Exp(-0.5));

    [Fact]
    public void The_solve_runs_over_the_trained_times_alone_from_the_paths_noise_there() =>
        Grows(TinyModel.Card with { Path = new(PathKind.ConditionalOt, Start: 0.2, End: 0.6) }, by: Math.Exp((0.36 - 0.04) / 2), prior: noise => 0.8 * noise);

    [Fact]
    public void A_solve_that_starts_inside_the_path_knows_the_datas_mean_and_scale() =>
        // At t = 0.2 on the linear path N(m, S²) data have reached N(0.2 m, 0.2² S² + 0.8²).
        Grows(
            TinyModel.Card with { Path = new(PathKind.ConditionalOt, Start: 0.2), Data = new(Mean: [10], Scale: [3]) },
            by: Math.Exp((1 - 0.04) / 2), prior: noise => 2 + noise); // √(0.36 + 0.64) = 1

    [Fact]
    public void The_prior_is_its_mean_plus_its_scale_times_the_noise() =>
        Grows(TinyModel.Card with { Prior = new(Mean: 5, Scale: 0.5) }, by: Math.Exp(0.5), prior: noise => 5 + 0.5 * noise);

    [Fact]
    public void Samples_come_in_the_datas_own_units()
    {
        FlowCard card = TinyModel.Card with { Data = new(Columns: new(["a", "b"], [100, -100], [2, 3])) };
        using FlowModel model = Open(TinyModel.TimesTime(), card);
        SampleBatch batch = model.Sample(20, Exact).EnsureSuccess();
        for (int i = 0; i < 20; i++)
        {
            float[] noise = NoiseOf(i);
            Assert.Equal(100 + 2 * Math.Exp(0.5) * noise[0], batch[i][0], 1e-4);
            Assert.Equal(-100 + 3 * Math.Exp(0.5) * noise[1], batch[i][1], 1e-4);
        }
    }

    [Fact]
    public void Labels_are_taken_in_turn_by_the_index_of_the_sample()
    {
        using FlowModel model = Open(TinyModel.TimesTimePlusTable(1, 2, 30, 40, 500, 600), TinyModel.ClassesCard);
        // Few slots, and labels that cost other numbers of steps: rows move, and new samples come in behind others.
        SampleBatch batch = model.Sample(40, Exact with { Labels = [1, 0, 1], First = 7, Slots = 3 }).EnsureSuccess();
        Assert.True(batch.Accepted.Distinct().Count() > 1);
        int[] labels = [1, 0, 1];
        for (int i = 0; i < 40; i++)
        {
            float[] row = labels[(7 + i) % 3] == 0 ? [1, 2] : [30, 40];
            IsFlowOf(row, NoiseOf(7 + i), batch[i]);
        }
    }

    [Fact]
    public void Without_labels_the_null_class_is_fed()
    {
        using FlowModel model = Open(TinyModel.TimesTimePlusTable(1, 2, 30, 40, 500, 600), TinyModel.ClassesCard);
        SampleBatch batch = model.Sample(5, Exact).EnsureSuccess();
        for (int i = 0; i < 5; i++)
            IsFlowOf([500, 600], NoiseOf(i), batch[i]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2.5)]
    public void Guidance_moves_from_the_null_class_towards_the_label_and_beyond(double guidance)
    {
        using FlowModel model = Open(TinyModel.TimesTimePlusTable(1, 2, 30, 40, 5, 6), TinyModel.ClassesCard);
        SampleBatch batch = model.Sample(5, Exact with { Labels = [1], Guidance = guidance }).EnsureSuccess();
        for (int i = 0; i < 5; i++)
            IsFlowOf([(float)(5 + guidance * (30 - 5)), (float)(6 + guidance * (40 - 6))], NoiseOf(i), batch[i]);
    }

    [Fact]
    public void A_divergence_output_is_the_divergence_of_each_row()
    {
        using FlowModel model = Open(TinyModel.TimesTime(), TinyModel.Card with { Outputs = new("v", "divergence") });
        var buffers = new EvaluationBuffers(5, 2, outputs: 2, withDivergence: true);
        using IVelocityEvaluator evaluator = model.Field.CreateEvaluator(buffers);
        for (int row = 0; row < 5; row++)
            buffers.Times[row] = 0.1 * row;
        evaluator.Evaluate(0, 3, output: 1);
        evaluator.Evaluate(3, 2, output: 1);
        for (int row = 0; row < 5; row++)
            Assert.Equal(0.2 * row, buffers.Divergences![1][row][0], 1e-6); // ∇·(t x) = 2 t in the plane
    }

    [Fact]
    public void A_divergence_that_the_model_does_not_have_is_refused()
    {
        using FlowModel model = Open(TinyModel.TimesTime(), TinyModel.Card);
        Assert.Throws<NotSupportedException>(() => model.Field.CreateEvaluator(new EvaluationBuffers(1, 2, outputs: 1, withDivergence: true)));
    }

    private static void Grows(FlowCard card, double by, Func<double, double>? prior = null)
    {
        using FlowModel model = Open(TinyModel.TimesTime(), card);
        SampleBatch batch = model.Sample(20, Exact).EnsureSuccess();
        Assert.All(batch.Times, t => Assert.Equal(card.Path.End, t));
        for (int i = 0; i < 20; i++)
        {
            float[] noise = NoiseOf(i);
            for (int j = 0; j < 2; j++)
                Assert.Equal(by * (prior?.Invoke(noise[j]) ?? noise[j]), batch[i][j], 5e-5);
        }
    }

    /// <summary>dx/dt = t x + b carries x(0) to √e (x(0) + b ∫ exp(−t²/2) dt), and the integral from 0 to 1 is 0.8556243918921488.</summary>
    private static void IsFlowOf(float[] row, float[] noise, ReadOnlySpan<float> sample)
    {
        for (int j = 0; j < 2; j++)
        {
            double expected = Math.Exp(0.5) * (noise[j] + 0.8556243918921488 * row[j]);
            Assert.Equal(1, sample[j] / expected, 2e-5);
        }
    }

    private static float[] NoiseOf(long index)
    {
        float[] noise = new float[2];
        Noise.Fill(seed: 3, index, noise);
        return noise;
    }

    private static FlowModel Open(byte[] model, FlowCard card)
    {
        using var folder = new TemporaryFolder();
        return FlowModel.Open(TinyModel.Write(folder, "model.onnx", model, card));
    }
}
