using System.Numerics.Tensors;
using FlowRuntime.Fields;
using FlowRuntime.Sampling;

namespace FlowRuntime.Ode;

/// <summary>
/// One thread's engine: K slots, all buffers, one evaluator. Every turn takes all active slots through the stages of
/// one step together, each at its own time and step size; then each accepts or rejects for itself. A slot whose sample
/// is done takes the next one.
/// </summary>
/// <remarks>
/// The active slots are the rows 0 … active − 1. At the end of a turn the last active row moves into the hole of a
/// finished one, and new samples come in behind, so that their first stage (and the probe of their first step) is one
/// small call for these rows alone. Nothing is allocated once the buffers are there.
/// </remarks>
internal sealed class SlotWorker : IDisposable
{
    /// <summary>
    /// Steps into a region where the velocity is not finite are tried again this often, each time five times smaller;
    /// steps that are accepted on the way to its edge change nothing about it.
    /// </summary>
    private const int MaxNonFinite = 8;

    private readonly OdeProblem _problem;
    private readonly SampleQueue _queue;
    private readonly ButcherTableau _tableau;
    private readonly AdaptiveSteps? _adaptive;
    private readonly int _fixedCount;
    private readonly StepController _controller;
    private readonly EvaluationBuffers _buffers;
    private readonly IVelocityEvaluator _evaluator;
    private readonly RowBuffer _x;
    private readonly RowBuffer _h;
    private readonly RowBuffer _scratch;
    private readonly Slot[] _slots;
    private readonly double[] _errors;
    private readonly SampleStatus?[] _ended;
    private int _active;

    public SlotWorker(OdeProblem problem, SampleQueue queue, int slots)
    {
        _problem = problem;
        _queue = queue;
        _tableau = problem.Solver.Tableau;
        _adaptive = problem.Solver as AdaptiveSteps;
        _fixedCount = (problem.Solver as FixedSteps)?.Count ?? 0;
        _controller = _adaptive is null ? default : new StepController(_adaptive.Method);
        int dimension = problem.Field.Dimension;
        // The probe of a first step needs a second table, whatever the method.
        _buffers = new EvaluationBuffers(slots, dimension, Math.Max(_tableau.Stages, _adaptive is null ? 1 : 2));
        _x = new RowBuffer(slots, dimension);
        _h = new RowBuffer(slots, dimension);
        _scratch = new RowBuffer(slots, dimension);
        _slots = new Slot[slots];
        _errors = new double[slots];
        _ended = new SampleStatus?[slots];
        _evaluator = problem.Field.CreateEvaluator(_buffers);
    }

    /// <summary>Calls of the field so far.</summary>
    public long FieldCalls { get; private set; }

    /// <summary>Whether a step starts from a first stage that is already known.</summary>
    private bool KeepsFirstStage => _tableau.LastStageIsNextFirst;

    public void Run(CancellationToken cancellationToken)
    {
        Refill(cancellationToken);
        while (_active > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ChooseSteps();
            TakeStages(cancellationToken);
            Judge();
            HandOut();
            Refill(cancellationToken);
        }
    }

    public void Dispose() => _evaluator.Dispose();

    private void ChooseSteps()
    {
        double start = _problem.Start, end = _problem.End;
        for (int row = 0; row < _active; row++)
        {
            ref Slot slot = ref _slots[row];
            if (_adaptive is null)
            {
                int next = slot.Accepted + 1;
                slot.Target = next == _fixedCount ? end : start + (end - start) * next / _fixedCount;
                slot.Step = slot.Target - slot.Time;
            }
            else
            {
                // A rest of less than 1% of a step joins the last one.
                double rest = end - slot.Time;
                bool last = 1.01 * slot.Proposed >= rest;
                slot.Step = last ? rest : slot.Proposed;
                slot.Target = last ? end : slot.Time + slot.Step;
            }
            _h[row].Fill((float)slot.Step);
        }
    }

