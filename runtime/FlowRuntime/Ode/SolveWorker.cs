using FlowRuntime.Fields;
using FlowRuntime.Sampling;

namespace FlowRuntime.Ode;

/// <summary>
/// One thread's engine: K rows of samples under way, all buffers, one evaluator of the field. The active samples are the
/// rows 0 … active − 1. Nothing is allocated once the buffers are there.
/// </summary>
internal abstract class SolveWorker : IDisposable
{
    private readonly RowBuffer? _trajectories;
    private IVelocityEvaluator? _evaluator;

    /// <param name="problem">What is solved.</param>
    /// <param name="queue">Where samples come from and go.</param>
    /// <param name="slots">Number of rows.</param>
    /// <param name="outputs">Number of velocity tables.</param>
    /// <param name="arithmetic">What is done to the elements of states; null for the usual.</param>
    protected SolveWorker(OdeProblem problem, SampleQueue queue, int slots, int outputs, IStateArithmetic? arithmetic = null)
    {
        Problem = problem;
        Queue = queue;
        Slots = slots;
        int dimension = problem.Field.Dimension;
        Arithmetic = arithmetic ?? problem.StateArithmetic?.Invoke(slots) ?? new HostStates();
        Buffers = Arithmetic.Buffers(slots, dimension, outputs);
        X = Arithmetic.Table(slots, dimension);
        Indices = new long[slots];
        if (problem.TrajectoryTimes.Count > 0)
        {
            _trajectories = new RowBuffer(slots, checked(problem.TrajectoryTimes.Count * dimension));
            NextTime = new int[slots];
        }
    }

    /// <summary>What is done to the elements of states.</summary>
    protected IStateArithmetic Arithmetic { get; }

    /// <summary>Bytes that crossed between the host and a device so far.</summary>
    public long BusBytes => Arithmetic.BusBytes;

    /// <summary>Calls of the field so far.</summary>
    public long FieldCalls { get; private set; }

    protected OdeProblem Problem { get; }

    protected SampleQueue Queue { get; }

    protected int Slots { get; }

    protected EvaluationBuffers Buffers { get; }

    /// <summary>The state of each row at the time it has reached.</summary>
    protected RowBuffer X { get; }

    /// <summary>The sample of each row.</summary>
    protected long[] Indices { get; }

    /// <summary>Number of active rows.</summary>
    protected int Active { get; set; }

    /// <summary>The next of the trajectory's times for each row; null where no trajectory is asked for.</summary>
    protected int[]? NextTime { get; }

    /// <summary>Made for the first sample: a worker that refuses its problem has none to dispose.</summary>
    private IVelocityEvaluator Evaluator => _evaluator ??= Problem.Field.CreateEvaluator(Buffers);

    /// <summary>Solves until there are no more samples.</summary>
    public abstract void Run(CancellationToken cancellationToken);

    public virtual void Dispose()
    {
        _evaluator?.Dispose();
        Arithmetic.Dispose();
        _trajectories?.Release();
    }

    /// <summary>Begins a sample in a row.</summary>
    protected void Begin(int row, long index)
    {
        Indices[row] = index;
        Arithmetic.Begin(X, row, index, Problem.InitialState);
        Evaluator.Assign(row, index, Problem.ConditionOf(index));
        if (NextTime is null)
            return;
        _trajectories![row].Fill(float.NaN);
        NextTime[row] = 0;
        while (IsDue(row, Problem.Start))
            X[row].CopyTo(NextState(row));
    }

    /// <summary>Whether a row's next trajectory time is not beyond a time.</summary>
    protected bool IsDue(int row, double time) =>
        NextTime![row] < Problem.TrajectoryTimes.Count && Problem.Direction * Problem.TrajectoryTimes[NextTime[row]] <= Problem.Direction * time;

    /// <summary>The place of a row's next trajectory state, which is then passed.</summary>
    protected Span<float> NextState(int row) => _trajectories![row].Slice(NextTime![row]++ * X.Width, X.Width);

    /// <summary>Takes the trajectory states of a row back, from one of its times on.</summary>
    protected void ForgetStates(int row, int time)
    {
        _trajectories![row][(time * X.Width)..].Fill(float.NaN);
        NextTime![row] = time;
    }

    /// <summary>Asks the field for a range of rows at the times and states in the buffers.</summary>
    protected void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Evaluator.Evaluate(first, count, output, cancellationToken);
        FieldCalls++;
    }

    /// <summary>Hands a row's sample out.</summary>
    protected void Finish(int row, SampleStatus status, double time, int evaluations, int accepted, int rejected) => Queue.Finish(new FinishedSample
    {
        Index = Indices[row],
        Status = status,
        Time = time,
        Evaluations = evaluations,
        Accepted = accepted,
        Rejected = rejected,
        State = Arithmetic.Read(X, row),
        Trajectory = _trajectories is null ? [] : _trajectories[row],
    });

    /// <summary>Moves the sample of a row into another row.</summary>
    protected virtual void Move(int source, int destination)
    {
        Indices[destination] = Indices[source];
        Arithmetic.Move(X, source, destination);
        if (NextTime is not null)
        {
            NextTime[destination] = NextTime[source];
            _trajectories![source].CopyTo(_trajectories[destination]);
        }
        Evaluator.Move(source, destination);
    }
}
