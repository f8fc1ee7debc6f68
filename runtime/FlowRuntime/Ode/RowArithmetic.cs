using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FlowRuntime.Fields;

namespace FlowRuntime.Ode;

/// <summary>
/// The arithmetic of a step over rows: stage combination, scaled error, norms. Together with copying rows it is all
/// that touches the elements of a state.
/// </summary>
/// <remarks>
/// Rows lie one behind another, so narrow rows are worked on in whole vectors over the flat prefix, each row's own step
/// size standing expanded to its elements (<see cref="RowSteps"/>); wide rows are worked on one by one. A vector may
/// reach past the last row: there lie inactive rows or padding. No result depends on a row's place: element-wise
/// operations are the same in every lane, and a row's sum is taken in an order fixed by d alone.
/// </remarks>
internal static unsafe class RowArithmetic
{
    /// <summary>Rows of fewer values than this are worked on over the flat prefix.</summary>
    public const int WideRow = 64;

    /// <summary>destination = x + h Σ_j weights_j slopes_j over the rows first … first + count − 1.</summary>
    /// <remarks>There are at most as many weights as slopes, and zeros are passed over. The destination is none of the sources.</remarks>
    public static void Combine(
        RowBuffer destination, RowBuffer x, RowSteps h, ReadOnlySpan<RowBuffer> slopes, ReadOnlySpan<double> weights, int first, int count)
    {
        float** slope = stackalloc float*[weights.Length];
        float* weight = stackalloc float[weights.Length];
        int terms = Terms(slopes, weights, slope, weight);
        int width = x.Width;
        if (h.Expanded is { } expanded)
        {
            float* step = expanded.Pointer;
            int end = (first + count) * width;
            for (int e = first * width; e < end; e += 2 * Vector<float>.Count)
            {
                (Vector<float> low, Vector<float> high) = Sums(slope, weight, terms, e);
                int f = e + Vector<float>.Count;
                Vector.FusedMultiplyAdd(Vector.Load(step + e), low, Vector.Load(x.Pointer + e)).Store(destination.Pointer + e);
                Vector.FusedMultiplyAdd(Vector.Load(step + f), high, Vector.Load(x.Pointer + f)).Store(destination.Pointer + f);
            }
            return;
        }
        for (int row = first; row < first + count; row++)
        {
            var step = new Vector<float>(h[row]);
            int end = (row + 1) * width;
            for (int e = row * width; e < end; e += 2 * Vector<float>.Count)
            {
                (Vector<float> low, Vector<float> high) = Sums(slope, weight, terms, e);
                int f = e + Vector<float>.Count;
                Vector.FusedMultiplyAdd(step, low, Vector.Load(x.Pointer + e)).Store(destination.Pointer + e);
                Vector.FusedMultiplyAdd(step, high, Vector.Load(x.Pointer + f)).Store(destination.Pointer + f);
            }
        }
    }

    /// <summary>destination = Σ_j weights_j tables_j over the first rows; zeros are passed over.</summary>
    /// <remarks>The destination may be one of the tables.</remarks>
    public static void Combine(RowBuffer destination, ReadOnlySpan<RowBuffer> tables, ReadOnlySpan<double> weights, int count)
    {
        float** table = stackalloc float*[weights.Length];
        float* weight = stackalloc float[weights.Length];
        int terms = Terms(tables, weights, table, weight);
        int end = count * destination.Width;
        for (int e = 0; e < end; e += 2 * Vector<float>.Count)
        {
            (Vector<float> low, Vector<float> high) = Sums(table, weight, terms, e);
            low.Store(destination.Pointer + e);
            high.Store(destination.Pointer + e + Vector<float>.Count);
        }
    }

    /// <summary>
    /// The square of a step's scaled error, one number a row: the mean over its elements of the square of
    /// h Σ_j weights_j slopes_j / (atol + rtol max(|x|, |next|)).
    /// </summary>
    /// <remarks>
    /// Source: Hairer I, eq. (II.4.11), for each sample by itself. NaN where the error or the proposed state is not finite.
    /// The scratch rows are spoilt, squares [count] receives the result.
    /// </remarks>
    public static void SquaredScaledError(
        RowBuffer scratch, RowBuffer x, RowBuffer next, RowSteps h, ReadOnlySpan<RowBuffer> slopes, ReadOnlySpan<double> weights,
        double absolute, double relative, int count, Span<double> squares)
    {
        float** slope = stackalloc float*[weights.Length];
        float* weight = stackalloc float[weights.Length];
        int terms = Terms(slopes, weights, slope, weight);
        var atol = new Vector<float>((float)absolute);
        var rtol = new Vector<float>((float)relative);
        int width = x.Width;
        if (h.Expanded is { } expanded)
        {
            int end = count * width;
            for (int e = 0; e < end; e += 2 * Vector<float>.Count)
            {
                (Vector<float> low, Vector<float> high) = Sums(slope, weight, terms, e);
                int f = e + Vector<float>.Count;
                Square(x, next, Vector.Load(expanded.Pointer + e) * low, atol, rtol, e).Store(scratch.Pointer + e);
                Square(x, next, Vector.Load(expanded.Pointer + f) * high, atol, rtol, f).Store(scratch.Pointer + f);
            }
            MeansOfRows(scratch, count, squares);
            return;
        }
        for (int row = 0; row < count; row++)
        {
            var step = new Vector<float>(h[row]);
            Vector<float> lowLanes = Vector<float>.Zero, highLanes = Vector<float>.Zero;
            int e = row * width, end = e + width;
            for (; e <= end - 2 * Vector<float>.Count; e += 2 * Vector<float>.Count)
            {
                (Vector<float> low, Vector<float> high) = Sums(slope, weight, terms, e);
                lowLanes += Square(x, next, step * low, atol, rtol, e);
                highLanes += Square(x, next, step * high, atol, rtol, e + Vector<float>.Count);
            }
            double sum = Vector.Sum(lowLanes + highLanes);
            if (e < end)
            {
                (Vector<float> low, Vector<float> high) = Sums(slope, weight, terms, e);
                Square(x, next, step * low, atol, rtol, e).Store(scratch.Pointer + e);
                Square(x, next, step * high, atol, rtol, e + Vector<float>.Count).Store(scratch.Pointer + e + Vector<float>.Count);
                for (; e < end; e++)
                    sum += scratch.Pointer[e];
            }
            squares[row] = sum / width;
        }
    }

