using System.Diagnostics;
using System.Numerics;
using System.Runtime.ExceptionServices;
using FlowRuntime.Diagnostics;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;

namespace FlowRuntime.Ode;

/// <summary>
/// Solves an ordinary differential equation for many samples side by side, each with its own time, steps and status.
/// </summary>
/// <remarks>
/// W workers, each a thread with K slots: see <see cref="SolveWorker"/>. Sample i's result depends on its index, the
/// field and the solver's options alone: not on the number of samples, workers or slots, bit for bit.
/// </remarks>
public static class OdeSolver
{
    private const int FewestSlots = 8, MostSlots = 1024;

    /// <summary>
    /// State values side by side in a worker on a processor. More than its caches hold of a network's layers is slower: on one with 2 MB a core images of
    /// 28×28 through a U-Net took 25% longer with 256 slots than with 16, rows of 64 values through a perceptron 7% longer with 1,024 than with 256.
    /// </summary>
    private const int ValuesOnProcessor = 1 << 14;

    /// <summary>The same on a device with many more arithmetic units, which large calls keep busy.</summary>
    private const int ValuesOnDevice = 1 << 18;

    /// <summary>
    /// State values below which a worker more costs more than it saves: on two processors 16 samples of 64 values took as long with two
    /// workers as with one, 2 samples of 3,072 values two thirds of it.
    /// </summary>
    private const int FewestValuesPerWorker = 1024;
    private const int MostSamplesForAWorker = 16;

    /// <summary>Samples that may wait for an earlier one, in index order, for each that is under way.</summary>
    private const int WindowPerSlot = 4;

    /// <summary>Solves the problem. A sample that fails does so alone, with its own status; nothing is thrown for it.</summary>
    /// <param name="problem">What to solve.</param>
    /// <param name="progress">Told after each step in which samples finished.</param>
    /// <param name="cancellationToken">Ends the solve within one call of the field.</param>
    /// <exception cref="ArgumentException">The interval is empty or not finite, what is asked for does not fit the field, the path or itself, or arrays or memory cannot hold it.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The field's model was disposed, before or during the solve.</exception>
    public static SampleBatch Solve(
        OdeProblem problem, IProgress<SamplingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        problem.Check();
        var batch = new SampleBatch(problem.First, problem.Count, problem.Shape ?? [problem.Field.Dimension], problem.TrajectoryTimes);
        batch.Statistics = Stream(problem, batch.Take, SampleOrder.Completion, progress, cancellationToken);
        return batch;
    }

    /// <summary>Solves the problem and hands each sample to a consumer when it is done; memory does not grow with their number.</summary>
    /// <param name="problem">What to solve.</param>
    /// <param name="consumer">Takes the samples, one at a time, from the threads that solve; what it throws ends the solve and is the caller's.</param>
    /// <param name="order">As they finish, or by index.</param>
    /// <param name="progress">Told after each step in which samples finished.</param>
    /// <param name="cancellationToken">Ends the solve within one call of the field.</param>
    /// <returns>What the solve cost.</returns>
    /// <exception cref="ArgumentException">The interval is empty or not finite, what is asked for does not fit the field, the path or itself, or arrays or memory cannot hold it.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The field's model was disposed, before or during the solve.</exception>
    public static SamplingStatistics Stream(
        OdeProblem problem, SampleConsumer consumer, SampleOrder order = SampleOrder.Completion,
        IProgress<SamplingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        problem.Check();
        using SolveObservation? observation = SolveObservation.Of(problem);
        try
        {
            SamplingStatistics statistics = StreamUnobserved(problem, observation?.Counted(consumer) ?? consumer, order, progress, cancellationToken);
            observation?.Ended(statistics);
            return statistics;
        }
        catch (Exception e) when (observation is not null)
        {
            observation.Ended(e);
            throw;
        }
    }

    private static SamplingStatistics StreamUnobserved(
        OdeProblem problem, SampleConsumer consumer, SampleOrder order, IProgress<SamplingProgress>? progress, CancellationToken cancellationToken)
    {
        if (problem.FinishesWithData)
            return StreamFinished(problem, consumer, order, progress, cancellationToken);
        if (problem.Solver is AdaptiveSteps { Moments: { } moments })
            return StreamWhitened(problem, moments, consumer, order, progress, cancellationToken);
        SolveLayout layout = LayoutOf(problem);
        RequireMemory(problem, layout, order);
        long started = Stopwatch.GetTimestamp();
        var queue = new SampleQueue(problem, consumer, progress, order == SampleOrder.Index ? layout.Window : 0);
        SolveWorker[] all = RunWorkers(layout.Workers, layout.Slots, problem, queue, cancellationToken);
        return new SamplingStatistics(
            queue.Evaluations, queue.Accepted, queue.Rejected, all.Sum(worker => worker.FieldCalls), Stopwatch.GetElapsedTime(started))
        {
            BusBytes = all.Sum(worker => worker.BusBytes),
        };
    }

