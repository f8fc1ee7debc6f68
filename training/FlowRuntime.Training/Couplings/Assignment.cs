using System.Numerics.Tensors;

namespace FlowRuntime.Training.Couplings;

/// <summary>
/// The linear assignment problem: one column for every row, each column once, with the smallest sum of costs. Exact, up to
/// the rounding of sums in double precision.
/// </summary>
/// <remarks>
/// Sources: Bertsekas 1988, "The auction algorithm: a distributed relaxation method for the assignment problem", with
/// ε-scaling, for prices that are nearly right; Jonker and Volgenant 1987, "A shortest augmenting path algorithm for dense
/// and sparse linear assignment problems", for the rest. Time grows as n³ at worst. Of several best assignments the
/// same one is returned whatever the width of the machine's vectors.
/// </remarks>
public static class Assignment
{
    /// <summary>Solves an assignment problem.</summary>
    /// <param name="costs">The costs c_ij, [n, n], row by row; finite, of any sign.</param>
    /// <param name="n">Number of rows and of columns, at least 1.</param>
    /// <returns>The column of each row, [n]: a permutation.</returns>
    /// <exception cref="ArgumentException">The costs are not n · n numbers, or one of them is not finite.</exception>
    public static int[] Solve(ReadOnlySpan<float> costs, int n)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        if (costs.Length != (long)n * n)
            throw new ArgumentException($"There are {costs.Length} costs for {n} rows; give {n} x {n}.", nameof(costs));
        if (!TensorPrimitives.IsFiniteAll(costs))
        {
            int at = 0;
            while (float.IsFinite(costs[at]))
                at++;
            throw new ArgumentException($"The cost of row {at / n}, column {at % n} is {costs[at]}; costs must be finite.", nameof(costs));
        }
        return new AssignmentProblem(new MatrixCosts(costs, n)).Solve();
    }
}
