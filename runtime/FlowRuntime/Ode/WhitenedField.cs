using System.Numerics.Tensors;
using FlowRuntime.Fields;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;

namespace FlowRuntime.Ode;

/// <summary>Mean and scale of the data, by which a solve may take coordinates in which Gaussian data stand still.</summary>
/// <param name="Mean">Mean of the data in the field's units: one number, or one a value.</param>
/// <param name="Scale">Standard deviation of the data, at least 0: one number, or one a value, not all of them 0. What is below a
/// thousandth of their root mean square is taken as that, so that a value which is the same in all data has coordinates too.</param>
public sealed record DataMoments(IReadOnlyList<double> Mean, IReadOnlyList<double> Scale);

/// <summary>
/// A field in coordinates in which the flow of Gaussian data stands still: z = (x − α m)/ρ with ρ² = α² S² + σ², m the mean
/// and S the scale of the data, over the angle u = (2/π) atan(S̄ α/σ) instead of the time, S̄ the root mean square of S.
/// What is left to solve is how the data differ from a Gaussian.
/// </summary>
/// <remarks>
/// The closed flow of Gaussian data is x(t) − α m = (ρ/ρ₀)(x(0) − α₀ m); taken out of the field it leaves
/// dz/du = [(v − α' m)/ρ − (ρ'/ρ) z] dt/du.
/// </remarks>
internal sealed class WhitenedField : IVelocityField
{
    /// <summary>The least scale of a value, as a share of the root mean square of all: without any, ρ would end at 0.</summary>
    private const double LeastScale = 1e-3;

    private readonly IVelocityField _field;
    private readonly ProbabilityPath _path;
    private readonly float[] _mean;
    private readonly float[] _scale;
    private readonly double _meanScale;
    private readonly bool _oneScale;
    private readonly double _firstTime;
    private readonly double _lastTime;

    /// <summary>Wraps a field.</summary>
    /// <param name="field">The field in x and t.</param>
    /// <param name="path">The path it belongs to.</param>
    /// <param name="moments">Mean and scale of the data.</param>
    /// <param name="start">Where the solve starts.</param>
    /// <param name="end">Where it ends; outside of the two the field is never evaluated.</param>
    /// <exception cref="ArgumentException">The numbers are not one or as many as the field's, or not finite, or all scales are 0.</exception>
    public WhitenedField(IVelocityField field, ProbabilityPath path, DataMoments moments, double start, double end)
    {
        (_field, _path) = (field, path);
        (_firstTime, _lastTime) = (Math.Min(start, end), Math.Max(start, end));
        _mean = OneEach(moments.Mean, "mean");
        _scale = OneEach(moments.Scale, "scale");
        _meanScale = Math.Sqrt(_scale.Sum(value => (double)value * value) / _scale.Length);
        if (!(_meanScale > 0) || _scale.Any(value => value < 0))
            throw new ArgumentException("The scales of the data must be at least 0, and one of them above.", nameof(moments));
        float least = (float)(LeastScale * _meanScale);
        for (int i = 0; i < _scale.Length; i++)
            _scale[i] = Math.Max(_scale[i], least);
        _oneScale = _scale.AsSpan().IndexOfAnyExcept(_scale[0]) < 0;
    }

    /// <inheritdoc/>
    public int Dimension => _field.Dimension;

    /// <summary>The angle u in [0, 1] of a time t.</summary>
    public double AngleOf(double time)
    {
        PathCoefficients at = _path.At(time);
        return 2 / Math.PI * Math.Atan2(_meanScale * at.Alpha, at.Deviation);
    }

    /// <summary>The time t of an angle u; within the solve, which rounding would leave by some last bits.</summary>
    public double TimeOf(double angle) =>
        Math.Clamp(angle <= 0 ? 0 : _path.TimeOf(_meanScale / Math.Tan(Math.PI / 2 * Math.Min(angle, 1))), _firstTime, _lastTime);

    /// <summary>Turns a state into these coordinates, in place.</summary>
    /// <param name="time">The time t of the state.</param>
    /// <param name="state">x, [dimension]; receives z.</param>
    public void Whiten(double time, Span<float> state)
    {
        PathCoefficients at = _path.At(time);
        double rho = 0;
        for (int i = 0; i < state.Length; i++)
        {
            if (i == 0 || !_oneScale)
                rho = Rho(at, i);
            state[i] = (float)((state[i] - at.Alpha * _mean[i]) / rho);
        }
    }

    /// <summary>Turns a state in these coordinates back, in place.</summary>
    /// <param name="time">The time t of the state.</param>
    /// <param name="state">z, [dimension]; receives x.</param>
    public void Unwhiten(double time, Span<float> state)
    {
        PathCoefficients at = _path.At(time);
        double rho = 0;
        for (int i = 0; i < state.Length; i++)
        {
            if (i == 0 || !_oneScale)
                rho = Rho(at, i);
            state[i] = (float)(at.Alpha * _mean[i] + rho * state[i]);
        }
    }

