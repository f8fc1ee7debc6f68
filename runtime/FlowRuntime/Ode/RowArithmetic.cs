using System.Numerics;
using FlowRuntime.Fields;

namespace FlowRuntime.Ode;

/// <summary>
/// The arithmetic of a step over rows: stage combination, scaled error, norms. Together with copying rows it is all
/// that touches the elements of a state.
/// </summary>
/// <remarks>
/// Rows lie one behind another, so each operation runs in whole vectors over the flat prefix, for d = 2 as for
/// d = 200,000; each row's own step size stands expanded to its elements. A vector may reach past the last row: there
/// lie inactive rows or padding. No result depends on a row's place: element-wise operations are the same in every
/// lane, and a row's sum is taken in an order fixed by d alone.
/// </remarks>
internal static unsafe class RowArithmetic
{
    /// <summary>destination = x + h Σ_j weights_j slopes_j over the rows first … first + count − 1.</summary>
    /// <remarks>h is the step size of each row, expanded to all its elements; there is one weight a slope, and zeros are passed over.</remarks>
    public static void Combine(
        RowBuffer destination, RowBuffer x, RowBuffer h, IReadOnlyList<RowBuffer> slopes, ReadOnlySpan<double> weights, int first, int count)
    {
        float** slope = stackalloc float*[weights.Length];
        float* weight = stackalloc float[weights.Length];
        int terms = Terms(slopes, weights, slope, weight);
        int end = (first + count) * x.Width;
        for (int e = first * x.Width; e < end; e += Vector<float>.Count)
        {
            Vector<float> sum = Sum(slope, weight, terms, e);
            Vector.FusedMultiplyAdd(Vector.Load(h.Pointer + e), sum, Vector.Load(x.Pointer + e)).Store(destination.Pointer + e);
        }
    }

    /// <summary>
    /// The scaled error of a step, one number a row: the root mean square over its elements of
    /// h Σ_j weights_j slopes_j / (atol + rtol max(|x|, |next|)).
    /// </summary>
    /// <remarks>
    /// Source: Hairer I, eq. (II.4.11), for each sample by itself. NaN where the error or the proposed state is not finite.
    /// The scratch rows receive the squared quotients, errors [count] the result.
    /// </remarks>
    public static void ScaledError(
        RowBuffer scratch, RowBuffer x, RowBuffer next, RowBuffer h, IReadOnlyList<RowBuffer> slopes, ReadOnlySpan<double> weights,
        double absolute, double relative, int count, Span<double> errors)
    {
        float** slope = stackalloc float*[weights.Length];
        float* weight = stackalloc float[weights.Length];
        int terms = Terms(slopes, weights, slope, weight);
        var atol = new Vector<float>((float)absolute);
        var rtol = new Vector<float>((float)relative);
        int end = count * x.Width;
        for (int e = 0; e < end; e += Vector<float>.Count)
        {
            Vector<float> proposed = Vector.Load(next.Pointer + e);
            Vector<float> size = Vector.Max(Vector.Abs(Vector.Load(x.Pointer + e)), Vector.Abs(proposed));
            Vector<float> error = Vector.Load(h.Pointer + e) * Sum(slope, weight, terms, e);
            Vector<float> quotient = error / Vector.FusedMultiplyAdd(rtol, size, atol);
            Vector<float> finiteOrNaN = proposed - proposed; // an infinite state would divide the error away
            Vector.FusedMultiplyAdd(quotient, quotient, finiteOrNaN).Store(scratch.Pointer + e);
        }
        for (int row = 0; row < count; row++)
            errors[row] = Math.Sqrt(SumOfRow(scratch, row) / x.Width);
    }

    /// <summary>√(mean over the elements of (values / (atol + rtol |x|))²) of one row.</summary>
    public static double ScaledNorm(ReadOnlySpan<float> values, ReadOnlySpan<float> x, double absolute, double relative)
    {
        double sum = 0;
        for (int e = 0; e < values.Length; e++)
        {
            double quotient = values[e] / (absolute + relative * Math.Abs((double)x[e]));
            sum += quotient * quotient;
        }
        return Math.Sqrt(sum / values.Length);
    }

    private static int Terms(IReadOnlyList<RowBuffer> slopes, ReadOnlySpan<double> weights, float** slope, float* weight)
    {
        int terms = 0;
        for (int j = 0; j < weights.Length; j++)
        {
            if (weights[j] == 0)
                continue;
            slope[terms] = slopes[j].Pointer;
            weight[terms++] = (float)weights[j];
        }
        return terms;
    }

    private static Vector<float> Sum(float** slope, float* weight, int terms, int e)
    {
        Vector<float> sum = Vector<float>.Zero;
        for (int j = 0; j < terms; j++)
            sum = Vector.FusedMultiplyAdd(new Vector<float>(weight[j]), Vector.Load(slope[j] + e), sum);
        return sum;
    }

    private static double SumOfRow(RowBuffer values, int row)
    {
        float* start = values.Pointer + (long)row * values.Width;
        int width = values.Width, e = 0;
        double sum = 0;
        if (width >= 4 * Vector<float>.Count)
        {
            Vector<float> lanes = Vector<float>.Zero;
            for (; e <= width - Vector<float>.Count; e += Vector<float>.Count)
                lanes += Vector.Load(start + e);
            sum = Vector.Sum(lanes);
        }
        for (; e < width; e++)
            sum += start[e];
        return sum;
    }
}
