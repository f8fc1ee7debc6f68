using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Paths;

namespace FlowRuntime.Ode;

/// <summary>
/// DPM-Solver++ and UniPC: x(t) = (σ_t/σ_s) x(s) + σ_t ∫ e^λ D dλ over the step in the half log-SNR λ, where D is the data
/// that state and velocity speak of, taken as a polynomial through its last values.
/// </summary>
/// <remarks>
/// Source: Lu et al. 2022, "DPM-Solver++", algorithm 2; Zhao et al. 2023, "UniPC", with
/// B(h) = e^h − 1. With H = λ_t − λ_s, σ_t e^λ_s (e^H − 1) = α_t − σ_t α_s/σ_s, which stays finite where λ is not: a step that
/// begins at pure noise or ends at pure data is of order 1, and so is the step after the first, whose only
/// earlier value lies at λ = −∞.
/// </remarks>
internal sealed class ExponentialStepper : MultistepStepper
{
    private readonly PathCoefficients[] _at;
    private readonly bool _corrects;
    private readonly RowBuffer? _corrected;
    private readonly RowBuffer[] _tables;
    private readonly double[] _weights;

    public ExponentialStepper(MultistepMethod method, GridContext context) : base(method, context)
    {
        _at = [.. Grid.Select(PathOf(method).At)];
        _corrects = method != MultistepMethod.DpmSolver2M;
        _corrected = _corrects ? new RowBuffer(X.Rows, X.Width) : null;
        _tables = new RowBuffer[method.Order + 2];
        _weights = new double[method.Order + 2];
    }

    public override void Step(int step, int rows, CancellationToken cancellationToken)
    {
        Evaluate(Grid[step], rows, OutputOf(step), cancellationToken);
        RowBuffer data = ValueOf(step);
        (double ofState, double ofVelocity) = _at[step].Data;
        (_tables[0], _tables[1]) = (States, data);
        (_weights[0], _weights[1]) = (ofState, ofVelocity);
        RowArithmetic.Combine(data, _tables, _weights.AsSpan(0, 2), rows);

        RowBuffer from = X;
        if (_corrects)
        {
            if (step > 0)
                Advance(_corrected!, step - 1, OrderOf(step - 1), withNewValue: double.IsFinite(_at[step - 1].HalfLogSnr), rows);
            else
                X.Range(0, rows).CopyTo(_corrected!.Range(0, rows));
            from = _corrected!;
        }
        Advance(States, step, OrderOf(step), withNewValue: false, rows, from);
    }

    public override void Move(int source, int destination)
    {
        base.Move(source, destination);
        if (_corrected is not null)
            _corrected[source].CopyTo(_corrected[destination]);
    }

    public override void Interpolate(int step, double theta, int row, Span<float> state)
    {
        // The slope at the start follows from the state and the data there: v = α' D + σ' ε, ε = (x − α D)/σ.
        PathCoefficients at = _at[step];
        double h = Grid[step + 1] - Grid[step];
        (double ofState, double ofData) = at.VelocityOf(PredictionKind.Data);
        RowBuffer x = _corrected ?? X;
        Span<float> start = x[row], data = ValueOf(step)[row], end = States[row];
        for (int i = 0; i < state.Length; i++)
        {
            double slope = ofState * start[i] + ofData * data[i];
            state[i] = (float)(start[i] + theta * h * slope + theta * theta * (end[i] - start[i] - h * slope));
        }
    }

    /// <summary>How many values of D a step may use: those whose λ is finite, one at the ends of the path.</summary>
    private int OrderOf(int step)
    {
        if (!double.IsFinite(_at[step].HalfLogSnr) || !double.IsFinite(_at[step + 1].HalfLogSnr))
            return 1;
        int order = 1;
        while (order < Method.Order && order <= step && double.IsFinite(_at[step - order].HalfLogSnr))
            order++;
        return order;
    }

