using System.Numerics;
using System.Runtime.InteropServices;
using FlowRuntime.Fields;
using FlowRuntime.Sampling;

namespace FlowRuntime.Ode;

/// <summary>
/// Adaptive steps of a pair. Every turn takes all active rows through the stages of one step together, each at its own
/// time and step size; then each accepts or rejects for itself. A row whose sample is done takes the next one.
/// </summary>
/// <remarks>
/// At the end of a turn the last active row moves into the hole of a finished one, and new samples come in behind, so that
/// their first stage (and the probe of their first step) is one small call for these rows alone.
/// What is kept for each row stands in arrays, and what every row needs at every turn is done in whole vectors; rows that
/// are rejected or end are looked at one by one. Times within are forward: s = t, or −t where the solve runs in reverse.
/// </remarks>
internal sealed partial class AdaptiveWorker : SolveWorker
{
    /// <summary>Nodes up to this stay before the end of the step however c h is rounded: a step is 16 times the last bit of its time at least.</summary>
    internal const double SafeNode = 0.9;

    /// <summary>A rest of less than this share of a step joins the last one.</summary>
    internal const double Stretch = 1.01;

    private readonly AdaptiveSteps _options;
    private readonly EmbeddedPair _pair;
    private readonly int _errorOrder;
    private readonly RowControllers _controllers;
    private readonly int _direction;
    private readonly double _start;
    private readonly double _end;
    private readonly double _absolute;
    private readonly double _relative;

    // The table that holds each stage; the first and the last change places after every turn of a pair that is first same as last.
    private readonly RowBuffer[] _stages;
    private readonly int[] _outputs;
    private readonly int _spare;
    private readonly RowBuffer _scratch;
    private readonly RowSteps _h;

    private readonly double[] _time;
    private readonly double[] _target;
    private readonly double[] _step;
    private readonly double[] _proposed;
    private readonly double[] _squares;
    private readonly double[] _secondSquares;
    private readonly double[] _speeds;
    private readonly double[] _largestStep;
    private readonly double[] _roundings;
    private readonly double[] _nonFiniteTime;
    private readonly long[] _begun;
    private readonly int[] _evaluations;
    private readonly int[] _rejected;
    private readonly int[] _rejectedInARow;
    private readonly int[] _nonFinite;
    private readonly bool[] _slopeKnown;
    private readonly int[] _rejectedNow;
    private readonly SampleStatus?[] _ended;
    private readonly double[] _weights;
    private readonly double[]? _profile;
    private int _rejectedNowCount;
    private bool _anyEnded;
    private int _anyNonFinite;
    private long _turn;
    private long _nextStepsCheck;

    public AdaptiveWorker(OdeProblem problem, AdaptiveSteps options, SampleQueue queue, int slots)
        : base(problem, queue, slots, Outputs(problem, options), options.Unfused ? new HostStates(unfused: true) : null)
    {
        _options = options;
        _pair = options.Method;
        _errorOrder = _pair.EmbeddedOrder + 1;
        _direction = problem.Direction;
        (_start, _end) = (_direction * problem.Start, _direction * problem.End);
        (_absolute, _relative) = (InFloats(options.AbsoluteTolerance), InFloats(options.RelativeTolerance));
        _stages = [.. Buffers.Velocities];
        _outputs = [.. Enumerable.Range(0, _stages.Length)];
        _spare = _stages.Length - 1;
        _scratch = Arithmetic.Table(slots, X.Width);
        _h = new RowSteps(slots, X.Width);
        _weights = new double[_pair.Stages + _pair.Interpolant.ExtraStages];

        // A profile holds for steps forward with the method and in the coordinates it was measured with.
        if (_direction > 0 && options.Profile is { } profile && profile.Method == _pair && profile.IsWhitened == problem.IsWhitened)
            _profile = profile.RowFor(Math.Sqrt(options.RelativeTolerance * options.AbsoluteTolerance));

        _controllers = new RowControllers(options.Controller, _errorOrder, slots, options.Unfused);
        int padded = RowControllers.Padded(slots);
        _time = new double[padded];
        _target = new double[padded];
        _step = new double[padded];
        _proposed = new double[padded];
        _squares = new double[padded];
        _secondSquares = new double[_pair.SecondErrorWeights.IsEmpty ? 0 : padded];
        _largestStep = new double[padded];
        _speeds = new double[padded];
        _roundings = new double[_relative < Rounding ? padded : 0];
        _nonFiniteTime = new double[slots];
        _begun = new long[slots];
        _evaluations = new int[slots];
        _rejected = new int[slots];
        _rejectedInARow = new int[slots];
        _nonFinite = new int[slots];
        _slopeKnown = new bool[slots];
        _rejectedNow = new int[slots];
        _ended = new SampleStatus?[slots];
        _nextStepsCheck = options.MaxSteps;
    }

