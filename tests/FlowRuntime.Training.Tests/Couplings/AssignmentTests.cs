using FlowRuntime.Sampling;
using FlowRuntime.Training.Couplings;

namespace FlowRuntime.Training.Tests.Couplings;

public sealed class AssignmentTests
{
    private static float[] NormalNumbers(int count, long index)
    {
        float[] numbers = new float[count];
        Noise.Fill(7, index, numbers);
        return numbers;
    }

    private static float[] SmallIntegers(int count, long index) => [.. NormalNumbers(count, index).Select(x => MathF.Round(2 * x))];

    private static double Total(float[] costs, int n, int[] columnOf) => columnOf.Select((column, row) => (double)costs[row * n + column]).Sum();

    private static double SmallestTotalOfAllPermutations(float[] costs, int n)
    {
        double best = double.PositiveInfinity;
        Extend(0, new bool[n], 0);
        return best;

        void Extend(int row, bool[] taken, double sum)
        {
            if (row == n)
                best = Math.Min(best, sum);
            for (int column = 0; row < n && column < n; column++)
            {
                if (taken[column])
                    continue;
                taken[column] = true;
                Extend(row + 1, taken, sum + costs[row * n + column]);
                taken[column] = false;
            }
        }
    }

    /// <summary>
    /// An assignment is the best one exactly if no exchange of columns around a circle of rows lowers the cost. Bellman and
    /// Ford's shortest paths settle on potentials exactly if there is no such circle.
    /// </summary>
    private static void AssertNoExchangeLowersTheCost(float[] costs, int n, int[] columnOf)
    {
        double slack = 1e-9 * costs.Max(MathF.Abs);
        double[] potential = new double[n];
        for (int round = 0; round <= n; round++)
        {
            bool settled = true;
            for (int row = 0; row < n; row++)
            {
                for (int other = 0; other < n; other++)
                {
                    double through = potential[row] + ((double)costs[row * n + columnOf[other]] - costs[other * n + columnOf[other]]);
                    if (through < potential[other] - slack)
                        (potential[other], settled) = (through, false);
                }
            }
            if (settled)
                return;
        }
        Assert.Fail("A circle of rows lowers the cost by exchanging their columns.");
    }

    private static void AssertIsPermutation(int[] columnOf) => Assert.Equal(Enumerable.Range(0, columnOf.Length), columnOf.Order());

    [Fact]
    public void The_cost_is_the_smallest_of_all_permutations()
    {
        for (int n = 1; n <= 7; n++)
        {
            for (int trial = 0; trial < 40; trial++)
            {
                float[] costs = trial % 2 == 0 ? NormalNumbers(n * n, 100 * n + trial) : SmallIntegers(n * n, 100 * n + trial);
                int[] columnOf = Assignment.Solve(costs, n);
                AssertIsPermutation(columnOf);
                Assert.Equal(SmallestTotalOfAllPermutations(costs, n), Total(costs, n, columnOf), 1e-9);
            }
        }
    }

    [Fact]
    public void The_cost_of_eight_rows_is_the_smallest_of_all_permutations()
    {
        foreach (float[] costs in new[] { NormalNumbers(64, 1), SmallIntegers(64, 2), [.. NormalNumbers(64, 3).Select(x => 1e6f + 1e3f * x)] })
            Assert.Equal(SmallestTotalOfAllPermutations(costs, 8), Total(costs, 8, Assignment.Solve(costs, 8)), 1e-9);
    }

    [Theory]
    [InlineData(2, false)]
    [InlineData(16, false)]
    [InlineData(0, true)]
    public void No_exchange_of_columns_around_a_circle_of_rows_lowers_the_cost(int dimension, bool ties)
    {
        foreach (int n in new[] { 31, 256 })
        {
            float[] costs = ties ? SmallIntegers(n * n, n) : PointCosts(NormalNumbers(n * dimension, 1), NormalNumbers(n * dimension, 2), dimension);
            int[] columnOf = Assignment.Solve(costs, n);
            AssertIsPermutation(columnOf);
            AssertNoExchangeLowersTheCost(costs, n, columnOf);
        }
    }

    private static float[] PointCosts(float[] x, float[] y, int dimension) =>
        [.. from a in x.Chunk(dimension) from b in y.Chunk(dimension) select a.Zip(b, (p, q) => (p - q) * (p - q)).Sum()];

    [Fact]
    public void Of_points_on_a_line_the_order_is_kept()
    {
        const int N = 300;
        float[] x = NormalNumbers(N, 1), y = NormalNumbers(N, 2);
        int[] columnOf = Assignment.Solve(PointCosts(x, y, 1), N);
        double[] inOrder = [.. x.Order().Zip(y.Order(), (a, b) => (double)(a - b) * (a - b))];
        Assert.Equal(inOrder.Sum(), columnOf.Select((column, row) => Math.Pow((double)x[row] - y[column], 2)).Sum(), 1e-5);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(100)]
    public void Equal_costs_give_a_permutation(int n)
    {
        float[] costs = new float[n * n];
        Array.Fill(costs, -3.5f);
        AssertIsPermutation(Assignment.Solve(costs, n));
    }

    [Fact]
    public void Adding_a_number_to_a_row_and_to_a_column_changes_no_best_assignment()
    {
        const int N = 64;
        float[] costs = SmallIntegers(N * N, 5), shifted = [.. costs.Select((cost, at) => cost + 1000 * (at / N) - 3 * (at % N))];
        Assert.Equal(Total(costs, N, Assignment.Solve(costs, N)), Total(costs, N, Assignment.Solve(shifted, N)));
    }

    [Fact]
    public void The_two_closest_costs_of_float_are_told_apart_beside_a_large_one()
    {
        float small = 1e-30f, next = MathF.BitIncrement(small);
        Assert.Equal([1, 0], Assignment.Solve([next, small, small, next], 2));
        Assert.Equal([0, 1], Assignment.Solve([small, next, next, small], 2));
    }

    [Fact]
    public void A_cost_that_is_not_finite_is_named_by_its_place()
    {
        float[] costs = NormalNumbers(9, 0);
        costs[5] = float.NaN;
        Assert.Contains("row 1, column 2 is NaN", Assert.Throws<ArgumentException>(() => Assignment.Solve(costs, 3)).Message);
        costs[5] = float.PositiveInfinity;
        Assert.Throws<ArgumentException>(() => Assignment.Solve(costs, 3));
    }

    [Fact]
    public void Costs_of_another_size_are_refused()
    {
        Assert.Contains("give 4 x 4", Assert.Throws<ArgumentException>(() => Assignment.Solve(new float[12], 4)).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => Assignment.Solve([], 0));
    }
}
