using FlowRuntime.Training.Data;

namespace FlowRuntime.Training.Metrics;

/// <summary>
/// The classifier two-sample test: how often a classifier that has learned from one half of two sets tells right, in the other half, which set
/// a point is of. 0.5 is perfect: nobody could tell. 1 is two sets that do not overlap.
/// </summary>
/// <remarks>
/// Source: Lopez-Paz and Oquab 2017, "Revisiting Classifier Two-Sample Tests". The classifier is the vote of k nearest neighbours: without training,
/// and the same in every run. Between sets of one distribution the accuracy has the mean ½ and the standard deviation ½/√(points judged),
/// about 0.016 for 1,000 points a set. A Gaussian in the plane shifted by half its deviation was then at 0.58 (the best classifier: 0.60), by a quarter at
/// 0.525, which chance reaches too. It sees what is local: blurred or displaced clusters in few dimensions. In many, or where the columns' scales
/// differ widely, distances say little and its power is low; it does not see copies of the reference's rows, nor small differences of weight between clusters.
/// </remarks>
public static class ClassifierTwoSampleTest
{
    /// <summary>The accuracy over the judged halves of both sets, in [0, 1].</summary>
    /// <param name="x">Points, [n, dimension], n at least 4.</param>
    /// <param name="y">Points, [n, dimension], as many: chance would not be at ½ otherwise.</param>
    /// <param name="dimension">Number of values of a point.</param>
    /// <param name="neighbours">Number of neighbours that vote: odd, at most the n points learned from. Default: about √n, odd.</param>
    /// <param name="seed">Seed of the halves. Default 0.</param>
    /// <exception cref="ArgumentException">The sizes differ, a set is too small, or a value is not finite.</exception>
    public static double Accuracy(ReadOnlyMemory<float> x, ReadOnlyMemory<float> y, int dimension, int? neighbours = null, ulong seed = 0)
    {
        PointSet a = new(x, dimension, nameof(x)), b = new(y, dimension, nameof(y));
        if (a.Count != b.Count || a.Count < 4)
            throw new ArgumentException($"The test needs two sets of one size, at least 4; these have {a.Count} and {b.Count} rows. Leave rows out of the larger one.");
        int learned = a.Count / 2, judged = a.Count - learned;
        int k = neighbours ?? (int)Math.Sqrt(2 * learned) | 1;
        if (k < 1 || k % 2 == 0 || k > 2 * learned)
            throw new ArgumentOutOfRangeException(nameof(neighbours), k, $"Give an odd number of neighbours up to {2 * learned - 1}.");

        int[] order = DataSplit.Shuffle(a.Count, seed);
        float[] Rows(int first, int count) => [.. a.Rows(order.AsSpan(first, count)), .. b.Rows(order.AsSpan(first, count))];
        int[] Labels(int count) => [.. Enumerable.Repeat(0, count), .. Enumerable.Repeat(1, count)];
        int[] guesses = new NearestNeighbours(Rows(0, learned), dimension).Classify(Rows(learned, judged), Labels(learned), k);
        return guesses.Zip(Labels(judged), (guess, truth) => guess == truth ? 1.0 : 0.0).Average();
    }
}
