using FlowRuntime.Training.Metrics;

namespace FlowRuntime.Training.Tests.Metrics;

public class ClassifierTwoSampleTestTests
{
    [Fact]
    public void Over_sets_of_one_distribution_it_is_a_half_with_the_binomial_deviation()
    {
        const int Count = 200, Repeats = 100;
        (double mean, double deviation) = Points.Spread([.. Enumerable.Range(0, Repeats).Select(r =>
            ClassifierTwoSampleTest.Accuracy(Points.EightGaussians(Count, seed: 2 * (ulong)r), Points.EightGaussians(Count, seed: 2 * (ulong)r + 1), 2))]);
        double binomial = 0.5 / Math.Sqrt(Count);
        Assert.InRange(mean, 0.5 - 4 * binomial / Math.Sqrt(Repeats), 0.5 + 4 * binomial / Math.Sqrt(Repeats));
        Assert.InRange(deviation, 0.7 * binomial, 1.3 * binomial); // 4 √(1/2·99) = 0.28
    }

    [Fact]
    public void Sets_apart_are_told_apart_always() =>
        Assert.Equal(1, ClassifierTwoSampleTest.Accuracy(Points.Normal(100, 3, seed: 1), Points.Normal(100, 3, seed: 2, mean: 20), 3));

    /// <summary>The best classifier between N(0, 1) and N(δ, 1) is right Φ(δ/2) of the time: 0.841 for δ = 2.</summary>
    [Fact]
    public void Between_Gaussians_it_comes_near_the_best_classifier()
    {
        double accuracy = ClassifierTwoSampleTest.Accuracy(Points.Normal(2000, 1, seed: 3), Points.Normal(2000, 1, seed: 4, mean: 2), 1);
        Assert.InRange(accuracy, 0.80, 0.841 + 4 * Math.Sqrt(0.841 * 0.159 / 2000));
    }

    [Fact]
    public void A_set_against_itself_is_exactly_a_half()
    {
        float[] x = Points.Normal(101, 2, seed: 5);
        Assert.Equal(0.5, ClassifierTwoSampleTest.Accuracy(x, x, 2));
    }

    [Fact]
    public void Neither_the_order_of_the_sets_nor_the_threads_change_it()
    {
        float[] x = Points.Normal(100, 2, seed: 6), y = Points.Normal(100, 2, seed: 7, mean: 0.5);
        double accuracy = ClassifierTwoSampleTest.Accuracy(x, y, 2);
        Assert.Equal(accuracy, ClassifierTwoSampleTest.Accuracy(y, x, 2));
        Assert.All(Points.Crowded(() => ClassifierTwoSampleTest.Accuracy(x, y, 2)), again => Assert.Equal(accuracy, again));
    }

    [Fact]
    public void What_chance_would_not_put_at_a_half_is_refused()
    {
        float[] x = Points.Normal(10, 2, seed: 8);
        Assert.Contains("10 and 9 rows", Assert.Throws<ArgumentException>(() => ClassifierTwoSampleTest.Accuracy(x, x.AsMemory(2), 2)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => ClassifierTwoSampleTest.Accuracy(x, x, 2, neighbours: 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => ClassifierTwoSampleTest.Accuracy(x, x, 2, neighbours: 11));
    }
}
