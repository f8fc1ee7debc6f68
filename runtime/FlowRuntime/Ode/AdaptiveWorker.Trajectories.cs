using System.Numerics.Tensors;
using FlowRuntime.Fields;

namespace FlowRuntime.Ode;

/// <content>The states that accepted steps pass on their way.</content>
internal sealed partial class AdaptiveWorker
{
    /// <summary>Records the states at the trajectory's times that accepted steps pass.</summary>
    /// <returns>The table of the steps' results: the states, or where their rows were needed for further stages, a copy.</returns>
    private RowBuffer RecordTrajectories(CancellationToken cancellationToken)
    {
        RowBuffer next = Buffers.States;
        if (NextTime is null)
            return next;
        Interpolant interpolant = _pair.Interpolant;
        if (interpolant.ExtraStages > 0)
        {
            next.Range(0, Active).CopyTo(_scratch.Range(0, Active));
            next = _scratch;
            for (int extra = 0; extra < interpolant.ExtraStages; extra++)
                EvaluateExtraStage(extra, cancellationToken);
        }
        for (int row = 0; row < Active; row++)
        {
            if (!(_squares[row] <= 1))
                continue;
            int due = NextTime[row];
            while (IsDue(row, _direction * _target[row]))
            {
                double time = _direction * Problem.TrajectoryTimes[NextTime[row]];
                Span<float> state = NextState(row);
                if (time == _target[row])
                {
                    next[row].CopyTo(state);
                    continue;
                }
                interpolant.Weights((time - _time[row]) / _step[row], _weights);
                X[row].CopyTo(state);
                for (int stage = 0; stage < _weights.Length; stage++)
                {
                    if (_weights[stage] != 0)
                        TensorPrimitives.MultiplyAdd(_stages[stage][row], (float)(_direction * _step[row] * _weights[stage]), state, state);
                }
                if (TensorPrimitives.IsFiniteAll<float>(state))
                    continue;
                ForgetStates(row, due);
                _squares[row] = double.NaN; // the step passes where the velocity is not finite
                break;
            }
        }
        return next;
    }

    /// <summary>Evaluates a stage that only the interpolant needs, for the rows whose accepted step passes one of the trajectory's times.</summary>
    private void EvaluateExtraStage(int extra, CancellationToken cancellationToken)
    {
        Interpolant interpolant = _pair.Interpolant;
        int stage = _pair.Stages + extra;
        for (int first = 0; first < Active; first++)
        {
            int count = 0;
            while (first + count < Active && PassesATime(first + count))
                count++;
            if (count == 0)
                continue;
            Arithmetic.Combine(Buffers.States, X, _h, _stages, interpolant.A(extra), first, count);
            SetTimes(interpolant.C(extra), first, count);
            EvaluateAndCount(first, count, _outputs[stage], cancellationToken);
            first += count;
        }

        bool PassesATime(int row) => _squares[row] <= 1 && NextTime![row] < Problem.TrajectoryTimes.Count
            && _direction * Problem.TrajectoryTimes[NextTime[row]] < _target[row];
    }
}