    /// <summary>Whether a step's last stage is the next one's first.</summary>
    private bool KeepsFirstStage => _pair.LastStageIsNextFirst;

    public override void Run(CancellationToken cancellationToken)
    {
        do
        {
            Refill(cancellationToken);
            while (Active > 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                ChooseSteps();
                TakeStages(cancellationToken);
                EstimateErrors();
                if (_relative < Rounding)
                    RejectBelowRounding();
                RowBuffer next = RecordTrajectories(cancellationToken);
                Judge();
                KeepAccepted(next);
                HandOut();
                Refill(cancellationToken);
            }
        }
        while (Queue.WaitForNext());
    }

    public override void Dispose()
    {
        base.Dispose();
        _h.Expanded?.Release();
    }

    protected override void Move(int source, int destination)
    {
        base.Move(source, destination);
        if (KeepsFirstStage || _slopeKnown[source])
            Arithmetic.Move(_stages[0], source, destination);
        _time[destination] = _time[source];
        _proposed[destination] = _proposed[source];
        _controllers.Move(source, destination);
        _nonFiniteTime[destination] = _nonFiniteTime[source];
        _begun[destination] = _begun[source];
        _evaluations[destination] = _evaluations[source];
        _rejected[destination] = _rejected[source];
        _rejectedInARow[destination] = _rejectedInARow[source];
        _nonFinite[destination] = _nonFinite[source];
        _slopeKnown[destination] = _slopeKnown[source];
    }

    /// <summary>Tables of states that a worker keeps: the velocities, the state, what the network sees, and scratch.</summary>
    public static int Tables(OdeProblem problem, AdaptiveSteps options) => Outputs(problem, options) + 3;

    /// <summary>Tables for the stages, for the interpolant's where a trajectory is asked for, and a spare one where first stages are evaluated for some rows alone.</summary>
    private static int Outputs(OdeProblem problem, AdaptiveSteps options)
    {
        int tables = options.Method.Stages;
        if (problem.TrajectoryTimes.Count > 0)
            tables += options.Method.Interpolant.ExtraStages;
        return tables + (options.Method.LastStageIsNextFirst ? 0 : 1);
    }

    /// <summary>A tolerance as the arithmetic in float32 has it: neither 0 nor infinite.</summary>
    private static double InFloats(double tolerance) => Math.Clamp(tolerance, float.Epsilon, float.MaxValue);

    private void ChooseSteps()
    {
        if (_profile is not null)
            StepProfile.LargestSteps(_profile, _time.AsSpan(0, RowControllers.Padded(Active)), _largestStep);
        var end = new Vector<double>(_end);
        for (int i = 0; i < Active; i += Vector<double>.Count)
        {
            Vector<double> time = Load(_time, i), proposed = Load(_proposed, i);
            if (_profile is not null) // a second try keeps to what its first one taught
            {
                proposed = Vector.ConditionalSelect(Vector.Equals(Load(_controllers.Limits, i), Vector<double>.One),
                    proposed, Vector.Min(proposed, Load(_largestStep, i)));
            }
            Vector<double> rest = end - time;
            Vector<long> last = Vector.GreaterThanOrEqual(Stretch * proposed, rest);
            Vector<double> step = Vector.ConditionalSelect(last, rest, proposed);
            Store(step, _step, i);
            Store(Vector.ConditionalSelect(last, end, time + step), _target, i);
        }
        _h.Set(0, _step.AsSpan(0, Active), _direction);
    }

    private void TakeStages(CancellationToken cancellationToken)
    {
        if (!KeepsFirstStage)
            EvaluateUnknownSlopes(cancellationToken);
        for (int stage = 1; stage < _pair.Stages; stage++)
        {
            Arithmetic.Combine(Buffers.States, X, _h, _stages, _pair.A(stage), 0, Active);
            if (!(_pair.C[stage] == 1 && _pair.C[stage - 1] == 1))
                SetTimes(_pair.C[stage], 0, Active);
            Evaluate(0, Active, _outputs[stage], cancellationToken);
        }
        // The states now hold the last stage's; where that is the step's result, nothing is left to combine.
        if (!KeepsFirstStage)
            Arithmetic.Combine(Buffers.States, X, _h, _stages, _pair.B, 0, Active);
        _turn++;
    }

