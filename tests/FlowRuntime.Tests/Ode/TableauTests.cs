using FlowRuntime.Ode;

namespace FlowRuntime.Tests;

public class TableauTests
{
    private const double RoundOff = 1e-13;

    public static TheoryData<string> Methods => [.. ButcherTableau.All.Select(method => method.Name)];

    /// <summary>
    /// The order conditions b·φ = 1/γ, one a rooted tree: 1, 2, 4, 8, 17 up to the orders 1 … 5.
    /// Source: Hairer I, table II.2.2.
    /// </summary>
    private static IEnumerable<(string Tree, double[] Phi, double Right, int Order)> Conditions(ButcherTableau method)
    {
        double[] c = method.C.ToArray(), one = [.. c.Select(_ => 1.0)];
        double[] A(double[] v) => [.. Enumerable.Range(0, c.Length).Select(i => Dot(method.A(i), v.AsSpan(0, i)))];

        yield return ("b·1", one, 1.0, 1);
        yield return ("b·c", c, 1.0 / 2, 2);
        yield return ("b·c²", By(c, c), 1.0 / 3, 3);
        yield return ("b·Ac", A(c), 1.0 / 6, 3);
        yield return ("b·c³", By(c, c, c), 1.0 / 4, 4);
        yield return ("b·(c Ac)", By(c, A(c)), 1.0 / 8, 4);
        yield return ("b·Ac²", A(By(c, c)), 1.0 / 12, 4);
        yield return ("b·AAc", A(A(c)), 1.0 / 24, 4);
        yield return ("b·c⁴", By(c, c, c, c), 1.0 / 5, 5);
        yield return ("b·(c² Ac)", By(c, c, A(c)), 1.0 / 10, 5);
        yield return ("b·(c Ac²)", By(c, A(By(c, c))), 1.0 / 15, 5);
        yield return ("b·(c AAc)", By(c, A(A(c))), 1.0 / 30, 5);
        yield return ("b·(Ac)²", By(A(c), A(c)), 1.0 / 20, 5);
        yield return ("b·Ac³", A(By(c, c, c)), 1.0 / 20, 5);
        yield return ("b·A(c Ac)", A(By(c, A(c))), 1.0 / 40, 5);
        yield return ("b·AAc²", A(A(By(c, c))), 1.0 / 60, 5);
        yield return ("b·AAAc", A(A(A(c))), 1.0 / 120, 5);
    }

    [Fact]
    public void There_are_1_2_4_8_and_17_order_conditions_up_to_the_orders_1_to_5()
    {
        int[] counts = [.. Enumerable.Range(1, 5).Select(order => Conditions(ButcherTableau.Dopri5).Count(tree => tree.Order <= order))];
        Assert.Equal([1, 2, 4, 8, 17], counts);
    }

    [Theory, MemberData(nameof(Methods))]
    public void A_method_satisfies_every_order_condition_up_to_its_order(string name)
    {
        ButcherTableau method = ButcherTableau.Named(name);
        Assert.All(Conditions(method).Where(tree => tree.Order <= method.Order),
            tree => Assert.Equal(tree.Right, Dot(method.B, tree.Phi), RoundOff));
    }

    [Theory]
    [InlineData("euler")]
    [InlineData("heun")]
    [InlineData("rk4")] // for Dopri5, the conditions of order 6 would have to be written down
    public void A_method_fails_a_condition_of_the_next_order(string name)
    {
        ButcherTableau method = ButcherTableau.Named(name);
        Assert.Contains(Conditions(method), tree => tree.Order == method.Order + 1 && Math.Abs(Dot(method.B, tree.Phi) - tree.Right) > 1e-3);
    }

    [Fact]
    public void The_embedded_weights_of_Dopri5_satisfy_the_conditions_up_to_order_4_and_not_those_of_order_5()
    {
        EmbeddedPair pair = ButcherTableau.Dopri5;
        double[] embedded = [.. pair.B.ToArray().Zip(pair.ErrorWeights.ToArray(), (b, error) => b - error)];
        Assert.Equal(4, pair.EmbeddedOrder);
        Assert.All(Conditions(pair).Where(tree => tree.Order <= 4), tree => Assert.Equal(tree.Right, Dot(embedded, tree.Phi), RoundOff));
        Assert.Contains(Conditions(pair), tree => tree.Order == 5 && Math.Abs(Dot(embedded, tree.Phi) - tree.Right) > 1e-4);
    }