    private void TakeStages(CancellationToken cancellationToken)
    {
        int firstStage = KeepsFirstStage ? 1 : 0;
        for (int stage = firstStage; stage < _tableau.Stages; stage++)
        {
            if (stage == 0)
                _x.Range(0, _active).CopyTo(_buffers.States.Range(0, _active));
            else
                RowArithmetic.Combine(_buffers.States, _x, _h, _buffers.Velocities, _tableau.A(stage), 0, _active);
            double node = _tableau.C[stage];
            for (int row = 0; row < _active; row++)
            {
                ref Slot slot = ref _slots[row];
                _buffers.Times[row] = node == 1 ? slot.Target : Math.Min(slot.Time + node * slot.Step, slot.Target);
                slot.Evaluations++;
            }
            Evaluate(0, _active, stage, cancellationToken);
        }
        // The states now hold the last stage's; where that is the step's result, nothing is left to combine.
        if (!_tableau.LastStageIsNextFirst)
            RowArithmetic.Combine(_buffers.States, _x, _h, _buffers.Velocities, _tableau.B, 0, _active);
        if (_adaptive is not null)
        {
            RowArithmetic.ScaledError(_scratch, _x, _buffers.States, _h, _buffers.Velocities, _adaptive.Method.ErrorWeights,
                _adaptive.AbsoluteTolerance, _adaptive.RelativeTolerance, _active, _errors);
        }
    }

    private void Judge()
    {
        for (int row = 0; row < _active; row++)
        {
            ref Slot slot = ref _slots[row];
            bool accepted = _adaptive is null ? TensorPrimitives.IsFiniteAll<float>(_buffers.States[row]) : _errors[row] <= 1;
            if (accepted)
                Accept(row, ref slot);
            else
                Reject(row, ref slot);
        }
    }

    private void Accept(int row, ref Slot slot)
    {
        _buffers.States[row].CopyTo(_x[row]);
        if (KeepsFirstStage)
            _buffers.Velocities[^1][row].CopyTo(_buffers.Velocities[0][row]);
        slot.Time = slot.Target;
        slot.Accepted++;
        if (_adaptive is not null)
        {
            slot.Proposed = slot.Step * _controller.Accepted(_errors[row], ref slot.ErrorMemory, slot.LastWasRejected);
            slot.LastWasRejected = false;
            if (slot.Time >= slot.NonFiniteTime)
                (slot.NonFinite, slot.NonFiniteTime) = (0, double.PositiveInfinity);
        }
        if (slot.Time == _problem.End)
            _ended[row] = SampleStatus.Completed;
        else if (_adaptive is not null)
            EndIfSpent(row, ref slot);
    }

    private void Reject(int row, ref Slot slot)
    {
        slot.Rejected++;
        if (_adaptive is null)
        {
            _ended[row] = SampleStatus.NonFinite;
            return;
        }
        double error = _errors[row];
        slot.Proposed = slot.Step * _controller.Rejected(error);
        slot.LastWasRejected = true;
        if (!double.IsFinite(error))
        {
            slot.NonFinite++;
            slot.NonFiniteTime = Math.Min(slot.NonFiniteTime, slot.Target);
        }
        if (slot.NonFinite > MaxNonFinite)
            _ended[row] = SampleStatus.NonFinite;
        else
            EndIfSpent(row, ref slot);
    }

    private void EndIfSpent(int row, ref Slot slot)
    {
        if (slot.Accepted + slot.Rejected >= _adaptive!.MaxSteps)
            _ended[row] = SampleStatus.OutOfSteps;
        else if (slot.Time + slot.Proposed / 16 == slot.Time)
            _ended[row] = slot.NonFinite > 0 ? SampleStatus.NonFinite : SampleStatus.StepTooSmall;
    }

    private void HandOut()
    {
        int finished = 0;
        for (int row = _active - 1; row >= 0; row--)
        {
            if (_ended[row] is not { } status)
                continue;
            _queue.Finish(_slots[row], status, _x[row]);
            _ended[row] = null;
            finished++;
            int last = --_active;
            if (row == last)
                continue;
            _slots[row] = _slots[last];
            _x[last].CopyTo(_x[row]);
            if (KeepsFirstStage)
                _buffers.Velocities[0][last].CopyTo(_buffers.Velocities[0][row]);
            _evaluator.Move(last, row);
        }
        if (finished > 0)
            _queue.Report(finished);
    }

