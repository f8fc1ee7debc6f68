using FlowRuntime.Fields;

namespace FlowRuntime.Ode;

/// <summary>
/// Adams–Bashforth on a grid: x + ∫ p(t) dt over the step, p the polynomial through the last velocities.
/// </summary>
/// <remarks>Source: Hairer I, section III.1; for steps of any size section III.5.</remarks>
internal sealed class AdamsBashforthStepper(MultistepMethod method, GridContext context) : MultistepStepper(method, context)
{
    private readonly RowBuffer[] _tables = new RowBuffer[method.Order + 1];
    private readonly double[] _weights = new double[method.Order + 1];

    public override void Step(int step, int rows, CancellationToken cancellationToken)
    {
        double start = Grid[step], end = Grid[step + 1], h = end - start;
        Evaluate(start, rows, OutputOf(step), cancellationToken);
        int terms = Math.Min(step + 1, Method.Order);
        (_tables[0], _weights[0]) = (X, 1);
        for (int j = 0; j < terms; j++)
        {
            _tables[j + 1] = ValueOf(step - j);
            _weights[j + 1] = IntegralOfLagrange(step, j, terms);
        }
        RowArithmetic.Combine(States, _tables, _weights.AsSpan(0, terms + 1), rows);
        if (step == 0 && Method.Order == 3)
        {
            // Heun's step from the Euler step that stands there: two of order 1 would cost an order.
            Evaluate(end, rows, OutputOf(1), cancellationToken);
            (_tables[2], _weights[1], _weights[2]) = (ValueOf(1), h / 2, h / 2);
            RowArithmetic.Combine(States, _tables, _weights.AsSpan(0, 3), rows);
        }
    }

    public override void Interpolate(int step, double theta, int row, Span<float> state) =>
        InterpolateQuadratically(X, ValueOf(step), Grid[step + 1] - Grid[step], theta, row, state);

    /// <summary>∫ over the step of the Lagrange polynomial that is 1 at the time of the velocity j steps back and 0 at the other terms' times.</summary>
    private double IntegralOfLagrange(int step, int j, int terms)
    {
        double start = Grid[step], h = Grid[step + 1] - start;
        double sum = 0;
        // Two points of Gauss integrate polynomials up to degree 3 exactly.
        foreach (double node in (ReadOnlySpan<double>)[0.5 - Math.Sqrt(1.0 / 12), 0.5 + Math.Sqrt(1.0 / 12)])
        {
            double value = 1;
            for (int m = 0; m < terms; m++)
            {
                if (m != j)
                    value *= (start + node * h - Grid[step - m]) / (Grid[step - j] - Grid[step - m]);
            }
            sum += value;
        }
        return h * sum / 2;
    }
}
