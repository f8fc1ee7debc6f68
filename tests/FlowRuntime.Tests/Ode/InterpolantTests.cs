using FlowRuntime.Ode;

namespace FlowRuntime.Tests;

/// <summary>The continuous extensions x(t + θh) ≈ x + h Σ_i b_i(θ) k_i.</summary>
public class InterpolantTests
{
    private static readonly IReadOnlyList<RootedTree> Trees = RootedTree.UpTo(8);

    public static TheoryData<string> Methods => [.. ButcherTableau.All.Select(method => method.Name)];

    [Theory]
    [InlineData("euler", 1, 0)]
    [InlineData("midpoint", 2, 0)]
    [InlineData("heun", 2, 0)]
    [InlineData("ralston", 2, 0)]
    [InlineData("heun-euler", 2, 0)]
    [InlineData("bosh3", 3, 0)]
    [InlineData("rk4", 3, 0)]
    [InlineData("rk38", 3, 0)]
    [InlineData("dopri5", 4, 0)]
    [InlineData("tsit5", 4, 0)]
    [InlineData("vern6", 6, 3)]
    [InlineData("vern6-robust", 3, 0)]
    [InlineData("dop853", 7, 3)]
    public void An_interpolant_satisfies_every_condition_up_to_its_order_at_every_place_and_fails_one_of_the_next(string name, int order, int extraStages)
    {
        ButcherTableau method = ButcherTableau.Named(name);
        Assert.Equal((order, extraStages), (method.Interpolant.Order, method.Interpolant.ExtraStages));
        AssertOrder(method);
    }

    [Fact]
    public void A_method_given_without_interpolant_has_Hermite_s_cubic_with_one_more_stage_at_its_result()
    {
        ButcherTableau rk4 = ButcherTableau.RungeKutta4;
        var mine = new ButcherTableau("mine", 4, rk4.C.ToArray(), RootedTree.Matrix(rk4), rk4.B.ToArray());
        Assert.Equal((3, 1, 1.0), (mine.Interpolant.Order, mine.Interpolant.ExtraStages, mine.Interpolant.C(0)));
        Assert.Equal(mine.B, mine.Interpolant.A(0));
        AssertOrder(mine);
        AssertSmooth(mine, last: 4);
    }

    /// <summary>Σ_i b_i(θ) φ_i(τ) = θ^|τ| / γ(τ).</summary>
    private static void AssertOrder(ButcherTableau method)
    {
        double[][] a = RootedTree.Matrix(method);
        double Residual(RootedTree tree, double theta) =>
            Math.Abs(tree.Residual(a, Weights(method, theta), Math.Pow(theta, tree.Order) / tree.Density));

        int order = method.Interpolant.Order;
        foreach (double theta in new[] { 0.1, 0.3, 0.5, 0.7, 0.95, 1 })
        {
            // In units of the absolute terms; towards the end, large powers of θ cancel within each weight besides.
            double roundOff = 1e-15 + 1e-13 * Math.Pow(theta, 4);
            Assert.All(Trees.Where(tree => tree.Order <= order), tree => Assert.InRange(Residual(tree, theta), 0, roundOff));
        }
        Assert.Contains(Trees.Where(tree => tree.Order == order + 1), tree => Residual(tree, 0.5) > 1e-9);
    }

    [Theory, MemberData(nameof(Methods))]
    public void An_interpolant_starts_at_the_state_and_ends_at_the_result(string name)
    {
        ButcherTableau method = ButcherTableau.Named(name);
        double[] b = [.. method.B, .. new double[method.Interpolant.ExtraStages]];
        double round = name == "vern6" ? 1e-10 : 1e-13; // its coefficients go up to 1e5
        Assert.All(Weights(method, 0), weight => Assert.Equal(0, weight));
        Assert.All(Weights(method, 1).Zip(b), pair => Assert.Equal(pair.Second, pair.First, round));
    }

    [Theory]
    [InlineData("vern6")]
    [InlineData("dop853")]
    public void The_rows_of_extra_stages_sum_to_their_nodes_and_have_an_entry_for_each_stage_before(string name)
    {
        ButcherTableau method = ButcherTableau.Named(name);
        for (int extra = 0; extra < method.Interpolant.ExtraStages; extra++)
        {
            double[] row = method.Interpolant.A(extra).ToArray();
            Assert.Equal(method.Stages + extra, row.Length);
            Assert.Equal(method.Interpolant.C(extra), row.Sum(), 1e-15 * row.Sum(Math.Abs));
        }
    }

