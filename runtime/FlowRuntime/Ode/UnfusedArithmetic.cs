using System.Numerics.Tensors;
using FlowRuntime.Fields;

namespace FlowRuntime.Ode;

/// <summary>The combinations of <see cref="RowArithmetic"/> with every product and every sum rounded, one after another, as the operations of an ONNX graph are.</summary>
internal static class UnfusedArithmetic
{
    /// <summary>As <see cref="RowArithmetic.Combine(RowBuffer, RowBuffer, RowSteps, ReadOnlySpan{RowBuffer}, ReadOnlySpan{double}, int, int)"/>.</summary>
    public static void Combine(RowBuffer destination, RowBuffer x, RowSteps h, ReadOnlySpan<RowBuffer> slopes, ReadOnlySpan<double> weights, int first, int count)
    {
        for (int row = first; row < first + count; row++)
        {
            Span<float> sum = destination[row];
            Sum(sum, slopes, weights, row);
            TensorPrimitives.MultiplyAdd(sum, h[row], x[row], sum);
        }
    }

    /// <summary>As <see cref="RowArithmetic.SquaredScaledError"/>, the mean taken in float64.</summary>
    public static void SquaredScaledError(
        RowBuffer scratch, RowBuffer x, RowBuffer next, RowSteps h, ReadOnlySpan<RowBuffer> slopes, ReadOnlySpan<double> weights,
        double absolute, double relative, int count, Span<double> squares)
    {
        (float atol, float rtol) = ((float)absolute, (float)relative);
        for (int row = 0; row < count; row++)
        {
            Span<float> error = scratch[row];
            ReadOnlySpan<float> before = x[row], after = next[row];
            Sum(error, slopes, weights, row);
            double sum = 0;
            for (int e = 0; e < error.Length; e++)
            {
                float scale = rtol * Math.Max(Math.Abs(before[e]), Math.Abs(after[e])) + atol, quotient = h[row] * error[e] / scale;
                sum += quotient * quotient + (after[e] - after[e]); // NaN where the state is not finite
            }
            squares[row] = sum * (1.0 / error.Length);
        }
    }

    private static void Sum(Span<float> sum, ReadOnlySpan<RowBuffer> slopes, ReadOnlySpan<double> weights, int row)
    {
        bool begun = false;
        for (int j = 0; j < weights.Length; j++)
        {
            float weight = (float)weights[j];
            if (weight == 0)
                continue;
            if (begun)
                TensorPrimitives.MultiplyAdd(slopes[j][row], weight, sum, sum);
            else
                TensorPrimitives.Multiply(slopes[j][row], weight, sum);
            begun = true;
        }
    }
}