    /// <summary>A problem in these coordinates.</summary>
    public static OdeProblem Whitened(OdeProblem problem, WhitenedField field) => problem with
    {
        Field = field,
        InitialState = (index, state) =>
        {
            problem.InitialState(index, state);
            field.Whiten(problem.Start, state);
        },
        Start = field.AngleOf(problem.Start),
        End = field.AngleOf(problem.End),
        TrajectoryTimes = [.. problem.TrajectoryTimes.Select(field.AngleOf)],
        Solver = problem.Solver is AdaptiveSteps steps ? steps with { Moments = null } : problem.Solver,
        IsWhitened = true,
    };

    /// <summary>A sample of such a problem in the coordinates of the original one; its memory is changed.</summary>
    public FinishedSample Unwhitened(in FinishedSample sample, OdeProblem problem)
    {
        double time = sample.Status == SampleStatus.Completed ? problem.End : TimeOf(sample.Time);
        Unwhiten(time, sample.State);
        for (int i = 0; i < problem.TrajectoryTimes.Count; i++)
            Unwhiten(problem.TrajectoryTimes[i], sample.Trajectory.Slice(i * Dimension, Dimension));
        bool isLost = sample.Status == SampleStatus.Completed && !TensorPrimitives.IsFiniteAll<float>(sample.State); // larger than float32 in x, though not in z
        return new FinishedSample
        {
            Index = sample.Index,
            Status = isLost ? SampleStatus.NonFinite : sample.Status,
            Time = time,
            Evaluations = sample.Evaluations,
            Accepted = sample.Accepted,
            Rejected = sample.Rejected,
            State = sample.State,
            Trajectory = sample.Trajectory,
        };
    }

    /// <inheritdoc/>
    public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers)
    {
        if (buffers.Divergences is not null)
            throw new NotSupportedException("Whitened coordinates have no divergence. Ask the wrapped field for it.");
        return new Evaluator(this, buffers);
    }

    private double Rho(PathCoefficients at, int i) => Math.Sqrt(at.Alpha * at.Alpha * _scale[i] * _scale[i] + at.Deviation * at.Deviation);

    private float[] OneEach(IReadOnlyList<double> values, string name)
    {
        if ((values.Count != 1 && values.Count != Dimension) || !values.All(value => float.IsFinite((float)value)))
            throw new ArgumentException($"The data's {name} has {values.Count} numbers; one or {Dimension} finite ones are needed.");
        return [.. Enumerable.Range(0, Dimension).Select(i => (float)values[values.Count == 1 ? 0 : i])];
    }

    private sealed class Evaluator : IVelocityEvaluator
    {
        private readonly WhitenedField _owner;
        private readonly EvaluationBuffers _outer;
        private readonly EvaluationBuffers _inner;
        private readonly IVelocityEvaluator _evaluator;

        public Evaluator(WhitenedField owner, EvaluationBuffers buffers)
        {
            _owner = owner;
            _outer = buffers;
            _inner = new EvaluationBuffers(buffers.Capacity, buffers.Dimension, outputs: 1);
            _evaluator = owner._field.CreateEvaluator(_inner);
        }

        public void Assign(int row, long sampleIndex, Condition condition) => _evaluator.Assign(row, sampleIndex, condition);

        public void Move(int source, int destination) => _evaluator.Move(source, destination);

        public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
        {
            for (int row = first; row < first + count; row++)
            {
                double time = _inner.Times[row] = _owner.TimeOf(_outer.Times[row]);
                _outer.States[row].CopyTo(_inner.States[row]);
                _owner.Unwhiten(time, _inner.States[row]);
            }
            _evaluator.Evaluate(first, count, output: 0, cancellationToken);
            for (int row = first; row < first + count; row++)
            {
                PathCoefficients at = _owner._path.At(_inner.Times[row]);
                double s = _owner._meanScale;
                double timeOverAngle = Math.PI / 2 * (at.Alpha * at.Alpha * s * s + at.Deviation * at.Deviation)
                    / (s * (at.AlphaRate * at.Deviation - at.Alpha * at.DeviationRate));
                Span<float> velocity = _inner.Velocities[0][row], z = _outer.States[row], result = _outer.Velocities[output][row];
                double rho = 0, growth = 0;
                for (int i = 0; i < result.Length; i++)
                {
                    if (i == 0 || !_owner._oneScale)
                    {
                        double scale = _owner._scale[i];
                        rho = _owner.Rho(at, i);
                        growth = (at.Alpha * at.AlphaRate * scale * scale + at.HalfVarianceRate) / (rho * rho);
                    }
                    result[i] = (float)(timeOverAngle * ((velocity[i] - at.AlphaRate * _owner._mean[i]) / rho - growth * z[i]));
                }
            }
        }

        public void Dispose()
        {
            _evaluator.Dispose();
            _inner.Release();
        }
    }
}
