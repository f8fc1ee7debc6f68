using FlowRuntime.Ode;

namespace FlowRuntime.Tests;

/// <summary>The order of every method and estimate, proved by one condition a rooted tree.</summary>
public class OrderConditionTests
{
    /// <summary>
    /// In units of the absolute terms of a condition, since 1e-16 of each is lost to rounding: in Verner's pair they are
    /// thousands. A wrong tenth digit of most coefficients is above it.
    /// </summary>
    private const double RoundOff = 1e-15;

    private static readonly IReadOnlyList<RootedTree> Trees = RootedTree.UpTo(9);

    public static TheoryData<string> Methods => [.. ButcherTableau.All.Select(method => method.Name)];

    [Fact]
    public void There_are_1_1_2_4_9_20_48_115_rooted_trees_of_the_orders_1_to_8()
    {
        Assert.Equal([1, 1, 2, 4, 9, 20, 48, 115], Enumerable.Range(1, 8).Select(order => Trees.Count(tree => tree.Order == order)));
        Assert.Distinct(Trees.Select(tree => tree.ToString()));
    }

    [Fact]
    public void The_trees_of_order_4_have_the_densities_and_weights_of_the_textbook()
    {
        // Hairer I, table II.2.1, for a method of three stages: φ = c³, c·Ac, Ac², AAc.
        double[][] a = [[], [0.5], [0.25, 0.5]];
        double[] c = [0, 0.5, 0.75];
        (double Density, double Weight)[] expected =
        [
            (4, c[2] * c[2] * c[2]),
            (8, c[2] * 0.5 * c[1]),
            (12, 0.5 * c[1] * c[1]),
            (24, 0),
        ];
        Assert.Equal(expected, Trees.Where(tree => tree.Order == 4).Select(tree => (tree.Density, tree.ElementaryWeights(a)[2])).Order());
    }

    [Theory, MemberData(nameof(Methods))]
    public void A_method_satisfies_every_condition_up_to_its_order_and_fails_one_of_the_next(string name)
    {
        ButcherTableau method = ButcherTableau.Named(name);
        double Residual(RootedTree tree) => Math.Abs(tree.Residual(Matrix(method), method.B.ToArray(), 1 / tree.Density));

        Assert.All(Trees.Where(tree => tree.Order <= method.Order), tree => Assert.InRange(Residual(tree), 0, RoundOff));
        Assert.Contains(Trees.Where(tree => tree.Order == method.Order + 1), tree => Residual(tree) > 1e-6);
    }

    public static TheoryData<string, bool, int> Comparisons => new()
    {
        { "heun-euler", false, 1 },
        { "bosh3", false, 2 },
        { "dopri5", false, 4 },
        { "tsit5", false, 4 },
        { "vern6", false, 5 },
        { "vern6-robust", false, 5 },
        { "dop853", false, 5 },
        { "dop853", true, 3 },
    };

    [Theory, MemberData(nameof(Comparisons))]
    public void Error_weights_annihilate_every_tree_up_to_the_order_of_the_comparison_and_not_all_of_the_next(string name, bool second, int order)
    {
        var pair = (EmbeddedPair)ButcherTableau.Named(name);
        double[] weights = (second ? pair.SecondErrorWeights : pair.ErrorWeights).ToArray();
        double Residual(RootedTree tree) => Math.Abs(tree.Residual(Matrix(pair), weights, 0));

        Assert.All(Trees.Where(tree => tree.Order <= order), tree => Assert.InRange(Residual(tree), 0, RoundOff));
        Assert.Contains(Trees.Where(tree => tree.Order == order + 1), tree => Residual(tree) > 1e-6);
    }

    [Fact]
    public void Every_pair_has_its_comparison_s_order_but_Dop853_whose_two_estimates_combine_to_order_7()
    {
        Assert.All(Comparisons.Select(row => row.Data).Where(data => data.Item1 != "dop853"),
            data => Assert.Equal(data.Item3, ((EmbeddedPair)ButcherTableau.Named(data.Item1)).EmbeddedOrder));
        Assert.Equal(2 * (5 + 1) - (3 + 1), ButcherTableau.Dop853.EmbeddedOrder + 1); // err₅²/err₃ = O(h¹²/h⁴)
    }

    private static double[][] Matrix(ButcherTableau method) => RootedTree.Matrix(method)[..method.Stages];
}
