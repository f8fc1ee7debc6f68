using FlowRuntime.Training.Couplings;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Objectives;
using FlowRuntime.Training.Tests.Metrics;

namespace FlowRuntime.Training.Tests.Objectives;

/// <summary>Couplings as the objective uses them: over blocks of several training batches.</summary>
public sealed class CoupledBatchTests
{
    private static readonly Dataset Gaussians = new("eight Gaussians", [2], Points.EightGaussians(1000, seed: 1), new());

    [Fact]
    public void Optimal_transport_pairs_the_rows_of_a_block_at_the_least_cost_each_source_once()
    {
        const int Rows = 16, Batches = 4;
        ConditionalFlowMatching independent = new(Gaussians, new FlowMatchingOptions(), seed: 3);
        ConditionalFlowMatching coupled = new(Gaussians, new FlowMatchingOptions { Coupling = new OptimalTransportCoupling(), CouplingBatches = Batches }, seed: 3);
        for (int block = 0; block < 3; block++)
        {
            (float[] X0, float[] X1)[] apart = [.. Steps(block).Select(step => Pairs(independent.Draw(step, Rows), 2))];
            (float[] X0, float[] X1)[] together = [.. Steps(block).Select(step => Pairs(coupled.Draw(step, Rows), 2))];
            float[] sources = [.. apart.SelectMany(pairs => pairs.X0)], data = [.. apart.SelectMany(pairs => pairs.X1)];
            float[] moved = [.. together.SelectMany(pairs => pairs.X0)], kept = [.. together.SelectMany(pairs => pairs.X1)];
            AssertClose(data, kept);
            int[] sourceOf = [.. moved.Chunk(2).Select(row => Nearest(sources, row))];
            Assert.Equal(Enumerable.Range(0, Rows * Batches), sourceOf.Order());
            double least = OptimalTransport.Between(sources, data, 2).MeanSquaredDistance;
            Assert.Equal(least, SquaredDistance(moved, kept), 1e-3);
            Assert.True(least < 0.7 * SquaredDistance(sources, data));
        }

        // Pairing each batch by itself costs more: the blocks are longer than a batch.
        ConditionalFlowMatching alone = new(Gaussians, new FlowMatchingOptions { Coupling = new OptimalTransportCoupling() }, seed: 3);
        Assert.True(Cost(coupled) < 0.95 * Cost(alone));

        static IEnumerable<int> Steps(int block) => Enumerable.Range(Batches * block, Batches);

        static double Cost(ConditionalFlowMatching objective) => Enumerable.Range(0, 12).Average(step =>
        {
            (float[] x0, float[] x1) = Pairs(objective.Draw(step, Rows), 2);
            return SquaredDistance(x0, x1);
        });
    }

    public static TheoryData<Coupling> Couplings =>
        [new IndependentCoupling(), new OptimalTransportCoupling(), new SinkhornCoupling(4), new ConditionalOptimalTransportCoupling()];

    [Theory, MemberData(nameof(Couplings))]
    public void Images_keep_their_rows_and_labels_and_noise_its_rows(Coupling coupling)
    {
        const int Rows = 24;
        float[] values = [.. Points.Normal(10, 16, seed: 4)];
        var images = new Dataset("images", [1, 4, 4], values, new(), [.. Enumerable.Range(0, 10)], [.. Enumerable.Range(0, 10).Select(i => $"{i}")]);
        ConditionalFlowMatching objective = new(images, new FlowMatchingOptions { Coupling = coupling, CouplingBatches = 2, ClassDropout = 0.25 }, seed: 5);
        ConditionalFlowMatching independent = new(images, new FlowMatchingOptions { ClassDropout = 0.25 }, seed: 5);
        float[] noise = [.. Pairs(independent.Draw(0, Rows), 16).X0, .. Pairs(independent.Draw(1, Rows), 16).X0];
        for (int step = 0; step < 2; step++)
        {
            TrainingBatch batch = objective.Draw(step, Rows), plain = independent.Draw(step, Rows);
            Assert.Equal(plain.Labels, batch.Labels);
            Assert.Contains(10L, batch.Labels!);
            (float[] x0, float[] x1) = Pairs(batch, 16);
            AssertClose(Pairs(plain, 16).X1, x1);
            for (int row = 0; row < Rows; row++)
            {
                int image = Nearest(values, x1.AsSpan(16 * row, 16)); // each is a whole image, and a whole row of noise
                Assert.True(batch.Labels![row] == image || batch.Labels[row] == 10);
                Nearest(noise, x0.AsSpan(16 * row, 16));
            }
        }
    }

