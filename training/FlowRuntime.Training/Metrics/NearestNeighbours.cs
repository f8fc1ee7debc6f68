using System.Numerics.Tensors;

namespace FlowRuntime.Training.Metrics;

/// <summary>Nearest neighbours in a set of reference rows, by Euclidean distance, found exhaustively.</summary>
public sealed class NearestNeighbours
{
    private readonly float[] _references;
    private readonly int _dimension;

    /// <summary>Keeps the references.</summary>
    /// <param name="references">Reference rows, [count, dimension].</param>
    /// <param name="dimension">Number of values of a row.</param>
    public NearestNeighbours(float[] references, int dimension)
    {
        (_references, _dimension) = (references, dimension);
        Count = references.Length / dimension;
    }

    /// <summary>Number of reference rows.</summary>
    public int Count { get; }

    /// <summary>Distance from each row to its nearest reference, [rows].</summary>
    /// <param name="rows">Rows, [rows, dimension].</param>
    public double[] NearestDistances(float[] rows) => ForEachRow(rows, (_, distances) => (double)TensorPrimitives.Min<float>(distances));

    /// <summary>Distance from each reference to the nearest of the others, or to the k-th nearest, [count].</summary>
    /// <param name="k">Which of the others, from 1 to <see cref="Count"/> − 1. Default 1.</param>
    public double[] NearestDistancesWithin(int k = 1) => ForEachRow(_references, (row, distances) =>
    {
        distances[row] = float.PositiveInfinity;
        return (double)distances[Nearest(distances, k)[k - 1]];
    });

    /// <summary>Whether each row is at most as far from some reference as that one's radius, [rows].</summary>
    /// <param name="rows">Rows, [rows, dimension].</param>
    /// <param name="radii">A radius for each reference, [count].</param>
    public bool[] AreWithin(float[] rows, double[] radii) => ForEachRow(rows, (_, distances) =>
    {
        for (int i = 0; i < distances.Length; i++)
        {
            if (distances[i] <= radii[i])
                return true;
        }
        return false;
    });

    /// <summary>The most frequent label among the k nearest references of each row; the nearest decides a tie.</summary>
    /// <param name="rows">Rows, [rows, dimension].</param>
    /// <param name="labels">Labels of the references, [count].</param>
    /// <param name="k">Number of neighbours.</param>
    public int[] Classify(float[] rows, int[] labels, int k = 5) => ForEachRow(rows, (_, distances) =>
        Nearest(distances, k).Select(i => labels[i]).GroupBy(label => label).OrderByDescending(group => group.Count()).First().Key);

    /// <summary>The places of the k smallest distances, in their order; of equal ones the first comes first.</summary>
    private static int[] Nearest(float[] distances, int k)
    {
        int[] nearest = new int[k];
        int found = 0;
        for (int i = 0; i < distances.Length; i++)
        {
            if (found == k && distances[i] >= distances[nearest[k - 1]])
                continue;
            int place = found < k ? found++ : k - 1;
            for (; place > 0 && distances[i] < distances[nearest[place - 1]]; place--)
                nearest[place] = nearest[place - 1];
            nearest[place] = i;
        }
        return nearest;
    }

    private TResult[] ForEachRow<TResult>(float[] rows, Func<int, float[], TResult> judge)
    {
        var results = new TResult[rows.Length / _dimension];
        Parallel.For(0, results.Length, () => new float[Count], (row, _, distances) =>
        {
            ReadOnlySpan<float> x = rows.AsSpan(row * _dimension, _dimension);
            for (int i = 0; i < Count; i++)
                distances[i] = TensorPrimitives.Distance(x, _references.AsSpan(i * _dimension, _dimension));
            results[row] = judge(row, distances);
            return distances;
        }, _ => { });
        return results;
    }
}