    [Fact]
    public void Dopri5_alone_is_first_same_as_last()
    {
        Assert.Equal([ButcherTableau.Dopri5], ButcherTableau.All.Where(method => method.LastStageIsNextFirst));
        Assert.False(Solve.HeunEuler.LastStageIsNextFirst);
    }

    [Fact]
    public void A_method_is_found_by_its_name_in_any_case_and_an_unknown_name_is_answered_with_the_list()
    {
        Assert.Same(ButcherTableau.RungeKutta4, ButcherTableau.Named("RK4"));
        var error = Assert.Throws<ArgumentException>(() => ButcherTableau.Named("rk5"));
        Assert.Contains("'rk5'", error.Message);
        Assert.Contains("euler, heun, rk4, dopri5", error.Message);
    }

    /// <summary>Heun's method with one mistake each, and what the message must name.</summary>
    public static TheoryData<string, double[], double[][], double[]> BadTables => new()
    {
        { "2 weights", [0], [[]], [0.5, 0.5] },
        { "1 rows", [0, 1], [[]], [0.5, 0.5] },
        { "0 rows", [], [], [] },
        { "row 1 of a has 2 entries", [0, 1], [[], [0.5, 0.5]], [0.5, 0.5] },
        { "row 0 of a has 1 entries", [0, 1], [[0], [1]], [0.5, 0.5] },
        { "row 1 of a sums to 0.5, but c[1] is 1", [0, 1], [[], [0.5]], [0.5, 0.5] },
        { "row 0 of a sums to 0, but c[0] is 0.5", [0.5, 1], [[], [1]], [0.5, 0.5] },
        { "c[1] is 1.5", [0, 1.5], [[], [1.5]], [0.5, 0.5] },
        { "c[1] is -1", [0, -1], [[], [-1]], [0.5, 0.5] },
        { "b sum to 0.9", [0, 1], [[], [1]], [0.5, 0.4] },
        { "row 1 of a sums to NaN", [0, 1], [[], [double.NaN]], [0.5, 0.5] },
        { "c[1] is NaN", [0, double.NaN], [[], [1]], [0.5, 0.5] },
        { "b sum to NaN", [0, 1], [[], [1]], [0.5, double.NaN] },
    };

    [Theory, MemberData(nameof(BadTables))]
    public void A_table_that_is_no_consistent_explicit_method_is_refused(string named, double[] c, double[][] a, double[] b)
    {
        var error = Assert.Throws<ArgumentException>(() => new ButcherTableau("mine", 2, c, a, b));
        Assert.StartsWith("mine: ", error.Message);
        Assert.Contains(named, error.Message);
    }

    [Fact]
    public void An_order_below_1_or_an_empty_name_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new ButcherTableau("mine", 0, [0], [[]], [1]));
        Assert.Throws<ArgumentException>(() => new ButcherTableau(" ", 1, [0], [[]], [1]));
    }

    [Theory]
    [InlineData(1, new[] { 0.5, 0.4 }, "sum")]
    [InlineData(1, new[] { 1.0 }, "1 embedded weights")]
    [InlineData(1, new[] { 0.5, double.NaN }, "sum")]
    [InlineData(0, new[] { 1.0, 0.0 }, "embedded order 0")]
    [InlineData(2, new[] { 1.0, 0.0 }, "embedded order 2")]
    public void A_pair_with_inconsistent_embedded_weights_or_order_is_refused(int embeddedOrder, double[] embedded, string named)
    {
        var error = Assert.Throws<ArgumentException>(() => new EmbeddedPair("mine", 2, embeddedOrder, [0, 1], [[], [1]], [0.5, 0.5], embedded));
        Assert.Contains(named, error.Message);
    }

    [Fact]
    public void Later_changes_of_the_arrays_do_not_reach_the_table()
    {
        double[] c = [0, 1], b = [0.5, 0.5];
        double[][] a = [[], [1]];
        var method = new ButcherTableau("mine", 2, c, a, b);
        (c[1], b[0], a[1][0]) = (7, 7, 7);
        Assert.Equal([1.0, 0.5, 1.0], [method.C[1], method.B[0], method.A(1)[0]]);
    }

    private static double Dot(ReadOnlySpan<double> left, ReadOnlySpan<double> right)
    {
        double sum = 0;
        for (int i = 0; i < left.Length; i++)
            sum += left[i] * right[i];
        return sum;
    }

    /// <summary>The product, element by element.</summary>
    private static double[] By(params double[][] factors) =>
        [.. Enumerable.Range(0, factors[0].Length).Select(i => factors.Aggregate(1.0, (product, factor) => product * factor[i]))];
}
