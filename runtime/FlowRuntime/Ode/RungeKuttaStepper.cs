using System.Numerics.Tensors;
using FlowRuntime.Fields;

namespace FlowRuntime.Ode;

/// <summary>Steps of a Runge–Kutta method on a grid.</summary>
internal sealed class RungeKuttaStepper : GridStepper
{
    private readonly ButcherTableau _tableau;
    private readonly RowBuffer[] _tables;
    private readonly double[] _weights;
    private readonly int[] _outputs;

    public RungeKuttaStepper(ButcherTableau tableau, GridContext context) : base(context)
    {
        _tableau = tableau;
        _tables = [X, .. Velocities];
        _weights = new double[tableau.Stages + 1];
        _outputs = [.. Enumerable.Range(0, tableau.Stages)];
        if (Problem.TrajectoryTimes.Count > 0 && tableau.Interpolant.ExtraStages > 0)
            throw new ArgumentException($"The interpolant of {tableau} needs further stages, which fixed steps do not take. Record trajectories with adaptive steps or with another method, such as dopri5.");
    }

    public override void Step(int step, int rows, CancellationToken cancellationToken)
    {
        double start = Grid[step], end = Grid[step + 1], h = end - start;
        if (!(_tableau.LastStageIsNextFirst && step > 0))
            Evaluate(start, rows, _outputs[0], cancellationToken);
        for (int stage = 1; stage < _tableau.Stages; stage++)
        {
            Combine(h, _tableau.A(stage), rows);
            Evaluate(_tableau.C[stage] == 1 ? end : start + _tableau.C[stage] * h, rows, _outputs[stage], cancellationToken);
        }
        if (_tableau.LastStageIsNextFirst) // the states hold the last stage's, which is the step's result
            SwapFirstAndLast();
        else
            Combine(h, _tableau.B, rows);
    }

    public override void Move(int source, int destination)
    {
        if (_tableau.LastStageIsNextFirst)
            _tables[1][source].CopyTo(_tables[1][destination]);
    }

    public override void Interpolate(int step, double theta, int row, Span<float> state)
    {
        Span<double> weights = _weights.AsSpan(1);
        double h = Grid[step + 1] - Grid[step];
        _tableau.Interpolant.Weights(theta, weights);
        if (_tableau.LastStageIsNextFirst) // the tables are in the next step's order already
            (weights[0], weights[^1]) = (weights[^1], weights[0]);
        X[row].CopyTo(state);
        for (int stage = 0; stage < weights.Length; stage++)
        {
            if (weights[stage] != 0)
                TensorPrimitives.MultiplyAdd(_tables[stage + 1][row], (float)(h * weights[stage]), state, state);
        }
    }

    private void Combine(double h, ReadOnlySpan<double> weights, int rows)
    {
        _weights[0] = 1;
        for (int j = 0; j < weights.Length; j++)
            _weights[j + 1] = h * weights[j];
        RowArithmetic.Combine(States, _tables, _weights.AsSpan(0, weights.Length + 1), rows);
    }

    private void SwapFirstAndLast()
    {
        (_tables[1], _tables[^1]) = (_tables[^1], _tables[1]);
        (_outputs[0], _outputs[^1]) = (_outputs[^1], _outputs[0]);
    }
}
