using FlowRuntime.Ode;

namespace FlowRuntime.Tests;

public class TableauTests
{
    [Theory]
    [InlineData("euler", 1, 1, false)]
    [InlineData("midpoint", 2, 2, false)]
    [InlineData("heun", 2, 2, false)]
    [InlineData("ralston", 2, 2, false)]
    [InlineData("heun-euler", 2, 2, false)]
    [InlineData("bosh3", 3, 4, true)]
    [InlineData("rk4", 4, 4, false)]
    [InlineData("rk38", 4, 4, false)]
    [InlineData("dopri5", 5, 7, true)]
    [InlineData("tsit5", 5, 7, true)]
    [InlineData("vern6", 6, 9, true)]
    [InlineData("vern6-robust", 6, 9, true)]
    [InlineData("dop853", 8, 13, true)]
    public void A_method_has_its_order_and_stages_and_is_first_same_as_last_or_not(string name, int order, int stages, bool lastIsFirst)
    {
        ButcherTableau method = ButcherTableau.Named(name);
        Assert.Equal((order, stages, lastIsFirst), (method.Order, method.Stages, method.LastStageIsNextFirst));
    }

    [Fact]
    public void The_methods_are_listed_from_low_to_high_order_with_the_pairs_last_within_an_order()
    {
        Assert.Equal(13, ButcherTableau.All.Count);
        Assert.Equal(ButcherTableau.All.OrderBy(method => method.Order).ThenBy(method => method is EmbeddedPair), ButcherTableau.All);
        Assert.Distinct(ButcherTableau.All.Select(method => method.Name));
    }

    [Fact]
    public void A_method_is_found_by_its_name_in_any_case_and_an_unknown_name_is_answered_with_the_list()
    {
        Assert.Same(ButcherTableau.RungeKutta4, ButcherTableau.Named("RK4"));
        var error = Assert.Throws<ArgumentException>(() => ButcherTableau.Named("rk5"));
        Assert.Contains("'rk5'", error.Message);
        Assert.Contains("euler, midpoint, heun, ralston, heun-euler, bosh3, rk4, rk38, dopri5, tsit5, vern6, vern6-robust, dop853", error.Message);
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

    [Theory]
    [InlineData(new[] { 0.5, 0.4 }, "second embedded weights sum to 0.9")]
    [InlineData(new[] { 1.0 }, "1 second embedded weights")]
    public void A_pair_with_an_inconsistent_second_comparison_is_refused(double[] second, string named)
    {
        var error = Assert.Throws<ArgumentException>(() => new EmbeddedPair("mine", 2, 1, [0, 1], [[], [1]], [0.5, 0.5], [1, 0], second));
        Assert.Contains(named, error.Message);
    }

    [Fact]
    public void Dop853_alone_has_a_second_comparison()
    {
        Assert.Equal([ButcherTableau.Dop853], ButcherTableau.All.OfType<EmbeddedPair>().Where(pair => !pair.SecondErrorWeights.IsEmpty));
        Assert.Equal(13, ButcherTableau.Dop853.SecondErrorWeights.Length);
    }

    /// <summary>
    /// The paper's table prints the differences b − b̂ with 1/66 as the last, where −1/66 is right; its program has 1/40
    /// as the last of b̂.
    /// </summary>
    [Theory]
    [InlineData(-1.0 / 66)]
    [InlineData(1.0 / 40)]
    public void The_misprinted_last_weight_of_Tsitouras_fails_the_first_condition_and_is_refused(double misprint)
    {
        EmbeddedPair pair = ButcherTableau.Tsit5;
        double[] embedded = [.. pair.B.ToArray().Zip(pair.ErrorWeights.ToArray(), (b, error) => b - error)];
        Assert.Equal(1.0 / 66, embedded[6], 1e-16);
        Assert.Equal(1, embedded.Sum(), 1e-14);

        embedded[6] = misprint;

        Assert.True(Math.Abs(embedded.Sum() - 1) > 9e-3);
        double[][] a = [.. Enumerable.Range(0, pair.Stages).Select(i => pair.A(i).ToArray())];
        var error = Assert.Throws<ArgumentException>(() => new EmbeddedPair("tsit5", 5, 4, pair.C.ToArray(), a, pair.B.ToArray(), embedded));
        Assert.Contains("embedded weights sum to", error.Message);
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
}
