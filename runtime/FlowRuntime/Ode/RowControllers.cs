using System.Numerics;
using System.Numerics.Tensors;

namespace FlowRuntime.Ode;

/// <summary>
/// The step controllers of all rows, each with its own remembered errors, as arithmetic over arrays: one logarithm, one
/// exponential and a few products in whole vectors.
/// </summary>
/// <remarks>Arrays are padded to whole vectors of any width, so that no result depends on a row's place.</remarks>
internal sealed class RowControllers
{
    /// <summary>Squares of scaled errors below this count as this: an error of 0 says little.</summary>
    internal const double LeastSquare = 1e-20;

    /// <summary>
    /// Squares above this, and such as are no numbers, count as this. Vectors with a number of their own kind in any place (NaN, infinite) may take another way through a logarithm or an
    /// exponential, and the last bits of their other places depend on it: no row may see that its neighbour failed.
    /// </summary>
    internal const double MostSquare = 1e100;

    /// <summary>Exponents beyond this give a factor beyond its limits.</summary>
    internal const double MostExponent = 10;

    /// <summary>
    /// Errors are not remembered below this. The usual 1e-4 lets a controller with a memory distrust the step after a very
    /// small error for no reason: of the reference fields and the shipped models none gained by it, most lost 5 to 15%.
    /// </summary>
    internal static readonly double LeastMemory = Math.Log(1e-2);

    private readonly StepController _controller;
    private readonly int _errorOrder;
    private readonly bool _rounded;
    private readonly double[] _logErrors;
    private readonly double[] _last;
    private readonly double[] _beforeLast;
    private readonly double[] _limits;
    private readonly double[] _factors;

    /// <param name="controller">The controller.</param>
    /// <param name="errorOrder">Order k of the error estimate.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="rounded">Whether factors are rounded to float32, which hides the last bits of whoever takes logarithms and exponentials.</param>
    public RowControllers(StepController controller, int errorOrder, int rows, bool rounded = false)
    {
        (_controller, _errorOrder, _rounded) = (controller, errorOrder, rounded);
        int padded = Padded(rows);
        (_logErrors, _last, _beforeLast, _limits, _factors) =
            (new double[padded], new double[padded], new double[padded], new double[padded], new double[padded]);
    }

    /// <summary>The factor from each accepted step to the next one, as of the last <see cref="Judge"/>.</summary>
    public double[] Factors => _factors;

    /// <summary>How far each row's next accepted step may grow: 1 after a rejection.</summary>
    public double[] Limits => _limits;

    /// <summary>Number of rows rounded up to whole vectors.</summary>
    public static int Padded(int rows) => (rows + 15) & ~15;

    /// <summary>New samples in a range of rows.</summary>
    public void Begin(int first, int count)
    {
        // Errors just at the tolerance, so that the first factor is that of the step's own error.
        _last.AsSpan(first, count).Clear();
        _beforeLast.AsSpan(first, count).Clear();
        _limits.AsSpan(first, count).Fill(StepController.Grow);
    }

    public void Move(int source, int destination)
    {
        _last[destination] = _last[source];
        _beforeLast[destination] = _beforeLast[source];
        _limits[destination] = _limits[source];
    }

    /// <summary>Whether the last step of a row was rejected.</summary>
    public bool WasRejected(int row) => _limits[row] == 1;

    /// <summary>Takes the errors of a step of all rows in. Accepted rows remember them; of rejected ones nothing is kept.</summary>
    /// <param name="squares">The squares of the scaled errors, [padded]; behind the last row numbers that do not matter.</param>
    /// <param name="rows">Number of rows.</param>
    public void Judge(double[] squares, int rows)
    {
        int padded = Padded(rows);
        Span<double> logs = _logErrors.AsSpan(0, padded), factors = _factors.AsSpan(0, padded);
        TensorPrimitives.MaxNumber(squares.AsSpan(0, padded), LeastSquare, logs);
        TensorPrimitives.Min(logs, MostSquare, logs);
        TensorPrimitives.Log<double>(logs, logs);
        double beta1 = -_controller.Beta1 / _errorOrder, beta2 = -_controller.Beta2 / _errorOrder, beta3 = -_controller.Beta3 / _errorOrder;
        for (int i = 0; i < padded; i += Vector<double>.Count)
        {
            Vector<double> log = 0.5 * VectorOf(_logErrors, i);
            log.CopyTo(_logErrors, i);
            Vector<double> exponent = beta1 * log + beta2 * VectorOf(_last, i) + beta3 * VectorOf(_beforeLast, i);
            Vector.Min(Vector.Max(exponent, new Vector<double>(-MostExponent)), new Vector<double>(MostExponent)).CopyTo(_factors, i);
        }
        TensorPrimitives.Exp<double>(factors, factors);
        if (_rounded)
        {
            foreach (ref double factor in factors)
                factor = (float)factor;
        }
        var shrink = new Vector<double>(StepController.Shrink);
        var grow = new Vector<double>(StepController.Grow);
        var leastMemory = new Vector<double>(LeastMemory);
        for (int i = 0; i < padded; i += Vector<double>.Count)
        {
            Vector<long> accepted = Vector.LessThanOrEqual(VectorOf(squares, i), Vector<double>.One);
            Vector<double> last = VectorOf(_last, i), limit = VectorOf(_limits, i);
            Vector.Min(Vector.Max(StepController.Safety * VectorOf(_factors, i), shrink), limit).CopyTo(_factors, i);
            Vector.ConditionalSelect(accepted, last, VectorOf(_beforeLast, i)).CopyTo(_beforeLast, i);
            Vector.ConditionalSelect(accepted, Vector.Max(VectorOf(_logErrors, i), leastMemory), last).CopyTo(_last, i);
            Vector.ConditionalSelect(accepted, grow, limit).CopyTo(_limits, i);
        }
    }

    /// <summary>The factor from a row's rejected step to its second try; an error that is not finite shrinks as far as is allowed.</summary>
    public double Reject(int row, double square)
    {
        _limits[row] = 1;
        return double.IsFinite(square)
            ? Math.Clamp(StepController.Safety * Rounded(Math.Pow(square, -0.5 / _errorOrder)), StepController.Shrink, StepController.Safety)
            : StepController.Shrink;
    }

    private double Rounded(double factor) => _rounded ? (float)factor : factor;

    private static Vector<double> VectorOf(double[] values, int i) => new(values, i);
}