    [Fact]
    public void Given_a_class_the_source_stays_normal_under_conditional_optimal_transport_but_not_under_the_plain_one()
    {
        const int Rows = 64, Steps = 40;
        float[] values = Points.Normal(400, 2, seed: 6);
        for (int row = 0; row < 400; row++)
            values[2 * row] += row % 2 == 0 ? 3 : -3;
        var data = new Dataset("two classes", [2], values, new(), [.. Enumerable.Range(0, 400).Select(row => row % 2)], ["right", "left"]);
        double[] fair = Sources(new ConditionalOptimalTransportCoupling(), out double fairCost);
        SampleMean.Of(fair).IsAt(0);
        SampleMean.Of([.. fair.Select(x => x * x)]).IsAt(1);
        double[] biased = Sources(new OptimalTransportCoupling(), out double leastCost);
        Assert.True(biased.Average() > 0.5, $"plain optimal transport gives the class on the right its own part of the noise, of mean {biased.Average():G2}");
        Sources(new IndependentCoupling(), out double cost);
        Assert.True(leastCost < fairCost && fairCost < 0.9 * cost);

        double[] Sources(Coupling coupling, out double cost)
        {
            ConditionalFlowMatching objective = new(data, new FlowMatchingOptions { Coupling = coupling, ClassDropout = 0.2 }, seed: 7);
            var ofRight = new List<double>();
            cost = 0;
            for (int step = 0; step < Steps; step++)
            {
                TrainingBatch batch = objective.Draw(step, Rows);
                (float[] x0, float[] x1) = Pairs(batch, 2);
                cost += SquaredDistance(x0, x1) / Steps;
                ofRight.AddRange(Enumerable.Range(0, Rows).Where(row => batch.Labels![row] == 0).Select(row => (double)x0[2 * row]));
            }
            return [.. ofRight];
        }
    }

    public static TheoryData<Coupling, int> Blocks => new()
    {
        { new IndependentCoupling(), 1 }, { new OptimalTransportCoupling(), 1 }, { new OptimalTransportCoupling(), 3 }, { new SinkhornCoupling(4), 4 }, { new ConditionalOptimalTransportCoupling(), 2 },
    };

    [Theory, MemberData(nameof(Blocks))]
    public void A_step_draws_the_same_in_whatever_order_and_on_however_many_threads(Coupling coupling, int batches)
    {
        const int Rows = 8, Steps = 100; // more blocks than are kept
        ConditionalFlowMatching forward = Objective(), backward = Objective(), crowded = Objective();
        TrainingBatch[] first = [.. Enumerable.Range(0, Steps).Select(step => forward.Draw(step, Rows))];
        TrainingBatch[] reversed = [.. Enumerable.Range(0, Steps).Reverse().Select(step => backward.Draw(step, Rows)).Reverse()];
        TrainingBatch[] parallel = new TrainingBatch[Steps];
        Parallel.For(0, Steps, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i => parallel[i * 37 % Steps] = crowded.Draw(i * 37 % Steps, Rows));
        TrainingBatch[] again = [.. Enumerable.Range(0, Steps).Select(step => forward.Draw(step, Rows))]; // the old blocks were dropped
        for (int step = 0; step < Steps; step++)
        {
            foreach (TrainingBatch other in new[] { reversed[step], parallel[step], again[step], Objective().Draw(step, Rows) })
            {
                Assert.Equal(first[step].Times, other.Times);
                Assert.Equal(first[step].States, other.States);
                Assert.Equal(first[step].Targets, other.Targets);
            }
            Assert.True(step == 0 || !first[step].States.SequenceEqual(first[step - 1].States));
        }

        ConditionalFlowMatching Objective() => new(Gaussians, new FlowMatchingOptions { Coupling = coupling, CouplingBatches = batches }, seed: 8);
    }

    [Fact]
    public void The_pairing_of_a_block_is_not_made_again_for_each_of_its_batches()
    {
        var counting = new Counting();
        ConditionalFlowMatching objective = new(Gaussians, new FlowMatchingOptions { Coupling = counting, CouplingBatches = 5 }, seed: 9);
        Parallel.For(0, 50, new ParallelOptions { MaxDegreeOfParallelism = 4 }, step => objective.Draw(step, 4));
        Assert.Equal([.. Enumerable.Range(0, 10).Select(block => (long)block)], counting.Draws.Order());
    }

    /// <summary>The independent coupling, which notes the blocks it is asked for.</summary>
    private sealed class Counting : Coupling
    {
        public System.Collections.Concurrent.ConcurrentBag<long> Draws { get; } = [];

        public override int[] Pair(CouplingBatch batch, ulong seed, long draw)
        {
            Draws.Add(draw);
            Assert.Equal(20, batch.Count);
            return [.. Enumerable.Range(0, batch.Count)];
        }
    }

    /// <summary>The pairs of a batch on the straight path: x0 = x − t u, x1 = x + (1 − t) u.</summary>
    private static (float[] X0, float[] X1) Pairs(TrainingBatch batch, int d) => (
        [.. batch.States.Select((x, i) => x - batch.Times[i / d] * batch.Targets[i])],
        [.. batch.States.Select((x, i) => x + (1 - batch.Times[i / d]) * batch.Targets[i])]);

    private static int Nearest(ReadOnlySpan<float> rows, ReadOnlySpan<float> row)
    {
        for (int i = 0; i < rows.Length / row.Length; i++)
        {
            bool equal = true;
            for (int e = 0; e < row.Length; e++)
                equal &= Math.Abs(rows[i * row.Length + e] - row[e]) < 1e-4;
            if (equal)
                return i;
        }
        throw new Xunit.Sdk.XunitException("There is no such row.");
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], 1e-4f);
    }

    private static double SquaredDistance(float[] x, float[] y) => x.Zip(y, (a, b) => Math.Pow((double)a - b, 2)).Sum() / (x.Length / 2);
}
