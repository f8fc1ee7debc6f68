using System.Numerics.Tensors;
using FlowRuntime.Fields;

namespace FlowRuntime.Ode;

/// <summary>Steps of a Runge–Kutta method on a grid.</summary>
internal sealed class RungeKuttaStepper : GridStepper
{
    private readonly ButcherTableau _tableau;
    private readonly RowBuffer[] _stages;
    private readonly RowSteps _h;
    private readonly double[] _weights;
    private readonly int[] _outputs;
    private readonly bool _unfused;

    public RungeKuttaStepper(ButcherTableau tableau, GridContext context) : base(context)
    {
        (_tableau, _unfused) = (tableau, context.Unfused);
        _stages = [.. Velocities];
        _h = new RowSteps(X.Rows, X.Width);
        _weights = new double[tableau.Stages];
        _outputs = [.. Enumerable.Range(0, tableau.Stages)];
        if (Problem.TrajectoryTimes.Count > 0 && tableau.Interpolant.ExtraStages > 0)
            throw new ArgumentException($"The interpolant of {tableau} needs further stages, which fixed steps do not take. Record trajectories with adaptive steps or with another method, such as dopri5.");
    }

    public override void Step(int step, int rows, CancellationToken cancellationToken)
    {
        double start = Grid[step], end = Grid[step + 1], h = end - start;
        _h.Fill((float)h);
        if (!(_tableau.LastStageIsNextFirst && step > 0))
            Evaluate(start, rows, _outputs[0], cancellationToken);
        for (int stage = 1; stage < _tableau.Stages; stage++)
        {
            Combine(_tableau.A(stage), rows);
            Evaluate(_tableau.C[stage] == 1 ? end : start + _tableau.C[stage] * h, rows, _outputs[stage], cancellationToken);
        }
        if (_tableau.LastStageIsNextFirst) // the states hold the last stage's, which is the step's result
            SwapFirstAndLast();
        else
            Combine(_tableau.B, rows);
    }

    public override void Move(int source, int destination)
    {
        if (_tableau.LastStageIsNextFirst)
            _stages[0][source].CopyTo(_stages[0][destination]);
    }

    public override void Interpolate(int step, double theta, int row, Span<float> state)
    {
        double h = Grid[step + 1] - Grid[step];
        _tableau.Interpolant.Weights(theta, _weights);
        if (_tableau.LastStageIsNextFirst) // the stages are in the next step's order already
            (_weights[0], _weights[^1]) = (_weights[^1], _weights[0]);
        X[row].CopyTo(state);
        for (int stage = 0; stage < _weights.Length; stage++)
        {
            if (_weights[stage] != 0)
                TensorPrimitives.MultiplyAdd(_stages[stage][row], (float)(h * _weights[stage]), state, state);
        }
    }

    private void Combine(ReadOnlySpan<double> weights, int rows)
    {
        if (_unfused)
            UnfusedArithmetic.Combine(States, X, _h, _stages, weights, 0, rows);
        else
            RowArithmetic.Combine(States, X, _h, _stages, weights, 0, rows);
    }

    private void SwapFirstAndLast()
    {
        (_stages[0], _stages[^1]) = (_stages[^1], _stages[0]);
        (_outputs[0], _outputs[^1]) = (_outputs[^1], _outputs[0]);
    }
}
