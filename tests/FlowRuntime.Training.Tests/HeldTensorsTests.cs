using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Training.Checkpoints;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Evaluation;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using FlowRuntime.Training.Onnx;
using FlowRuntime.Training.Tests.Networks;
using TorchSharp;

namespace FlowRuntime.Training.Tests;

/// <summary>The library makes every tensor in a dispose scope of its own, since one that nothing holds may be collected while a call reads it. Its callers need none.</summary>
public sealed class HeldTensorsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flow-held").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string> Kinds => [.. NetworkSizes.Kinds];

    [Theory, MemberData(nameof(Kinds))]
    public void A_networks_making_is_held(string kind) => Assert.Equal(0, MadeOutsideScopes(() => Trainer.Seeded(0, () => NetworkSizes.Options(kind).Make(NetworkSizes.Image, 3, vectorLength: 2)).Dispose()));

    [Fact]
    public void An_oracles_and_a_classifiers_making_is_held() => Assert.Equal(0, MadeOutsideScopes(() =>
    {
        Trainer.Seeded(0, () => new OracleNetwork(new GaussianMixture(2, [0.5, 1, -1, 0], [0.1, 0.2]), new PathCard(PathKind.VariancePreserving))).Dispose();
        Trainer.Seeded(0, () => new ClassifierNetwork([1, 8, 8], 2)).Dispose();
    }));

    [Theory, InlineData(1), InlineData(2)]
    public void A_training_with_all_that_belongs_to_it_is_held(int threads)
    {
        DataSplit data = DataSplit.Of(Digits.Load());
        var options = new TrainingOptions { Steps = 6, BatchSize = 16, WarmupSteps = 2, Threads = threads, MoreEmaDecays = [0.5], Accumulation = 2, ValidateEvery = 3, CheckpointEvery = 2 };
        string model = Path.Combine(_folder, "model.onnx");
        Assert.Equal(0, MadeOutsideScopes(() =>
        {
            using VelocityNetwork network = Trainer.Seeded(0, () => NetworkSizes.Options("unet").Make(data.Train.Shape, data.Train.ClassNames!.Count));
            var checkpoints = new CheckpointFolder(Path.Combine(_folder, "checkpoints"));
            using (var run = new TrainingRun(network, new ConditionalFlowMatching(data.Train, new FlowMatchingOptions(), seed: 0), options, data.HeldOut, checkpoints))
                run.Run(_ => { });
            OnnxExporter.Export(network, OnnxExporter.CardOf(data.Train, new PathCard(PathKind.ConditionalOt)), model, precision: WeightPrecision.Float16);
        }));
        Assert.True(File.Exists(model));
    }

    [Fact]
    public void A_classifiers_training_is_held() =>
        Assert.Equal(0, MadeOutsideScopes(() => ClassifierTraining.Train(Digits.Load(), Path.Combine(_folder, "classifier.onnx"), steps: 3)));

    [Fact]
    public void What_is_made_without_a_scope_is_counted() => Assert.Equal(2, MadeOutsideScopes(() => torch.zeros(2).reshape(1, 2).Dispose()));

    /// <summary>Number of tensors that work on a thread without a scope makes outside of one.</summary>
    private static long MadeOutsideScopes(Action work)
    {
        long count = 0;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                DisposeScopeManager.Statistics.Reset();
                work();
                count = DisposeScopeManager.Statistics.TensorStatistics.CreatedOutsideScopeCount;
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        return failure is null ? count : throw new InvalidOperationException(failure.Message, failure);
    }
}