    /// <summary>The times of a stage: start of the step + c h, never beyond its end.</summary>
    private void SetTimes(double node, int first, int count)
    {
        int i = first;
        double signedNode = _direction * node;
        var direction = new Vector<double>(_direction);
        for (; i <= first + count - Vector<double>.Count; i += Vector<double>.Count)
        {
            Vector<double> time = node == 1 ? direction * Load(_target, i)
                : node <= SafeNode ? direction * Load(_time, i) + signedNode * Load(_step, i)
                : direction * Vector.Min(Load(_time, i) + node * Load(_step, i), Load(_target, i));
            Store(time, Buffers.Times, i);
        }
        for (; i < first + count; i++)
        {
            Buffers.Times[i] = node == 1 ? _direction * _target[i]
                : node <= SafeNode ? _direction * _time[i] + signedNode * _step[i]
                : _direction * Math.Min(_time[i] + node * _step[i], _target[i]);
        }
    }

    /// <summary>Accepted rows take their new state and first stage; rejected ones keep theirs.</summary>
    private void KeepAccepted(RowBuffer next)
    {
        ReadOnlySpan<int> rejected = _rejectedNow.AsSpan(0, _rejectedNowCount);
        Arithmetic.CopyAllBut(next, X, rejected, Active);
        if (!KeepsFirstStage)
        {
            ForgetSlopes(rejected);
            return;
        }
        int last = _pair.Stages - 1;
        (_stages[0], _stages[last]) = (_stages[last], _stages[0]);
        (_outputs[0], _outputs[last]) = (_outputs[last], _outputs[0]);
        Arithmetic.CopySome(_stages[last], _stages[0], rejected, Active);
    }

    /// <summary>The first stage of accepted rows is not known any more.</summary>
    private void ForgetSlopes(ReadOnlySpan<int> rejected)
    {
        int from = 0;
        foreach (int row in rejected)
        {
            _slopeKnown.AsSpan(from, row - from).Clear();
            from = row + 1;
        }
        _slopeKnown.AsSpan(from, Active - from).Clear();
    }

    private void HandOut()
    {
        if (!_anyEnded)
            return;
        int finished = 0;
        lock (Queue.Gate) // once for all of them
        {
            for (int row = 0; row < Active; row++)
            {
                if (_ended[row] is not { } status)
                    continue;
                int attempts = (int)(_turn - _begun[row]);
                int evaluations = (int)Math.Min(int.MaxValue, _evaluations[row] + (long)attempts * (_pair.Stages - 1));
                Finish(row, status, _direction * _time[row], evaluations, attempts - _rejected[row], _rejected[row]);
                finished++;
            }
        }
        for (int row = Active - 1; row >= 0; row--)
        {
            if (_ended[row] is null)
                continue;
            if (_nonFinite[row] > 0)
                _anyNonFinite--;
            _ended[row] = null;
            int last = --Active;
            if (row != last)
                Move(last, row);
        }
        _anyEnded = false;
        Queue.Report(finished);
    }

    /// <summary>Evaluates the first stage of the rows that do not know theirs.</summary>
    /// <remarks>Into the spare table: an evaluation spoils what its table holds behind its rows.</remarks>
    private void EvaluateUnknownSlopes(CancellationToken cancellationToken)
    {
        for (int first = 0; first < Active;)
        {
            int known = _slopeKnown.AsSpan(first, Active - first).IndexOf(false);
            if (known < 0)
                return;
            first += known;
            int count = _slopeKnown.AsSpan(first, Active - first).IndexOf(true);
            count = count < 0 ? Active - first : count;
            Arithmetic.Copy(X, Buffers.States, first, count);
            SetTimes(0, first, count);
            EvaluateAndCount(first, count, _spare, cancellationToken);
            Arithmetic.Copy(_stages[_spare], _stages[0], first, count);
            _slopeKnown.AsSpan(first, count).Fill(true);
            first += count;
        }
    }

    private void EvaluateAndCount(int first, int count, int output, CancellationToken cancellationToken)
    {
        Evaluate(first, count, output, cancellationToken);
        for (int row = first; row < first + count; row++)
            _evaluations[row]++;
    }

    private static Vector<double> Load(double[] values, int i) => Vector.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(values), (nuint)i);

    private static void Store(Vector<double> vector, double[] values, int i) => vector.StoreUnsafe(ref MemoryMarshal.GetArrayDataReference(values), (nuint)i);
}
