using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using TorchSharp;
using static TorchSharp.torch;

namespace FlowRuntime.Training;

/// <summary>
/// The loss of a network on a batch and its gradient. Where there are threads, the rows go through the network in two halves at once, each with half
/// of the threads: torch divides single operations among its threads and waits after each; two halves wait once a step.
/// </summary>
/// <remarks>
/// Both halves add to the same gradients, torch one after the other. A sum of two numbers does not depend on their order, so that the gradient does not
/// either; of three it would.
/// </remarks>
internal sealed class BatchGradient : IDisposable
{
    private const int Spins = 2_047; // the most there are: a thread that sleeps takes longer to wake than a small network to compute

    private readonly BatchTensors[] _parts;
    private readonly double[] _shares;
    private readonly int _threads; // of a part
    private readonly ManualResetEventSlim _begin = new(false, Spins), _done = new(false, Spins);
    private TrainingBatch? _batch; // of the second half; null ends its thread
    private double _loss;
    private Exception? _failure;
    private readonly Thread? _second;

    /// <param name="network">The network; its gradients are there and are added to.</param>
    /// <param name="rows">Rows of a batch.</param>
    /// <param name="weighted">Whether rows have weights.</param>
    /// <param name="threads">Threads in all.</param>
    /// <param name="device">Where the network lies.</param>
    /// <param name="precision">The numbers that are computed in.</param>
    public BatchGradient(VelocityNetwork network, int rows, bool weighted, int threads, Device device, TrainingPrecision precision)
    {
        int second = threads > 1 && device.type == DeviceType.CPU ? rows / 2 : 0, first = rows - second;
        _threads = second > 0 ? threads / 2 : threads;
        _parts = second > 0
            ? [new BatchTensors(network, 0, first, weighted, device, precision), new BatchTensors(network, first, second, weighted, device, precision)]
            : [new BatchTensors(network, 0, rows, weighted, device, precision)];
        _shares = [(double)first / rows, (double)second / rows];
        if (second > 0)
        {
            _second = new Thread(AddSecond) { IsBackground = true, Name = "second half of a batch" };
            _second.Start();
        }
    }

    /// <summary>Adds a batch's gradient to the network's.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="endPhase">Told when a part of the work is done, on the calling thread.</param>
    /// <returns>The mean loss of the rows.</returns>
    public double Add(TrainingBatch batch, Action<TrainingPhase> endPhase)
    {
        if (_second is null)
            return Add(0, batch, endPhase);
        _batch = batch;
        _begin.Set();
        double first;
        try
        {
            first = Add(0, batch, endPhase);
        }
        finally
        {
            _done.Wait(); // nothing of this step goes on after it
            _done.Reset();
        }
        endPhase(TrainingPhase.Backward);
        return _failure is null ? first + _loss : throw new InvalidOperationException(_failure.Message, _failure);
    }

    public void Dispose()
    {
        _batch = null;
        _begin.Set();
        _second?.Join();
        foreach (BatchTensors part in _parts)
            part.Dispose();
        _begin.Dispose();
        _done.Dispose();
    }

    private void AddSecond()
    {
        while (true)
        {
            _begin.Wait();
            _begin.Reset();
            if (_batch is null)
                return;
            try
            {
                _loss = Add(1, _batch, _ => { });
            }
            catch (Exception e)
            {
                _failure = e;
            }
            _done.Set();
        }
    }

    private double Add(int part, TrainingBatch batch, Action<TrainingPhase> endPhase)
    {
        using var scope = NewDisposeScope(); // of this thread
        set_num_threads(_threads); // of this thread, too
        _parts[part].Fill(batch);
        Tensor loss = _parts[part].Loss();
        if (_parts.Length > 1)
        {
            using Scalar share = _shares[part].ToScalar();
            loss = loss.mul(share);
        }
        endPhase(TrainingPhase.Forward);
        loss.backward();
        double value = loss.item<float>();
        endPhase(TrainingPhase.Backward);
        return value;
    }
}