    private void Refill(CancellationToken cancellationToken)
    {
        while (true)
        {
            int first = _active;
            while (_active < _slots.Length && _queue.TryTake(out long index))
                Start(_active++, index);
            int count = _active - first;
            if (count == 0)
                return;
            if (_adaptive is not null)
                ChooseFirstSteps(first, count, cancellationToken);
            else if (KeepsFirstStage)
                EvaluateStart(first, count, cancellationToken);
            if (_ended.AsSpan(first, count).IndexOfAnyExcept((SampleStatus?)null) < 0)
                return;
            HandOut(); // samples that failed where they started leave room for others
        }
    }

    private void Start(int row, long index)
    {
        _problem.InitialState(index, _x[row]);
        _evaluator.Assign(row, index, _problem.ConditionOf(index));
        _slots[row] = new Slot
        {
            Index = index,
            Time = _problem.Start,
            ErrorMemory = StepController.InitialMemory,
            NonFiniteTime = double.PositiveInfinity,
        };
    }

    private void EvaluateStart(int first, int count, CancellationToken cancellationToken)
    {
        _x.Range(first, count).CopyTo(_buffers.States.Range(first, count));
        _buffers.Times.AsSpan(first, count).Fill(_problem.Start);
        for (int row = first; row < first + count; row++)
            _slots[row].Evaluations++;
        Evaluate(first, count, output: 0, cancellationToken);
    }

    /// <summary>The first step of new samples, by the size of the velocity and of its change over a small Euler step.</summary>
    /// <remarks>Source: Hairer I, section II.4, "starting step size"; the probe is kept inside the interval.</remarks>
    private void ChooseFirstSteps(int first, int count, CancellationToken cancellationToken)
    {
        double atol = _adaptive!.AbsoluteTolerance, rtol = _adaptive.RelativeTolerance;
        double length = _problem.End - _problem.Start;
        EvaluateStart(first, count, cancellationToken);
        for (int row = first; row < first + count; row++)
        {
            Span<float> x = _x[row], slope = _buffers.Velocities[0][row];
            double size = RowArithmetic.ScaledNorm(x, x, atol, rtol);
            double speed = RowArithmetic.ScaledNorm(slope, x, atol, rtol);
            if (!double.IsFinite(size + speed))
                _ended[row] = SampleStatus.NonFinite;
            double probe = size < 1e-5 || speed < 1e-5 ? 1e-6 : 0.01 * size / speed;
            probe = double.IsFinite(probe) ? Math.Min(probe, length) : length;
            _slots[row].Proposed = probe;
            _slots[row].Evaluations++;
            _h[row].Fill((float)probe);
            _buffers.Times[row] = Math.Min(_problem.Start + probe, _problem.End);
        }
        RowArithmetic.Combine(_buffers.States, _x, _h, _buffers.Velocities, [1.0], first, count);
        Evaluate(first, count, output: 1, cancellationToken);
        for (int row = first; row < first + count; row++)
        {
            ref Slot slot = ref _slots[row];
            Span<float> x = _x[row], slope = _buffers.Velocities[0][row], change = _buffers.Velocities[1][row];
            double speed = RowArithmetic.ScaledNorm(slope, x, atol, rtol);
            TensorPrimitives.Subtract(change, slope, change);
            double curvature = RowArithmetic.ScaledNorm(change, x, atol, rtol) / slot.Proposed;
            double largest = Math.Max(speed, curvature);
            double step = largest <= 1e-15
                ? Math.Max(1e-6, 1e-3 * slot.Proposed)
                : Math.Pow(0.01 / largest, 1.0 / (_adaptive.Method.EmbeddedOrder + 1));
            step = Math.Min(100 * slot.Proposed, step);
            slot.Proposed = double.IsFinite(step) ? Math.Min(step, length) : slot.Proposed; // a probe that is not finite says nothing
        }
    }

    private void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _evaluator.Evaluate(first, count, output);
        FieldCalls++;
    }
}
