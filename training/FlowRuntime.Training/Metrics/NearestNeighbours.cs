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

    /// <summary>Distance from each reference to the nearest of the others, [count].</summary>
    public double[] NearestDistancesWithin() => ForEachRow(_references, (row, distances) =>
    {
        distances[row] = float.PositiveInfinity;
        return (double)TensorPrimitives.Min<float>(distances);
    });

    /// <summary>The most frequent label among the k nearest references of each row; the nearest decides a tie.</summary>
    /// <param name="rows">Rows, [rows, dimension].</param>
    /// <param name="labels">Labels of the references, [count].</param>
    /// <param name="k">Number of neighbours.</param>
    public int[] Classify(float[] rows, int[] labels, int k = 5) => ForEachRow(rows, (_, distances) =>
    {
        int[] order = [.. Enumerable.Range(0, Count)];
        Array.Sort(distances.ToArray(), order);
        return order[..k].Select(i => labels[i]).GroupBy(label => label).OrderByDescending(group => group.Count()).First().Key;
    });

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