    /// <summary>How a problem is laid out on workers and slots.</summary>
    internal static SolveLayout LayoutOf(OdeProblem problem)
    {
        int dimension = problem.Field.Dimension;
        int workers = (int)Math.Min(problem.Count, problem.Workers
            ?? Math.Clamp(problem.Count / Math.Clamp(FewestValuesPerWorker / dimension, 1, MostSamplesForAWorker), 1, problem.Processors));
        long share = (problem.Count + workers - 1) / workers;
        int slots = (int)Math.Min(share, problem.Slots ?? SlotsFor(dimension, onDevice: false));
        int window = (int)Math.Min(Math.Min(problem.Count, int.MaxValue), (long)WindowPerSlot * workers * slots);
        long rows = (long)workers * slots, times = problem.TrajectoryTimes.Count;
        long tables = problem.Solver is AdaptiveSteps adaptive ? AdaptiveWorker.Tables(problem, adaptive) : GridWorker.Tables((FixedSteps)problem.Solver);
        return new SolveLayout(workers, slots, window, BytesOf(dimension, rows * (tables + times), window * (1 + times)));
    }

    private static long BytesOf(int dimension, long rows, long waiting) => (long)Int128.Min(long.MaxValue, sizeof(float) * (Int128)dimension * (rows + waiting));

    /// <summary>Refuses buffers beyond the machine's memory before they are taken: some systems would end the process while it fills them.</summary>
    /// <exception cref="ArgumentException">The buffers are more than all memory.</exception>
    private static void RequireMemory(OdeProblem problem, SolveLayout layout, SampleOrder order)
    {
        if (problem.StateArithmetic is not null) // the device's memory
            return;
        long waiting = order == SampleOrder.Index ? 0 : BytesOf(problem.Field.Dimension, 0, layout.Window * (1L + problem.TrajectoryTimes.Count));
        long needed = layout.BufferBytes - waiting, available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (needed > available)
            throw new ArgumentException($"The buffers of {layout.Workers} workers with {layout.Slots} samples each take {needed >> 20:N0} MB, more than the {available >> 20:N0} MB of memory. Use fewer workers, slots or trajectory times.");
    }

    /// <summary>Slots of a worker where nothing else is asked for.</summary>
    internal static int SlotsFor(int dimension, bool onDevice) =>
        (int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp((onDevice ? ValuesOnDevice : ValuesOnProcessor) / dimension, FewestSlots, MostSlots));

    private static SamplingStatistics StreamFinished(
        OdeProblem problem, SampleConsumer consumer, SampleOrder order, IProgress<SamplingProgress>? progress, CancellationToken cancellationToken)
    {
        ProbabilityPath path = problem.Path ?? throw new ArgumentException("What the data are at the end follows from the model's path: set OdeProblem.Path.");
        using var finish = new DataFinish(problem, path);
        SamplingStatistics solve = StreamUnobserved(
            problem with { FinishesWithData = false }, (in FinishedSample sample) => consumer(finish.Finished(sample)), order, progress, cancellationToken);
        return solve with { Evaluations = solve.Evaluations + finish.Samples, FieldCalls = solve.FieldCalls + finish.Samples };
    }

    private static SamplingStatistics StreamWhitened(
        OdeProblem problem, DataMoments moments, SampleConsumer consumer, SampleOrder order, IProgress<SamplingProgress>? progress, CancellationToken cancellationToken)
    {
        if (problem.Path is not { } path)
            throw new ArgumentException("The coordinates of Gaussian data follow the model's path: set OdeProblem.Path.");
        if (Math.Min(problem.Start, problem.End) < 0 || Math.Max(problem.Start, problem.End) > 1)
            throw new ArgumentException(FormattableString.Invariant($"The coordinates of Gaussian data follow the path from t = 0 to 1; the solve from {problem.Start} to {problem.End} leaves it."));
        var field = new WhitenedField(problem.Field, path, moments, problem.Start, problem.End);
        return StreamUnobserved(WhitenedField.Whitened(problem, field), (in FinishedSample sample) => consumer(field.Unwhitened(sample, problem)), order, progress, cancellationToken);
    }

    private static SolveWorker[] RunWorkers(int workers, int slots, OdeProblem problem, SampleQueue queue, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using CancellationTokenRegistration wakeWaiting = stop.Token.Register(queue.Stop);
        var all = new SolveWorker[workers];
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
                using SolveWorker solveWorker = all[worker] = problem.Solver switch
                {
                    AdaptiveSteps adaptive => new AdaptiveWorker(problem, adaptive, queue, slots),
                    FixedSteps @fixed => new GridWorker(problem, @fixed, queue, slots),
                    _ => throw new NotSupportedException($"There is no worker for {problem.Solver}."),
                };
                solveWorker.Run(stop.Token);
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
