using System.Runtime.CompilerServices;
using System.Threading.Channels;
using FlowRuntime.Sampling;

namespace FlowRuntime;

public sealed partial class FlowModel
{
    /// <summary>Samples of an asynchronous stream that wait for their consumer; more make the solve wait.</summary>
    private const int WaitingSamples = 16;

    /// <summary>Draws samples without blocking the caller; see <see cref="Sample"/>.</summary>
    /// <param name="count">Number of samples, at least 1.</param>
    /// <param name="options">What to sample and how. Default: <see cref="Defaults"/>, without a class and so without guidance.</param>
    /// <param name="progress">Told after each step in which samples finished, from the threads that solve.</param>
    /// <param name="cancellationToken">Ends the solve, also within a network call.</param>
    /// <exception cref="ArgumentException">As for <see cref="Sample"/>.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed, before or during the solve.</exception>
    public Task<SampleBatch> SampleAsync(
        int count, SamplingOptions? options = null, IProgress<SamplingProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Task.Run(() => Sample(count, options, progress, cancellationToken), cancellationToken);

    /// <summary>
    /// Draws samples and gives each when it is done. The solve waits for a consumer that is slow, and ends where the enumeration is left early; memory does not grow with the number of samples.
    /// </summary>
    /// <param name="count">Number of samples, at least 1.</param>
    /// <param name="options">What to sample and how. Default: <see cref="Defaults"/>, without a class and so without guidance.</param>
    /// <param name="order">As they finish, or by index.</param>
    /// <param name="cancellationToken">Ends the solve, also within a network call.</param>
    /// <exception cref="ArgumentException">As for <see cref="Sample"/>, when the first sample is asked for.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed, before or during the solve.</exception>
    public async IAsyncEnumerable<DrawnSample> StreamAsync(
        long count, SamplingOptions? options = null, SampleOrder order = SampleOrder.Completion, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var channel = Channel.CreateBounded<DrawnSample>(new BoundedChannelOptions(WaitingSamples) { SingleReader = true });
        void Hand(in FinishedSample sample)
        {
            var drawn = new DrawnSample(sample);
            while (!channel.Writer.TryWrite(drawn))
                channel.Writer.WaitToWriteAsync(leave.Token).AsTask().GetAwaiter().GetResult();
        }
        Task solve = Task.Run(
            () =>
            {
                try
                {
                    Stream(count, Hand, options, order, cancellationToken: leave.Token);
                    channel.Writer.Complete();
                }
                catch (Exception e)
                {
                    // The caller knows its own token, not the one that also ends where it leaves.
                    channel.Writer.Complete(cancellationToken.IsCancellationRequested ? new OperationCanceledException(cancellationToken) : e);
                }
            },
            CancellationToken.None);
        try
        {
            await foreach (DrawnSample sample in channel.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
                yield return sample;
        }
        finally
        {
            await leave.CancelAsync().ConfigureAwait(false);
            await solve.ConfigureAwait(false);
        }
    }

    /// <summary>Calls the network once, so that the first sample is not the one that waits for what ONNX Runtime prepares at a first call.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public void WarmUp(CancellationToken cancellationToken = default)
    {
        var buffers = new Fields.EvaluationBuffers(1, Field.Dimension, outputs: 1);
        using Fields.IVelocityEvaluator evaluator = Network.CreateEvaluator(buffers);
        buffers.Times[0] = Start;
        evaluator.Evaluate(0, 1, output: 0, cancellationToken);
    }
}
