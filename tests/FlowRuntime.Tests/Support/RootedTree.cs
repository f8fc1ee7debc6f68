using FlowRuntime.Ode;

namespace FlowRuntime.Tests;

/// <summary>
/// A rooted tree τ: each is one term of the Taylor series of a solution, and one order condition Σ_i b_i φ_i(τ) = 1/γ(τ)
/// of a method. Source: Hairer I, section II.2.
/// </summary>
internal sealed class RootedTree
{
    private readonly RootedTree[] _children;

    private RootedTree(RootedTree[] children)
    {
        _children = children;
        Order = 1 + children.Sum(child => child.Order);
        Density = Order * children.Aggregate(1.0, (product, child) => product * child.Density);
    }

    /// <summary>|τ|, the number of nodes.</summary>
    public int Order { get; }

    /// <summary>γ(τ): the product of the orders of all subtrees.</summary>
    public double Density { get; }

    /// <summary>All trees with at most this many nodes, smaller ones first.</summary>
    public static IReadOnlyList<RootedTree> UpTo(int order)
    {
        List<RootedTree> trees = [];
        for (int nodes = 1; nodes <= order; nodes++)
            trees.AddRange(Forests(nodes - 1, trees.Count - 1).Select(forest => new RootedTree([.. forest])).ToList());
        return trees;

        // The multisets of trees with so many nodes together, none of an index above the largest.
        IEnumerable<IEnumerable<RootedTree>> Forests(int nodes, int largest) => nodes == 0
            ? [[]]
            : from index in Enumerable.Range(0, largest + 1)
              where trees[index].Order <= nodes
              from rest in Forests(nodes - trees[index].Order, index)
              select rest.Prepend(trees[index]);
    }

    /// <summary>φ_i(τ) = Π over the children σ of Σ_j a_ij φ_j(σ), for every stage i.</summary>
    public double[] ElementaryWeights(double[][] a)
    {
        double[] phi = [.. a.Select(_ => 1.0)];
        foreach (RootedTree child in _children)
        {
            double[] below = child.ElementaryWeights(a);
            for (int i = 0; i < phi.Length; i++)
                phi[i] *= a[i].Zip(below, (left, right) => left * right).Sum();
        }
        return phi;
    }

    /// <summary>
    /// How far Σ_i w_i φ_i(τ) is from what it should be, in units of the sum of the absolute terms: what rounding can do
    /// is a few 1e-16 of that sum, which is much above 1 where large coefficients cancel.
    /// </summary>
    public double Residual(double[][] a, double[] weights, double expected)
    {
        double sum = weights.Zip(ElementaryWeights(a), (left, right) => left * right).Sum();
        double[][] absolute = [.. a.Select(row => (double[])[.. row.Select(Math.Abs)])];
        double scale = weights.Zip(ElementaryWeights(absolute), (left, right) => Math.Abs(left) * right).Sum();
        return (sum - expected) / Math.Max(scale, expected);
    }

    /// <inheritdoc/>
    public override string ToString() => $"[{string.Concat(_children.Select(child => child.ToString()))}]";

    /// <summary>The matrix of a method, row by row, with the rows of its interpolant's extra stages below.</summary>
    public static double[][] Matrix(ButcherTableau method) =>
    [
        .. Enumerable.Range(0, method.Stages).Select(i => method.A(i).ToArray()),
        .. Enumerable.Range(0, method.Interpolant.ExtraStages).Select(extra => method.Interpolant.A(extra).ToArray()),
    ];
}
