using System.Numerics.Tensors;
using FlowRuntime.Fields;
using FlowRuntime.Sampling;

namespace FlowRuntime.Ode;

/// <summary>
/// Fixed steps on a grid. All rows start together and stand at the same time, so that a step is the same linear
/// combination for all; when they have ended, the next samples start.
/// </summary>
internal sealed class GridWorker : SolveWorker
{
    private readonly double[] _grid;
    private readonly GridStepper _stepper;

    public GridWorker(OdeProblem problem, FixedSteps options, SampleQueue queue, int slots)
        : base(problem, queue, slots, GridStepper.Outputs(options.Method))
    {
        _grid = options.Grid.Times(options.Count, problem.Start, problem.End, problem.Path);
        _stepper = GridStepper.Create(options.Method, new GridContext(problem, _grid, X, Buffers, Indices, EvaluateAt, options.Unfused));
    }

    /// <summary>Tables of states that a worker keeps: the velocities, the state, what the network sees, and scratch.</summary>
    public static int Tables(FixedSteps options) => GridStepper.Outputs(options.Method) + 3;

    public override void Run(CancellationToken cancellationToken)
    {
        do
        {
            int count = Queue.Take(Slots, out long first);
            for (; Active < count; Active++)
                Begin(Active, first + Active);
            _stepper.Begin();
            for (int step = 0; step < _grid.Length - 1 && Active > 0; step++)
            {
                X.Range(0, Active).CopyTo(Buffers.States.Range(0, Active));
                _stepper.Step(step, Active, cancellationToken);
                RecordTrajectories(step);
                Keep(step);
            }
            int finished = Active;
            lock (Queue.Gate) // once for all of them
            {
                for (int row = 0; row < Active; row++)
                    HandOut(row, SampleStatus.Completed, _grid.Length - 1);
            }
            Active = 0;
            if (finished > 0)
                Queue.Report(finished);
        }
        while (Queue.WaitForNext());
    }

    protected override void Move(int source, int destination)
    {
        base.Move(source, destination);
        Buffers.States[source].CopyTo(Buffers.States[destination]);
        _stepper.Move(source, destination);
    }

    /// <summary>Takes the steps' results over; rows that are not finite end where they were.</summary>
    private void Keep(int step)
    {
        if (!TensorPrimitives.IsFiniteAll<float>(Buffers.States.Range(0, Active)))
        {
            int finished = 0;
            for (int row = Active - 1; row >= 0; row--)
            {
                if (TensorPrimitives.IsFiniteAll<float>(Buffers.States[row]))
                    continue;
                lock (Queue.Gate)
                    HandOut(row, SampleStatus.NonFinite, step);
                finished++;
                if (row != --Active)
                    Move(Active, row);
            }
            Queue.Report(finished);
        }
        Buffers.States.Range(0, Active).CopyTo(X.Range(0, Active));
    }

    private void HandOut(int row, SampleStatus status, int steps) =>
        Finish(row, status, _grid[steps], _stepper.Evaluations, accepted: steps, rejected: status == SampleStatus.Completed ? 0 : 1);

    private void RecordTrajectories(int step)
    {
        if (NextTime is null)
            return;
        double start = _grid[step], end = _grid[step + 1];
        for (int row = 0; row < Active; row++)
        {
            if (!TensorPrimitives.IsFiniteAll<float>(Buffers.States[row]))
                continue;
            int due = NextTime[row];
            while (IsDue(row, end))
            {
                double time = Problem.TrajectoryTimes[NextTime[row]];
                Span<float> state = NextState(row);
                if (time == end)
                    Buffers.States[row].CopyTo(state);
                else
                    _stepper.Interpolate(step, (time - start) / (end - start), row, state);
                if (TensorPrimitives.IsFiniteAll<float>(state))
                    continue;
                ForgetStates(row, due);
                Buffers.States[row].Fill(float.NaN); // the step passes where the velocity is not finite
                break;
            }
        }
    }

    private void EvaluateAt(double time, int rows, int output, CancellationToken cancellationToken)
    {
        Buffers.Times.AsSpan(0, rows).Fill(time);
        Evaluate(0, rows, output, cancellationToken);
    }
}

/// <summary>What a stepper works on.</summary>
/// <param name="Problem">What is solved.</param>
/// <param name="Grid">The times of the grid.</param>
/// <param name="X">The states at the start of a step.</param>
/// <param name="Buffers">States and velocities; at the start of a step the states are those of <paramref name="X"/>, at its end its result.</param>
/// <param name="Indices">The sample of each row.</param>
/// <param name="Evaluate">Evaluates the first rows at a time into an output.</param>
/// <param name="Unfused">See <see cref="FixedSteps.Unfused"/>.</param>
internal sealed record GridContext(
    OdeProblem Problem, double[] Grid, RowBuffer X, EvaluationBuffers Buffers, long[] Indices, Action<double, int, int, CancellationToken> Evaluate, bool Unfused);