    /// <summary>
    /// A step with p values of D at and before its start, and with its value at the end too where it corrects:
    /// x' = (σ'/σ) x + (α' − σ' α/σ) [D_0 + Σ_k ρ_k (D_k − D_0)/r_k], r_k = (λ_k − λ_0)/H.
    /// </summary>
    private void Advance(RowBuffer destination, int step, int order, bool withNewValue, int rows, RowBuffer? from = null)
    {
        PathCoefficients start = _at[step], end = _at[step + 1];
        double gain = end.Alpha - end.Deviation * start.Alpha / start.Deviation;
        double h = end.HalfLogSnr - start.HalfLogSnr;

        Span<double> ratios = stackalloc double[Method.Order];
        int points = 0;
        for (int k = 1; k < order; k++)
        {
            _tables[2 + points] = ValueOf(step - k);
            ratios[points++] = (_at[step - k].HalfLogSnr - start.HalfLogSnr) / h;
        }
        if (withNewValue)
        {
            _tables[2 + points] = ValueOf(step + 1);
            ratios[points++] = 1;
        }
        Span<double> shares = _weights.AsSpan(2, points);
        Shares(ratios[..points], h, shares);

        double ofCurrent = 1;
        for (int k = 0; k < points; k++)
        {
            shares[k] *= gain / ratios[k];
            ofCurrent -= shares[k] / gain;
        }
        (_tables[0], _weights[0]) = (from ?? destination, end.Deviation / start.Deviation);
        (_tables[1], _weights[1]) = (ValueOf(step), gain * ofCurrent);
        RowArithmetic.Combine(destination, _tables, _weights.AsSpan(0, 2 + points), rows);
    }

    /// <summary>The shares ρ of the differences, which make the step exact for polynomials D: Σ_k ρ_k r_k^(n−1) = m_n / m_0, n = 1 … points.</summary>
    /// <remarks>A single value besides takes the share ½ (DPM-Solver++ 2M, UniP-2 and UniC-1), as in both sources.</remarks>
    private static void Shares(ReadOnlySpan<double> ratios, double h, Span<double> shares)
    {
        int n = ratios.Length;
        if (n == 0)
            return;
        if (n == 1)
        {
            shares[0] = 0.5;
            return;
        }
        Span<double> matrix = stackalloc double[n * n];
        double zeroth = Moment(0, h);
        for (int power = 1; power <= n; power++)
        {
            shares[power - 1] = Moment(power, h) / zeroth;
            for (int k = 0; k < n; k++)
                matrix[(power - 1) * n + k] = Math.Pow(ratios[k], power - 1);
        }
        Solve(matrix, shares);
    }

    /// <summary>The moment m_n = ∫₀¹ e^(−H(1−τ)) τⁿ dτ of the exponential kernel.</summary>
    private static double Moment(int n, double h)
    {
        if (h > 2)
        {
            double moment = (1 - Math.Exp(-h)) / h;
            for (int power = 1; power <= n; power++)
                moment = (1 - power * moment) / h;
            return moment;
        }
        // The recurrence cancels for small H; there the series Σ_k (−H)^k n!/(n + k + 1)! converges at once.
        double term = 1.0 / (n + 1), sum = term;
        for (int k = 1; Math.Abs(term) > 1e-17; k++)
        {
            term *= -h / (n + k + 1);
            sum += term;
        }
        return sum;
    }

    /// <summary>Solves a small linear system in place by elimination with pivoting.</summary>
    private static void Solve(Span<double> matrix, Span<double> right)
    {
        int n = right.Length;
        for (int column = 0; column < n; column++)
        {
            int pivot = column;
            for (int row = column + 1; row < n; row++)
            {
                if (Math.Abs(matrix[row * n + column]) > Math.Abs(matrix[pivot * n + column]))
                    pivot = row;
            }
            for (int k = 0; k < n; k++)
                (matrix[column * n + k], matrix[pivot * n + k]) = (matrix[pivot * n + k], matrix[column * n + k]);
            (right[column], right[pivot]) = (right[pivot], right[column]);
            for (int row = column + 1; row < n; row++)
            {
                double factor = matrix[row * n + column] / matrix[column * n + column];
                for (int k = column; k < n; k++)
                    matrix[row * n + k] -= factor * matrix[column * n + k];
                right[row] -= factor * right[column];
            }
        }
        for (int row = n - 1; row >= 0; row--)
        {
            for (int k = row + 1; k < n; k++)
                right[row] -= matrix[row * n + k] * right[k];
            right[row] /= matrix[row * n + row];
        }
    }
}
