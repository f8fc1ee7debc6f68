using FlowRuntime.Sampling;
using FlowRuntime.Training.Couplings;

namespace FlowRuntime.Training.Tests.Couplings;

public sealed class EntropicTransportTests
{
    private static float[] Costs(int n, int m, long index)
    {
        float[] points = new float[2 * (n + m)];
        Noise.Fill(5, index, points);
        return SquaredDistances.Between(points.AsSpan(0, 2 * n), points.AsSpan(2 * n), 2);
    }

    private static double Cost(float[] costs, EntropicPlan plan) => costs.Zip(plan.Masses, (c, p) => (double)c * p).Sum();

    [Theory]
    [InlineData(20, 20, 0.5)]
    [InlineData(20, 35, 0.05)]
    [InlineData(35, 20, 5)]
    [InlineData(1, 4, 1)]
    public void Rows_and_columns_have_equal_shares(int n, int m, double regularisation)
    {
        EntropicPlan plan = EntropicTransport.Plan(Costs(n, m, 1), n, m, regularisation, tolerance: 1e-5);
        double[] columns = new double[m];
        for (int i = 0; i < n; i++)
        {
            Assert.Equal(1.0 / n, plan.Masses[(i * m)..((i + 1) * m)].Sum(p => (double)p), 1e-6);
            for (int j = 0; j < m; j++)
                columns[j] += plan.Masses[i * m + j];
        }
        Assert.InRange(columns.Sum(mass => Math.Abs(mass - 1.0 / m)), 0, 1.2e-5);
    }

    [Theory]
    [InlineData(0.3, 1.0)]
    [InlineData(4.0, 1.0)]
    [InlineData(4.0, 2.5)]
    public void The_plan_of_two_by_two_is_a_logistic_function(float gap, double regularisation)
    {
        // Costs 0 on the diagonal and gap off it: P_11 = 1/2 · 1/(1 + exp(−gap/ε)), whatever is added to rows and columns.
        float[] costs = [7, gap + 4, gap + 7, 4];
        float[] masses = EntropicTransport.Plan(costs, 2, 2, regularisation, tolerance: 1e-6).Masses;
        double same = 0.5 / (1 + Math.Exp(-gap / regularisation));
        Assert.Equal([same, 0.5 - same, 0.5 - same, same], masses.Select(p => (double)p), (a, b) => Math.Abs(a - b) < 1e-5);
    }

    [Fact]
    public void The_cross_ratios_of_a_plan_are_those_of_the_costs()
    {
        // P = exp((f + g − C)/ε) exactly if ε log(P_ij P_kl / P_il P_kj) = C_il + C_kj − C_ij − C_kl: this and the marginals are the optimum.
        const int N = 12;
        float[] costs = Costs(N, N, 2), p = EntropicTransport.Plan(costs, N, N, 0.7).Masses;
        for (int i = 1; i < N; i++)
        {
            for (int j = 1; j < N; j++)
            {
                double ratio = 0.7 * (Math.Log(p[0]) + Math.Log(p[i * N + j]) - Math.Log(p[j]) - Math.Log(p[i * N]));
                Assert.Equal((double)costs[j] + costs[i * N] - costs[0] - costs[i * N + j], ratio, 1e-5);
            }
        }
    }

    [Fact]
    public void As_the_regularisation_falls_the_cost_tends_to_that_of_optimal_transport()
    {
        const int N = 40;
        float[] costs = Costs(N, N, 3);
        int[] best = Assignment.Solve(costs, N);
        double exact = best.Select((j, i) => (double)costs[i * N + j]).Average();
        double[] excess = [.. new[] { 1, 0.1, 0.01 }.Select(e => Cost(costs, EntropicTransport.Plan(costs, N, N, e, tolerance: 1e-5)) - exact)];
        Assert.True(excess[0] > excess[1] && excess[1] > excess[2], string.Join(", ", excess));
        Assert.InRange(excess[2], -1e-4, 0.01 * Math.Log(N)); // the excess is at most ε times the entropy that is to be had
    }

    [Fact]
    public void As_the_regularisation_grows_the_plan_tends_to_the_independent_one()
    {
        const int N = 15;
        float[] masses = EntropicTransport.Plan(Costs(N, N, 4), N, N, 1e6).Masses;
        Assert.All(masses, p => Assert.Equal(1.0 / (N * N), p, 1e-7));
    }

    [Fact]
    public void A_tiny_regularisation_neither_overflows_nor_empties_a_row()
    {
        const int N = 30;
        float[] costs = [.. Costs(N, N, 5).Select(c => 1e4f * c)];
        EntropicPlan plan = EntropicTransport.Plan(costs, N, N, 1e-3, maxIterations: 500);
        Assert.InRange(plan.ColumnError, 0, 1e-4);
        Assert.All(plan.Masses, p => Assert.InRange(p, 0, 1.0f / N + 1e-6f));
        Assert.All(plan.Masses.Chunk(N), row => Assert.Equal(1.0 / N, row.Sum(p => (double)p), 1e-6));
    }

    [Fact]
    public void A_plan_that_ran_out_of_iterations_tells_its_error()
    {
        const int N = 30;
        float[] costs = Costs(N, N, 6);
        EntropicPlan plan = EntropicTransport.Plan(costs, N, N, 0.002, maxIterations: 3);
        double error = Enumerable.Range(0, N).Sum(j => Math.Abs(Enumerable.Range(0, N).Sum(i => (double)plan.Masses[i * N + j]) - 1.0 / N));
        Assert.Equal(error, plan.ColumnError, 1e-5);
        Assert.True(plan.ColumnError > EntropicTransport.DefaultTolerance);
    }

    [Fact]
    public void Bad_numbers_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => EntropicTransport.Plan([1], 1, 1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => EntropicTransport.Plan([1], 1, 1, 1, tolerance: 0));
        Assert.Throws<ArgumentException>(() => EntropicTransport.Plan([1, 2], 1, 1, 1));
        Assert.Throws<ArgumentException>(() => EntropicTransport.Plan([float.NaN], 1, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SinkhornCoupling(double.NaN));
    }
}