    /// <summary>
    /// The mean over a row's elements of ((values − minus) / (atol + rtol |x|))², one number a row from <paramref name="first"/> on;
    /// without <paramref name="minus"/> that of the values.
    /// </summary>
    /// <remarks>The scratch rows are spoilt, squares [count] receives the result.</remarks>
    public static void SquaredScaledNorms(
        RowBuffer scratch, RowBuffer values, RowBuffer? minus, RowBuffer x, double absolute, double relative, int first, int count, Span<double> squares)
    {
        var atol = new Vector<float>((float)absolute);
        var rtol = new Vector<float>((float)relative);
        int width = x.Width, start = first * width, end = (first + count) * width;
        for (int e = start; e < end; e += Vector<float>.Count)
        {
            Vector<float> value = Vector.Load(values.Pointer + e);
            if (minus is not null)
                value -= Vector.Load(minus.Pointer + e);
            Vector<float> quotient = value / Vector.FusedMultiplyAdd(rtol, Vector.Abs(Vector.Load(x.Pointer + e)), atol);
            (quotient * quotient).Store(scratch.Pointer + (e - start));
        }
        MeansOfRows(scratch, count, squares);
    }

    /// <summary>The mean of each row's values.</summary>
    private static void MeansOfRows(RowBuffer values, int count, Span<double> means)
    {
        int width = values.Width;
        float* row = values.Pointer;
        if (width == 2) // points in the plane are the most frequent
        {
            int i = 0;
            for (; i <= count - 4; i += 4, row += 8)
            {
                Vector256<float> pairs = Vector256.Load(row);
                Vector256<double> x = Vector256.WidenLower(Vector256.Shuffle(pairs, Vector256.Create(0, 2, 4, 6, 0, 2, 4, 6)));
                Vector256<double> y = Vector256.WidenLower(Vector256.Shuffle(pairs, Vector256.Create(1, 3, 5, 7, 1, 3, 5, 7)));
                (0.5 * (x + y)).StoreUnsafe(ref means[i]);
            }
            for (; i < count; i++, row += 2)
                means[i] = 0.5 * ((double)row[0] + row[1]);
            return;
        }
        double share = 1.0 / width;
        for (int i = 0; i < count; i++, row += width)
        {
            int e = 0;
            double sum = 0;
            if (width >= WideRow)
            {
                Vector<float> lanes = Vector<float>.Zero;
                for (; e <= width - Vector<float>.Count; e += Vector<float>.Count)
                    lanes += Vector.Load(row + e);
                sum = Vector.Sum(lanes);
            }
            for (; e < width; e++)
                sum += row[e];
            means[i] = sum * share;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Square(RowBuffer x, RowBuffer next, Vector<float> error, Vector<float> atol, Vector<float> rtol, int e)
    {
        Vector<float> proposed = Vector.Load(next.Pointer + e);
        Vector<float> size = Vector.Max(Vector.Abs(Vector.Load(x.Pointer + e)), Vector.Abs(proposed));
        Vector<float> quotient = error / Vector.FusedMultiplyAdd(rtol, size, atol);
        Vector<float> finiteOrNaN = proposed - proposed; // an infinite state would divide the error away
        return Vector.FusedMultiplyAdd(quotient, quotient, finiteOrNaN);
    }

    private static int Terms(ReadOnlySpan<RowBuffer> tables, ReadOnlySpan<double> weights, float** table, float* weight)
    {
        int terms = 0;
        for (int j = 0; j < weights.Length; j++)
        {
            if (weights[j] == 0)
                continue;
            table[terms] = tables[j].Pointer;
            weight[terms++] = (float)weights[j];
        }
        return terms;
    }

    /// <summary>Two vectors of the weighted sum, so that a weight is fetched once for both.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector<float> Low, Vector<float> High) Sums(float** table, float* weight, int terms, int e)
    {
        Vector<float> low = Vector<float>.Zero, high = Vector<float>.Zero;
        for (int j = 0; j < terms; j++)
        {
            float* values = table[j] + e;
            var share = new Vector<float>(weight[j]);
            low = Vector.FusedMultiplyAdd(share, Vector.Load(values), low);
            high = Vector.FusedMultiplyAdd(share, Vector.Load(values + Vector<float>.Count), high);
        }
        return (low, high);
    }
}
