using FlowRuntime.Fields;

namespace FlowRuntime.Tests;

/// <summary>A cancelled token ends the call of the network that is under way: here one that would never end by itself.</summary>
public class CancellationTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(100);

    [Theory(Timeout = 60_000), InlineData(1), InlineData(2)]
    public async Task A_solve_is_cancelled_within_a_call(int workers)
    {
        using FlowModel model = Endless();
        using var source = new CancellationTokenSource(Soon);
        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.Run(
            () => model.Sample(20, new SamplingOptions { Workers = workers }, cancellationToken: source.Token), TestContext.Current.CancellationToken));
        Assert.Equal(source.Token, error.CancellationToken);
    }

    [Fact(Timeout = 60_000)]
    public async Task An_evaluator_goes_on_with_another_token()
    {
        using FlowModel model = Endless();
        var buffers = new EvaluationBuffers(2, 2, outputs: 1);
        using IVelocityEvaluator evaluator = model.Field.CreateEvaluator(buffers);
        for (int i = 0; i < 3; i++)
        {
            using var source = new CancellationTokenSource(Soon);
            var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.Run(
                () => evaluator.Evaluate(0, 1, output: 0, source.Token), TestContext.Current.CancellationToken));
            Assert.Equal(source.Token, error.CancellationToken);
        }
    }

    private static FlowModel Endless()
    {
        using var folder = new TemporaryFolder();
        return FlowModel.Open(TinyModel.Write(folder, "endless.onnx", TinyModel.Endless, TinyModel.Card), new FlowModelOptions { Threads = 1 });
    }
}
