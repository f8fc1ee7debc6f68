using System.Numerics.Tensors;
using FlowRuntime.Sampling;

namespace FlowRuntime.Ode;

/// <content>How new samples come in, and their first steps.</content>
internal sealed partial class AdaptiveWorker
{
    private const double VeryLarge = 1e30;

    /// <summary>The least first step, as a share of the interval: where velocities are so many tolerances large that their square overflows, the estimate says 0.</summary>
    private const double LeastFirstStep = 1e-12;

    /// <summary>Squares of velocities and of their changes up to this say that there is none.</summary>
    private const double LeastCurvature = 1e-30;

    private const double MostCurvature = 1e300;

    private void Refill(CancellationToken cancellationToken)
    {
        while (true)
        {
            int first = Active;
            int count = Queue.Take(Slots - Active, out long index);
            Start(first, count, index);
            Active += count;
            if (count == 0)
                return;
            ChooseFirstSteps(first, count, cancellationToken);
            if (!_anyEnded)
                return;
            HandOut(); // samples that failed where they started leave room for others
        }
    }

    private void Start(int first, int count, long index)
    {
        for (int i = 0; i < count; i++)
            Begin(first + i, index + i);
        _controllers.Begin(first, count);
        _time.AsSpan(first, count).Fill(_start);
        _nonFiniteTime.AsSpan(first, count).Fill(double.PositiveInfinity);
        _begun.AsSpan(first, count).Fill(_turn);
        _evaluations.AsSpan(first, count).Clear();
        _rejected.AsSpan(first, count).Clear();
        _rejectedInARow.AsSpan(first, count).Clear();
        _nonFinite.AsSpan(first, count).Clear();
        _slopeKnown.AsSpan(first, count).Clear();
    }

    private void ChooseFirstSteps(int first, int count, CancellationToken cancellationToken)
    {
        double length = _end - _start;
        double? given = _options.FirstStep ?? (_profile is null ? null : length);
        if (given is null || KeepsFirstStage)
        {
            Arithmetic.Copy(X, Buffers.States, first, count);
            Buffers.Times.AsSpan(first, count).Fill(Problem.Start);
            EvaluateAndCount(first, count, output: _outputs[0], cancellationToken);
            _slopeKnown.AsSpan(first, count).Fill(true);
            EndThoseNotFinite(first, count);
        }
        if (given is { } step)
            _proposed.AsSpan(first, count).Fill(Math.Min(step, length));
        else
            ProbeFirstSteps(first, count, cancellationToken);
    }

    private void EndThoseNotFinite(int first, int count)
    {
        // Divided by so large a number, the square of every finite value is finite.
        Arithmetic.SquaredScaledNorms(_scratch, _stages[0], null, X, VeryLarge, 0, first, count, _squares);
        Arithmetic.SquaredScaledNorms(_scratch, X, null, X, VeryLarge, 0, first, count, _speeds);
        for (int i = 0; i < count; i++)
        {
            if (!double.IsFinite(_squares[i] + _speeds[i]))
                End(first + i, SampleStatus.NonFinite);
        }
    }

    /// <summary>The first step of new samples, by the size of the velocity and of its change over a small Euler step.</summary>
    /// <remarks>
    /// Source: Hairer I, section II.4, "starting step size". The probe is kept inside the interval, and where a sample starts at rest
    /// it is a thousandth of it instead of 1e-6: round-off in float32 would look like curvature, and four steps be lost in growing.
    /// </remarks>
    private void ProbeFirstSteps(int first, int count, CancellationToken cancellationToken)
    {
        double atol = _absolute, rtol = _relative;
        double length = _end - _start;
        double least = Math.Min(length, Math.Max(LeastFirstStep * length, 32 * (Math.BitIncrement(Math.Abs(_start)) - Math.Abs(_start))));
        Span<double> probes = _proposed.AsSpan(first, count);
        Arithmetic.SquaredScaledNorms(_scratch, X, null, X, atol, rtol, first, count, _squares);
        Arithmetic.SquaredScaledNorms(_scratch, _stages[0], null, X, atol, rtol, first, count, _speeds);
        for (int i = 0; i < count; i++)
        {
            double size = _squares[i], speed = _speeds[i];
            double probe = size < 1e-10 || speed < 1e-10 ? 1e-3 * length : 0.01 * Math.Sqrt(size / speed);
            probes[i] = double.IsFinite(probe) ? Math.Clamp(probe, least, length) : length;
            Buffers.Times[first + i] = _direction * Math.Min(_start + probes[i], _end);
        }
        _h.Set(first, probes, _direction);
        Arithmetic.Combine(Buffers.States, X, _h, _stages, [1.0], first, count);
        EvaluateAndCount(first, count, output: _outputs[1], cancellationToken);
        Arithmetic.SquaredScaledNorms(_scratch, _stages[1], _stages[0], X, atol, rtol, first, count, _squares);
        for (int i = 0; i < count; i++)
            _squares[i] = Math.Max(_speeds[i], _squares[i] / (probes[i] * probes[i]));
        // (0.01/√square)^(1/k), in whole vectors, of numbers that are none of a kind of their own: see RowControllers
        Span<double> steps = _speeds.AsSpan(0, RowControllers.Padded(count));
        TensorPrimitives.MaxNumber(_squares.AsSpan(0, steps.Length), LeastCurvature, steps);
        TensorPrimitives.Min(steps, MostCurvature, steps);
        TensorPrimitives.Log<double>(steps, steps);
        TensorPrimitives.Subtract(Math.Log(1e-4), steps, steps);
        TensorPrimitives.Multiply(steps, 0.5 / _errorOrder, steps);
        TensorPrimitives.Exp<double>(steps, steps);
        for (int i = 0; i < count; i++)
        {
            double step = Math.Min(100 * probes[i], _squares[i] <= LeastCurvature ? Math.Max(1e-6, 1e-3 * probes[i]) : steps[i]);
            if (!double.IsNaN(_squares[i])) // a probe that is not finite says nothing
                probes[i] = Math.Clamp(step, least, length);
        }
    }
}
