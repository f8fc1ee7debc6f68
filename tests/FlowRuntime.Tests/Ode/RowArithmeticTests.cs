using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>The vectorised arithmetic of a step against its formulas, one element at a time in double precision.</summary>
public class RowArithmeticTests
{
    private const int Rows = 9;

    /// <summary>Widths below, at and above a vector's, and such that vectors run across the ends of rows.</summary>
    public static TheoryData<int> Widths => [.. Enumerable.Range(1, 20), 31, 32, 33, 64, 65];

    [Theory, MemberData(nameof(Widths))]
    public void Combine_is_x_plus_h_times_the_weighted_slopes_from_any_first_row(int width)
    {
        RowBuffer x = Random(1, width);
        RowSteps h = Steps(width);
        RowBuffer[] slopes = [Random(3, width), Random(4, width), Random(5, width)];
        double[] weights = [0.5, 0, -2];
        for (int first = 0; first < Rows; first++)
        {
            var destination = new RowBuffer(Rows, width);
            RowArithmetic.Combine(destination, x, h, slopes, weights, first, Rows - first);
            for (int e = 0; e < Rows * width; e++)
            {
                double expected = e < first * width ? 0 : At(x, e) + h[e / width] * (0.5 * At(slopes[0], e) - 2 * At(slopes[2], e));
                Assert.Equal(expected, At(destination, e), 1e-5);
            }
        }
    }

    [Theory, MemberData(nameof(Widths))]
    public void The_squared_scaled_error_is_the_mean_square_of_the_error_over_the_tolerance_of_each_element(int width)
    {
        RowBuffer x = Random(1, width), next = Random(2, width);
        RowSteps h = Steps(width);
        RowBuffer[] slopes = [Random(4, width), Random(5, width)];
        double[] errors = new double[Rows];
        RowArithmetic.SquaredScaledError(new RowBuffer(Rows, width), x, next, h, slopes, [2, -1], absolute: 0.1, relative: 0.01, Rows, errors);
        for (int row = 0; row < Rows; row++)
        {
            double sum = 0;
            for (int e = row * width; e < (row + 1) * width; e++)
            {
                double error = h[row] * (2 * At(slopes[0], e) - At(slopes[1], e));
                double tolerance = 0.1 + 0.01 * Math.Max(Math.Abs(At(x, e)), Math.Abs(At(next, e)));
                sum += error / tolerance * (error / tolerance);
            }
            Assert.Equal(1, errors[row] / (sum / width), 1e-5);
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void A_proposed_state_that_is_not_finite_makes_the_error_of_its_row_alone_NaN(float value)
    {
        RowBuffer x = Random(1, 5), next = Random(2, 5), slope = Random(4, 5);
        next[4][2] = value;
        double[] errors = new double[Rows];
        RowArithmetic.SquaredScaledError(new RowBuffer(Rows, 5), x, next, Steps(5), [slope], [1], 0.1, 0.1, Rows, errors);
        Assert.Equal([4], Enumerable.Range(0, Rows).Where(row => !double.IsFinite(errors[row])));
        Assert.False(errors[4] <= 1);
    }

    [Theory, MemberData(nameof(Widths))]
    public void A_row_has_the_same_bits_wherever_it_lies(int width)
    {
        RowBuffer x = Random(1, width), next = Random(2, width), slope = Random(4, width);
        var h = new RowSteps(Rows, width);
        h.Set(0, [.. Enumerable.Repeat(0.7, Rows)], sign: 1);
        double[] errors = new double[Rows];
        foreach (RowBuffer buffer in new[] { x, next, slope })
        {
            for (int row = 1; row < Rows; row++)
                buffer[0].CopyTo(buffer[row]);
        }
        RowArithmetic.SquaredScaledError(new RowBuffer(Rows, width), x, next, h, [slope], [1], 0.1, 0.1, Rows, errors);
        var combined = new RowBuffer(Rows, width);
        RowArithmetic.Combine(combined, x, h, [slope], [0.3], 0, Rows);
        Assert.Single(errors.Distinct());
        for (int row = 1; row < Rows; row++)
            Assert.True(Solve.SameBits(combined[0], combined[row]), $"row {row}");
    }

    [Theory, MemberData(nameof(Widths))]
    public void The_squared_scaled_norm_is_the_mean_square_over_the_tolerance_of_each_element(int width)
    {
        RowBuffer x = Random(1, width), values = Random(2, width), minus = Random(3, width);
        const int First = 2;
        foreach (bool difference in new[] { false, true })
        {
            double[] squares = new double[Rows - First];
            RowArithmetic.SquaredScaledNorms(new RowBuffer(Rows, width), values, difference ? minus : null, x, absolute: 0.1, relative: 0.5, First, Rows - First, squares);
            for (int row = First; row < Rows; row++)
            {
                double sum = 0;
                for (int e = row * width; e < (row + 1) * width; e++)
                    sum += Math.Pow((At(values, e) - (difference ? At(minus, e) : 0)) / (0.1 + 0.5 * Math.Abs(At(x, e))), 2);
                Assert.Equal(1, squares[row - First] / (sum / width), 1e-5);
            }
        }
    }

    [Theory, MemberData(nameof(Widths))]
    public void A_linear_combination_may_go_into_one_of_its_own_tables(int width)
    {
        RowBuffer x = Random(1, width), y = Random(2, width), unused = Random(3, width);
        double[] expected = [.. Enumerable.Range(0, Rows * width).Select(e => 0.5 * At(x, e) - 2 * At(y, e))];
        unused.Memory.Span.Fill(float.NaN);
        RowArithmetic.Combine(y, [x, unused, y], [0.5, 0, -2], Rows);
        for (int e = 0; e < expected.Length; e++)
            Assert.Equal(expected[e], At(y, e), 1e-5);
    }

    /// <summary>Steps that differ from row to row.</summary>
    private static RowSteps Steps(int width)
    {
        var steps = new RowSteps(Rows, width);
        steps.Set(0, [.. Enumerable.Range(0, Rows).Select(row => 0.3 + 0.1 * row)], sign: 1);
        steps.Set(2, [0.9, 0.8], sign: -1);
        return steps;
    }

    private static RowBuffer Random(uint stream, int width)
    {
        var buffer = new RowBuffer(Rows, width);
        Noise.Fill(seed: 5, index: 0, buffer.Memory.Span, stream);
        return buffer;
    }

    private static double At(RowBuffer buffer, int element) => buffer.Memory.Span[element];
}
