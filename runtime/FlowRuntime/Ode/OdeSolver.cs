using System.Diagnostics;
using System.Numerics;
using System.Runtime.ExceptionServices;
using FlowRuntime.Sampling;

namespace FlowRuntime.Ode;

/// <summary>
/// Solves an ordinary differential equation for many samples side by side, each with its own time, steps and status.
/// </summary>
/// <remarks>
/// W workers, each a thread with K slots: see <see cref="SlotWorker"/>. Sample i's result depends on its index, the
/// field and the solver's options alone: not on the number of samples, workers or slots, bit for bit.
/// </remarks>
public static class OdeSolver
{
    private const int MostSlots = 1024;
    private const int StateValuesPerWorker = 1 << 18;
    private const int FewestSamplesPerWorker = 16;

    /// <summary>Solves the problem. A sample that fails does so alone, with its own status; nothing is thrown for it.</summary>
    /// <param name="problem">What to solve.</param>
    /// <param name="progress">Told after each step in which samples finished.</param>
    /// <param name="cancellationToken">Ends the solve within one call of the field.</param>
    /// <exception cref="ArgumentException">The interval is empty or not finite, or the shape does not fit the field.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The field's model was disposed, before or during the solve.</exception>
    public static SampleBatch Solve(
        OdeProblem problem, IProgress<SamplingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (!(double.IsFinite(problem.Start) && double.IsFinite(problem.End) && problem.Start < problem.End))
            throw new ArgumentException($"The solve from t = {problem.Start} to {problem.End} has no length. Give a start below the end.", nameof(problem));
        int dimension = problem.Field.Dimension;
        var batch = new SampleBatch(problem.First, problem.Count, problem.Shape ?? [dimension]);
        if (batch.Dimension != dimension)
            throw new ArgumentException($"The shape [{string.Join(", ", batch.Shape)}] has {batch.Dimension} values, the field {dimension}.", nameof(problem));

        int workers = Math.Min(problem.Count, problem.Workers
            ?? Math.Clamp(problem.Count / FewestSamplesPerWorker, 1, Environment.ProcessorCount));
        int share = (problem.Count + workers - 1) / workers;
        int slots = Math.Min(share, problem.Slots
            ?? (int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(StateValuesPerWorker / dimension, 8, MostSlots)));

        long started = Stopwatch.GetTimestamp();
        var queue = new SampleQueue(batch, progress);
        SlotWorker[] all = RunWorkers(workers, slots, problem, queue, cancellationToken);
        batch.Statistics = new SamplingStatistics(
            batch.Evaluations.Sum(n => (long)n), batch.Accepted.Sum(n => (long)n), batch.Rejected.Sum(n => (long)n),
            all.Sum(worker => worker.FieldCalls), Stopwatch.GetElapsedTime(started));
        return batch;
    }

    private static SlotWorker[] RunWorkers(int workers, int slots, OdeProblem problem, SampleQueue queue, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var all = new SlotWorker[workers];
        ExceptionDispatchInfo? failure = null;
        void Fail(Exception e)
        {
            // The first failure is the caller's; it stops the other workers, whose cancellation says nothing new.
            Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(e), null);
            stop.Cancel();
        }
        void Work(int worker)
        {
            try
            {
                using SlotWorker slotWorker = all[worker] = new SlotWorker(problem, queue, slots);
                slotWorker.Run(stop.Token);
            }
            catch (Exception e)
            {
                Fail(e);
            }
        }

        var threads = new List<Thread>();
        try
        {
            for (int i = 0; i < workers - 1; i++) // the calling thread is the last worker
            {
                int worker = i;
                var thread = new Thread(() => Work(worker)) { IsBackground = true, Name = $"FlowRuntime worker {worker}" };
                thread.Start();
                threads.Add(thread);
            }
            Work(workers - 1);
        }
        catch (OutOfMemoryException e) // the system gives no more threads; those that run must end before their buffers do
        {
            Fail(e);
        }
        foreach (Thread thread in threads)
            thread.Join();
        cancellationToken.ThrowIfCancellationRequested();
        failure?.Throw();
        return all;
    }
}
