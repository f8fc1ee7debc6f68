using FlowRuntime.Sampling;
using FlowRuntime.Training.Couplings;

namespace FlowRuntime.Training.Tests.Couplings;

public sealed class CouplingTests
{
    private const int N = 48;

    private static float[] Normals(int count, long index)
    {
        float[] numbers = new float[count];
        Noise.Fill(21, index, numbers);
        return numbers;
    }

    private static double Cost(float[] x0, float[] x1, int[] sourceOf) =>
        sourceOf.Select((source, row) => Math.Pow((double)x0[2 * source] - x1[2 * row], 2) + Math.Pow((double)x0[2 * source + 1] - x1[2 * row + 1], 2)).Sum();

    private static int[] ThreeClasses(int n) => [.. Enumerable.Range(0, n).Select(i => i * i % 7 % 3 - 1)]; // −1 among them

    public static TheoryData<Coupling> Couplings =>
        [new IndependentCoupling(), new OptimalTransportCoupling(), new SinkhornCoupling(0.5), new ConditionalOptimalTransportCoupling()];

    [Theory, MemberData(nameof(Couplings))]
    public void A_pairing_is_a_function_of_batch_seed_and_draw(Coupling coupling)
    {
        float[] x0 = Normals(2 * N, 1), x1 = Normals(2 * N, 2);
        int[] labels = ThreeClasses(N);
        int[] first = coupling.Pair(new CouplingBatch(x0, x1, 2, labels), 3, 4);
        Assert.Equal(first, coupling.Pair(new CouplingBatch(x0, x1, 2, labels), 3, 4));
        if (coupling is SinkhornCoupling or ConditionalOptimalTransportCoupling)
        {
            Assert.NotEqual(first, coupling.Pair(new CouplingBatch(x0, x1, 2, labels), 4, 4));
            Assert.NotEqual(first, coupling.Pair(new CouplingBatch(x0, x1, 2, labels), 3, 4L + (1L << 32)));
        }
    }

    [Fact]
    public void The_independent_coupling_leaves_rows_as_they_are() =>
        Assert.Equal(Enumerable.Range(0, N), new IndependentCoupling().Pair(new CouplingBatch(Normals(2 * N, 1), Normals(2 * N, 2), 2), 0, 0));

    [Fact]
    public void Optimal_transport_uses_every_row_once_at_the_smallest_cost()
    {
        float[] x0 = Normals(2 * N, 1), x1 = Normals(2 * N, 2);
        int[] sourceOf = new OptimalTransportCoupling().Pair(new CouplingBatch(x0, x1, 2), 0, 0);
        Assert.Equal(Enumerable.Range(0, N), sourceOf.Order());
        Assert.Equal(N * OptimalTransport.Between(x0, x1, 2).MeanSquaredDistance, Cost(x0, x1, sourceOf), 1e-5);
    }