    /// <summary>The derivative at the start is k_1 and at the end the velocity there, so that steps join smoothly.</summary>
    [Theory]
    [InlineData("bosh3", 3)]
    [InlineData("dopri5", 6)]
    [InlineData("tsit5", 6)]
    [InlineData("vern6", 8)]
    [InlineData("dop853", 12)]
    public void The_derivative_is_the_velocity_at_both_ends(string name, int last) => AssertSmooth(ButcherTableau.Named(name), last);

    private static void AssertSmooth(ButcherTableau method, int last)
    {
        const double Difference = 1e-5; // a central one; its error is b‴/6 of its square, and b‴ of Verner's 1e6
        foreach ((double theta, int stage) in new[] { (0.0, 0), (1.0, last) })
        {
            double[] slope = [.. Weights(method, theta + Difference).Zip(Weights(method, theta - Difference), (after, before) => (after - before) / (2 * Difference))];
            Assert.All(slope.Index(), weight => Assert.Equal(weight.Index == stage ? 1 : 0, weight.Item, 1e-3));
        }
    }

    /// <summary>The interpolant of Heun's method, θ − θ²/2 and θ²/2, with one mistake each, and what the message must name.</summary>
    public static TheoryData<string, double[][], double[], double[][]> BadTables => new()
    {
        { "θ^1 sum to 0.9", [[0.9, -0.5], [0, 0.5]], [], [] },
        { "θ^2 sum to 0.5", [[1, -0.5], [0, 1]], [], [] },
        { "θ^1 sum to NaN", [[double.NaN, -0.5], [0, 0.5]], [], [] },
        { "no coefficients", [[], []], [], [] },
        { "0 weights", [], [], [] },
        { "1 extra nodes and 0 extra rows", [[1, -0.5], [0, 0.5]], [1], [] },
        { "1 weights, 1 extra nodes", [[1]], [1], [[1]] },
        { "Extra row 0 of the interpolant has 1 entries", [[1, -0.5], [0, 0.5], []], [1], [[1]] },
        { "Extra row 0 of the interpolant sums to 0.5, but its node is 1", [[1, -0.5], [0, 0.5], []], [1], [[0.25, 0.25]] },
        { "Extra node 0 of the interpolant is 1.5", [[1, -0.5], [0, 0.5], []], [1.5], [[1, 0.5]] },
        { "extra stage 0 of the interpolant is 0.5 at θ = 1", [[1, -0.5], [], [0, 0.5]], [1], [[0.5, 0.5]] },
    };

    [Theory, MemberData(nameof(BadTables))]
    public void A_table_that_is_no_consistent_interpolant_is_refused(string named, double[][] coefficients, double[] c, double[][] a)
    {
        var error = Assert.Throws<ArgumentException>(() => new Interpolant(2, coefficients, c, a));
        Assert.Contains(named, error.Message);
    }

    [Fact]
    public void An_order_below_1_or_a_destination_of_another_length_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new Interpolant(0, [[1]], [], []));
        Assert.Throws<ArgumentException>(() => ButcherTableau.Heun.Interpolant.Weights(0.5, new double[3]));
    }

    [Fact]
    public void An_interpolant_of_another_method_is_refused()
    {
        Interpolant ofHeun = new(2, [[1, -0.5], [0, 0.5]], [], []);
        Assert.Same(ofHeun, new ButcherTableau("mine", 2, [0, 1], [[], [1]], [0.5, 0.5], ofHeun).Interpolant);
        Assert.Contains("mine: the interpolant", Assert.Throws<ArgumentException>(() => new ButcherTableau("mine", 2, [0, 0.5], [[], [0.5]], [0, 1], ofHeun)).Message);
        Assert.Contains("mine: the interpolant", Assert.Throws<ArgumentException>(() => new ButcherTableau("mine", 1, [0], [[]], [1], ofHeun)).Message);
    }

    private static double[] Weights(ButcherTableau method, double theta)
    {
        double[] weights = new double[method.Stages + method.Interpolant.ExtraStages];
        method.Interpolant.Weights(theta, weights);
        return weights;
    }
}
