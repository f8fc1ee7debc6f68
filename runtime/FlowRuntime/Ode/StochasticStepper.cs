using FlowRuntime.Fields;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;

namespace FlowRuntime.Ode;

/// <summary>Steps of a stochastic method. The noise of a step is a function of seed, sample index and step alone.</summary>
internal sealed class StochasticStepper : GridStepper
{
    private readonly StochasticMethod _method;
    private readonly ProbabilityPath _path;
    private readonly RowBuffer _noise;
    private readonly RowBuffer _churned;
    private readonly RowBuffer[] _slopes;
    private readonly RowSteps _h;
    private readonly RowBuffer[] _tables = new RowBuffer[3];
    private readonly double[] _weights = new double[3];

    public StochasticStepper(StochasticMethod method, GridContext context) : base(context)
    {
        _method = method;
        _path = PathOf(method);
        _noise = new RowBuffer(X.Rows, X.Width);
        _churned = new RowBuffer(X.Rows, X.Width);
        _slopes = [.. Velocities];
        _h = new RowSteps(X.Rows, X.Width);
    }

    public override void Step(int step, int rows, CancellationToken cancellationToken)
    {
        if (_method.Order == 1)
            StepByEulerMaruyama(step, rows, cancellationToken);
        else
            StepByChurnedHeun(step, rows, cancellationToken);
    }

    public override void Move(int source, int destination)
    {
        // Nothing is remembered from step to step.
    }

    /// <summary>The straight line: noise has no slope.</summary>
    public override void Interpolate(int step, double theta, int row, Span<float> state)
    {
        Span<float> start = X[row], end = States[row];
        for (int i = 0; i < state.Length; i++)
            state[i] = (float)(start[i] + theta * (end[i] - start[i]));
    }

    private void StepByEulerMaruyama(int step, int rows, CancellationToken cancellationToken)
    {
        double start = Grid[step], h = Grid[step + 1] - start;
        Evaluate(start, rows, output: 0, cancellationToken);
        // ½ g² s = −churn ε with g² = 2 churn σ and s = −ε/σ; the last step is the flow's.
        PathCoefficients at = _path.At(start);
        double churn = step == Grid.Length - 2 ? 0 : _method.Churn;
        (double ofState, double ofVelocity) = at.Noise;
        if (churn > 0)
            DrawNoise(step, rows);
        (_tables[0], _tables[1], _tables[2]) = (X, Velocities[0], _noise);
        _weights[0] = 1 - h * churn * ofState;
        _weights[1] = h * (1 - churn * ofVelocity);
        _weights[2] = Math.Sqrt(2 * churn * at.Deviation * h);
        RowArithmetic.Combine(States, _tables, _weights, rows);
    }

    private void StepByChurnedHeun(int step, int rows, CancellationToken cancellationToken)
    {
        double start = Grid[step], end = Grid[step + 1];
        PathCoefficients at = _path.At(start);
        double rise = Math.Min(_method.Churn / (Grid.Length - 1), Math.Sqrt(2) - 1);
        RowBuffer from = X;
        if (rise > 0 && at.Deviation > 0 && double.IsFinite(at.NoiseLevel))
        {
            // Back to the time of the raised noise level, with the noise that is missing there.
            start = Math.Max(Problem.Start, _path.TimeOf(at.NoiseLevel * (1 + rise)));
            PathCoefficients back = _path.At(start);
            double scale = back.Alpha / at.Alpha;
            DrawNoise(step, rows);
            (_tables[0], _tables[1]) = (X, _noise);
            _weights[0] = scale;
            _weights[1] = Math.Sqrt(Math.Max(0, back.Deviation * back.Deviation - scale * scale * at.Deviation * at.Deviation));
            RowArithmetic.Combine(_churned, _tables, _weights.AsSpan(0, 2), rows);
            from = _churned;
            from.Range(0, rows).CopyTo(States.Range(0, rows));
        }
        double h = end - start;
        Evaluate(start, rows, output: 0, cancellationToken);
        _h.Fill((float)h);
        RowArithmetic.Combine(States, from, _h, _slopes, [1.0], 0, rows);
        if (_path.At(end).Deviation == 0)
            return;
        Evaluate(end, rows, output: 1, cancellationToken);
        RowArithmetic.Combine(States, from, _h, _slopes, ButcherTableau.Heun.B, 0, rows);
    }

    private void DrawNoise(int step, int rows)
    {
        for (int row = 0; row < rows; row++)
            Noise.Fill(Problem.Seed, Indices[row], _noise[row], stream: 1 + (uint)step);
    }
}