    [Fact]
    public void Optimal_transport_undoes_a_permutation_of_images()
    {
        float[] images = Normals(10 * 300, 5);
        int[] order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7];
        float[] shuffled = [.. order.SelectMany(i => images[(300 * i)..(300 * (i + 1))])];
        Assert.Equal(order, new OptimalTransportCoupling().Pair(new CouplingBatch(images, shuffled, 300), 0, 0));
    }

    [Fact]
    public void Sinkhorn_draws_sources_as_often_as_the_plan_says()
    {
        const int Rows = 4, Draws = 4000;
        float[] x0 = Normals(2 * Rows, 1), x1 = Normals(2 * Rows, 2);
        float[] masses = EntropicTransport.Plan(SquaredDistances.Between(x1, x0, 2), Rows, Rows, 2).Masses;
        var coupling = new SinkhornCoupling(2);
        int[] counts = new int[Rows * Rows];
        for (int draw = 0; draw < Draws; draw++)
        {
            int[] sourceOf = coupling.Pair(new CouplingBatch(x0, x1, 2), 8, draw);
            for (int row = 0; row < Rows; row++)
                counts[row * Rows + sourceOf[row]]++;
        }
        double chiSquare = counts.Zip(masses, (count, mass) => Math.Pow(count - (double)Draws * Rows * mass, 2) / (Draws * Rows * (double)mass)).Sum();
        Assert.InRange(chiSquare, 0, 32.9); // 12 degrees of freedom: above this once in a thousand seeds
    }

    [Fact]
    public void At_a_small_regularisation_Sinkhorn_is_optimal_transport()
    {
        float[] x0 = Normals(2 * N, 1), x1 = Normals(2 * N, 2);
        int[] drawn = new SinkhornCoupling(1e-4).Pair(new CouplingBatch(x0, x1, 2), 0, 0);
        int[] exact = new OptimalTransportCoupling().Pair(new CouplingBatch(x0, x1, 2), 0, 0);
        Assert.InRange(drawn.Zip(exact, (a, b) => a == b ? 1 : 0).Sum(), N - 3, N);
    }

    [Fact]
    public void Conditional_transport_is_a_permutation_and_the_best_one_within_each_class()
    {
        float[] x0 = Normals(2 * N, 1), x1 = Normals(2 * N, 2);
        int[] labels = ThreeClasses(N);
        int[] sourceOf = new ConditionalOptimalTransportCoupling().Pair(new CouplingBatch(x0, x1, 2, labels), 3, 4);
        Assert.Equal(Enumerable.Range(0, N), sourceOf.Order());
        foreach (int label in labels.Distinct())
        {
            int[] members = [.. Enumerable.Range(0, N).Where(row => labels[row] == label)];
            float[] sources = [.. members.SelectMany(row => x0[(2 * sourceOf[row])..(2 * sourceOf[row] + 2)])];
            float[] data = [.. members.SelectMany(row => x1[(2 * row)..(2 * row + 2)])];
            Assert.Equal(Cost(sources, data, [.. Enumerable.Range(0, members.Length)]),
                members.Length * OptimalTransport.Between(sources, data, 2).MeanSquaredDistance, 1e-5);
        }
    }

    [Fact]
    public void Which_sources_a_class_gets_depends_on_neither_the_points_nor_the_other_rows_data()
    {
        int[] labels = ThreeClasses(N);
        HashSet<int> Sources(float[] x0, float[] x1, int label)
        {
            int[] sourceOf = new ConditionalOptimalTransportCoupling().Pair(new CouplingBatch(x0, x1, 2, labels), 3, 4);
            return [.. Enumerable.Range(0, N).Where(row => labels[row] == label).Select(row => sourceOf[row])];
        }
        foreach (int label in labels.Distinct())
            Assert.True(Sources(Normals(2 * N, 1), Normals(2 * N, 2), label).SetEquals(Sources(Normals(2 * N, 3), Normals(2 * N, 4), label)));
    }

    [Fact]
    public void With_one_class_or_none_conditional_transport_is_optimal_transport()
    {
        float[] x0 = Normals(2 * N, 1), x1 = Normals(2 * N, 2);
        int[] exact = new OptimalTransportCoupling().Pair(new CouplingBatch(x0, x1, 2), 0, 0);
        var coupling = new ConditionalOptimalTransportCoupling();
        Assert.Equal(exact, coupling.Pair(new CouplingBatch(x0, x1, 2), 5, 0));
        Assert.Equal(exact, coupling.Pair(new CouplingBatch(x0, x1, 2, [.. Enumerable.Repeat(2, N)]), 5, 1));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_source_of_a_class_is_unbiased_under_conditional_transport_and_biased_under_plain(bool conditional)
    {
        // Class 0 lies left of the origin, class 1 right. The mean abscissa of the sources of class 0 over 200 batches of 16 + 16
        // normal rows has standard deviation 1/√3200 if unbiased; plain transport draws it to about −0.8.
        const int Draws = 200, Rows = 32;
        Coupling coupling = conditional ? new ConditionalOptimalTransportCoupling() : new OptimalTransportCoupling();
        int[] labels = [.. Enumerable.Range(0, Rows).Select(i => i % 2)];
        double sum = 0;
        for (int draw = 0; draw < Draws; draw++)
        {
            float[] x0 = Normals(2 * Rows, 1000 + draw), x1 = Normals(2 * Rows, 2000 + draw);
            for (int row = 0; row < Rows; row++)
                x1[2 * row] += labels[row] == 0 ? -5 : 5;
            int[] sourceOf = coupling.Pair(new CouplingBatch(x0, x1, 2, labels), 9, draw);
            sum += Enumerable.Range(0, Rows).Where(row => labels[row] == 0).Sum(row => (double)x0[2 * sourceOf[row]]);
        }
        double mean = sum / (Draws * Rows / 2);
        if (conditional)
            Assert.InRange(mean, -4 / Math.Sqrt(3200), 4 / Math.Sqrt(3200));
        else
            Assert.InRange(mean, -1, -0.6);
    }

    [Fact]
    public void With_all_pairs_allowed_conditions_are_ignored()
    {
        float[] x0 = Normals(2 * N, 1), x1 = Normals(2 * N, 2);
        Assert.Equal(
            new OptimalTransportCoupling().Pair(new CouplingBatch(x0, x1, 2), 0, 0),
            new ConditionalOptimalTransportCoupling(1).Pair(new CouplingBatch(x0, x1, 2, conditions: Normals(N, 3)), 0, 0));
    }

    [Theory]
    [InlineData(ConditionDistance.SquaredEuclid)]
    [InlineData(ConditionDistance.Cosine)]
    public void With_no_other_pair_allowed_rows_stay_as_dealt_whatever_the_points(ConditionDistance distance)
    {
        var coupling = new ConditionalOptimalTransportCoupling(0.5 / N, distance);
        int[] first = coupling.Pair(new CouplingBatch(Normals(2 * N, 1), Normals(2 * N, 2), 2, conditions: Normals(3 * N, 3)), 6, 0);
        int[] second = coupling.Pair(new CouplingBatch(Normals(2 * N, 4), Normals(2 * N, 5), 2, conditions: Normals(3 * N, 6)), 6, 0);
        Assert.Equal(first, second);
        Assert.Equal(Enumerable.Range(0, N), first.Order());
        Assert.NotEqual(Enumerable.Range(0, N), first);
    }

    [Theory]
    [InlineData(0.05)]
    [InlineData(0.2)]
    [InlineData(0.4)]
    public void The_weight_is_the_smallest_at_which_the_share_of_competing_pairs_is_small_enough(double share)
    {
        float[] costs = SquaredDistances.Between(Normals(2 * N, 1), Normals(2 * N, 2), 2);
        float[] conditions = Normals(N, 3), apart = SquaredDistances.Between(conditions, conditions, 1);
        double Share(double w) => Enumerable.Range(0, N * N).Count(at => costs[at] + w * apart[at] <= costs[at / N * (N + 1)]) / (double)(N * N);
        double weight = ConditionalOptimalTransportCoupling.Weight(costs, apart, N, share);
        Assert.True(weight > 0);
        Assert.True(Share(weight * (1 + 1e-5)) <= share);
        Assert.True(Share(weight * (1 - 1e-5)) > share);
    }

    [Fact]
    public void A_smaller_share_buys_nearer_conditions_with_longer_ways()
    {
        float[] x0 = Normals(2 * N, 1), x1 = Normals(2 * N, 2), conditions = Normals(N, 3);
        int[] dealt = new ConditionalOptimalTransportCoupling(0.5 / N).Pair(new CouplingBatch(x0, x1, 2, conditions: conditions), 6, 0);
        double[] costs = new double[3], apart = new double[3];
        double[] shares = [0.03, 0.1, 0.5];
        for (int s = 0; s < 3; s++)
        {
            int[] sourceOf = new ConditionalOptimalTransportCoupling(shares[s]).Pair(new CouplingBatch(x0, x1, 2, conditions: conditions), 6, 0);
            costs[s] = Cost(x0, x1, sourceOf);
            apart[s] = sourceOf.Select((source, row) => Math.Pow((double)conditions[Array.IndexOf(dealt, source)] - conditions[row], 2)).Sum();
        }
        Assert.True(costs[0] > costs[1] && costs[1] > costs[2], string.Join(", ", costs));
        Assert.True(apart[0] < apart[1] && apart[1] < apart[2], string.Join(", ", apart));
    }

    [Fact]
    public void The_length_of_a_condition_does_not_matter_to_cosines()
    {
        float[] x0 = Normals(2 * N, 1), x1 = Normals(2 * N, 2), conditions = Normals(3 * N, 3);
        float[] longer = [.. conditions.Select((c, at) => c * (1 << at / 3 % 5))];
        var coupling = new ConditionalOptimalTransportCoupling(0.1, ConditionDistance.Cosine);
        Assert.Equal(
            coupling.Pair(new CouplingBatch(x0, x1, 2, conditions: conditions), 6, 0),
            coupling.Pair(new CouplingBatch(x0, x1, 2, conditions: longer), 6, 0));
    }

    [Fact]
    public void Batches_that_do_not_fit_are_refused()
    {
        Assert.Contains("2 source rows and 3 data rows", Assert.Throws<ArgumentException>(() => new CouplingBatch(new float[4], new float[6], 2)).Message);
        Assert.Throws<ArgumentException>(() => new CouplingBatch(new float[4], new float[4], 2, labels: [1]));
        Assert.Throws<ArgumentException>(() => new CouplingBatch(new float[4], new float[4], 2, conditions: [1, 2, 3]));
        Assert.Throws<ArgumentException>(() => new CouplingBatch([], [], 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ConditionalOptimalTransportCoupling(0));
        var cosine = new ConditionalOptimalTransportCoupling(0.1, ConditionDistance.Cosine);
        Assert.Contains("row 1", Assert.Throws<ArgumentException>(() => cosine.Pair(new CouplingBatch(new float[4], new float[4], 2, conditions: [1, 2, 0, 0]), 0, 0)).Message);
        Assert.Throws<ArgumentException>(() => cosine.Pair(new CouplingBatch(new float[4], new float[4], 2, [0, 1], [1, 2, 0, 0]), 0, 0));
    }
}
