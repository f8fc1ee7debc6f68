using System.Numerics;
using System.Numerics.Tensors;
using FlowRuntime.Sampling;

namespace FlowRuntime.Ode;

/// <content>The error of each row's step, and what follows from it: the next step, or the end of the sample with an honest status.</content>
internal sealed partial class AdaptiveWorker
{
    /// <summary>
    /// Steps into a region where the velocity is not finite are tried again this often, each time five times smaller;
    /// steps that are accepted on the way to its edge change nothing about it.
    /// </summary>
    internal const int MaxNonFinite = 8;

    /// <summary>Half the distance of 1 to the next float32: what rounding may change a state, as a share of it.</summary>
    internal const double Rounding = 1.0 / (1 << 24);

    /// <summary>The squared error of a step that no smaller one mends.</summary>
    private const double Unsolvable = double.MaxValue;

    private void EstimateErrors()
    {
        ReadOnlySpan<double> weights = _pair.ErrorWeights;
        Arithmetic.SquaredScaledError(_scratch, X, Buffers.States, _h, _stages, weights,
            _absolute, _relative, Active, _squares);
        if (_pair.SecondErrorWeights.IsEmpty)
            return;
        Arithmetic.SquaredScaledError(_scratch, X, Buffers.States, _h, _stages, _pair.SecondErrorWeights,
            _absolute, _relative, Active, _secondSquares);
        for (int row = 0; row < Active; row++)
        {
            double first = _squares[row], both = first + 0.01 * _secondSquares[row];
            _squares[row] = both == 0 ? 0 : first * first / both;
        }
    }

    /// <summary>
    /// Where rounding a step's result to float32 may change it by more than the tolerances allow, no step is small enough, whatever its estimate says: that falls
    /// with the step, the rounding does not.
    /// </summary>
    private void RejectBelowRounding()
    {
        Arithmetic.SquaredScaledNorms(_scratch, Buffers.States, null, Buffers.States, _absolute, _relative, 0, Active, _roundings);
        for (int row = 0; row < Active; row++)
        {
            if (_squares[row] <= 1 && _roundings[row] * Rounding * Rounding > 1 && !IsAtRest(row))
                _squares[row] = Unsolvable;
        }
    }

    /// <summary>Accepts or rejects every row, and chooses its next step.</summary>
    private void Judge()
    {
        _controllers.Judge(_squares, Active);
        _rejectedNowCount = 0;
        var end = new Vector<double>(_end);
        for (int i = 0; i < Active; i += Vector<double>.Count)
        {
            Vector<long> accepted = Vector.LessThanOrEqual(Load(_squares, i), Vector<double>.One);
            Vector<double> time = Vector.ConditionalSelect(accepted, Load(_target, i), Load(_time, i));
            Vector<double> proposed = Vector.ConditionalSelect(accepted, Load(_step, i) * Load(_controllers.Factors, i), Load(_proposed, i));
            Store(time, _time, i);
            Store(proposed, _proposed, i);
            Vector<long> plain = accepted & Vector.LessThan(time, end) & Vector.GreaterThan(time + proposed / 16, time);
            if (_anyNonFinite == 0 && Vector.EqualsAll(plain, Vector<long>.AllBitsSet))
                continue;
            for (int row = i; row < Math.Min(i + Vector<double>.Count, Active); row++)
            {
                if (_squares[row] <= 1)
                    LookAtAccepted(row);
                else
                    Reject(row);
            }
        }
        if (_turn >= _nextStepsCheck)
            EndThoseOutOfSteps();
    }

    private void LookAtAccepted(int row)
    {
        if (_nonFinite[row] > 0 && _time[row] >= _nonFiniteTime[row])
        {
            (_nonFinite[row], _nonFiniteTime[row]) = (0, double.PositiveInfinity);
            _anyNonFinite--;
        }
        if (_time[row] == _end)
            End(row, SampleStatus.Completed);
        else
            EndIfStepVanishes(row);
    }

    private void Reject(int row)
    {
        _rejected[row]++;
        _rejectedNow[_rejectedNowCount++] = row;
        double square = _squares[row];
        if (square == Unsolvable)
        {
            End(row, SampleStatus.StepTooSmall);
            return;
        }
        _rejectedInARow[row] = _controllers.WasRejected(row) ? _rejectedInARow[row] + 1 : 1;
        _proposed[row] = _step[row] * _controllers.Reject(row, square);
        bool isFinite = double.IsFinite(square) || (double.IsPositiveInfinity(square) && StagesAreFinite(row));
        if (!isFinite)
        {
            if (_nonFinite[row]++ == 0)
                _anyNonFinite++;
            _nonFiniteTime[row] = Math.Min(_nonFiniteTime[row], _target[row]);
        }
        if (_nonFinite[row] > MaxNonFinite)
            End(row, SampleStatus.NonFinite);
        else if (_rejectedInARow[row] >= _options.MaxRejections)
            End(row, isFinite ? SampleStatus.OutOfSteps : SampleStatus.NonFinite);
        else
            EndIfStepVanishes(row);
    }

    /// <summary>Whether an error is infinite as a number of tolerances alone: the state is finite then, and so are the velocities.</summary>
    private bool StagesAreFinite(int row)
    {
        for (int stage = 0; stage < _pair.Stages; stage++)
        {
            if (!TensorPrimitives.IsFiniteAll<float>(Arithmetic.Read(_stages[stage], row)))
                return false;
        }
        return true;
    }

    /// <summary>Whether all velocities of a row's step are 0.</summary>
    private bool IsAtRest(int row)
    {
        for (int stage = 0; stage < _pair.Stages; stage++)
        {
            if (Arithmetic.Read(_stages[stage], row).ContainsAnyExcept(0f))
                return false;
        }
        return true;
    }

    private void EndIfStepVanishes(int row)
    {
        if (!(_time[row] + _proposed[row] / 16 > _time[row]))
            End(row, _nonFinite[row] > 0 ? SampleStatus.NonFinite : SampleStatus.StepTooSmall);
    }

    private void EndThoseOutOfSteps()
    {
        long oldest = long.MaxValue;
        for (int row = 0; row < Active; row++)
        {
            if (_ended[row] is not null)
                continue;
            if (_turn - _begun[row] >= _options.MaxSteps)
                End(row, SampleStatus.OutOfSteps);
            else
                oldest = Math.Min(oldest, _begun[row]);
        }
        _nextStepsCheck = Math.Min(oldest, _turn) + _options.MaxSteps;
    }

    private void End(int row, SampleStatus status)
    {
        _ended[row] = status;
        _anyEnded = true;
    }
}
