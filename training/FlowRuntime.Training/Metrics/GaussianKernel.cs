using System.Numerics.Tensors;

namespace FlowRuntime.Training.Metrics;

/// <summary>
/// A mixture of Gaussian (RBF) kernels in equal parts: k(x, y) = mean over the bandwidths s of exp(−‖x − y‖² / 2s²).
/// </summary>
public sealed class GaussianKernel
{
    private const int HalfWord = 1 << 16;

    /// <summary>Makes a kernel of the given bandwidths.</summary>
    /// <param name="bandwidths">Bandwidths s in the units of the points, at least one, each above 0.</param>
    /// <exception cref="ArgumentException">There is no bandwidth, or one is not above 0.</exception>
    public GaussianKernel(params IReadOnlyList<double> bandwidths)
    {
        if (bandwidths.Count == 0 || bandwidths.Any(s => !(s > 0 && double.IsFinite(s))))
            throw new ArgumentException($"The kernel's bandwidths are [{string.Join(", ", bandwidths)}]. Give at least one, each a positive number.", nameof(bandwidths));
        Bandwidths = [.. bandwidths];
    }

    /// <summary>The bandwidths s, in the units of the points.</summary>
    public IReadOnlyList<double> Bandwidths { get; }

    /// <summary>
    /// The kernel by the median heuristic: bandwidths f · m, where m is the median Euclidean distance between two different rows of
    /// the reference (of N = n(n − 1)/2 pairs the ⌈N/2⌉-th in size, found exactly).
    /// </summary>
    /// <param name="reference">The real rows, [n, dimension], n at least 2. Figures to be compared take one kernel.</param>
    /// <param name="dimension">Number of values of a row.</param>
    /// <param name="factors">The factors f. Default ½, 1 and 2.</param>
    /// <exception cref="ArgumentException">There are less than two rows, one is not finite, or half of all pairs lie at one point.</exception>
    /// <remarks>Source of the heuristic: Gretton et al. 2012, "A Kernel Two-Sample Test"; they take the median over both sets, which lets
    /// the judged samples choose their own measure.</remarks>
    public static GaussianKernel ByMedian(ReadOnlyMemory<float> reference, int dimension, IReadOnlyList<double>? factors = null)
    {
        var points = new PointSet(reference, dimension, nameof(reference));
        if (points.Count < 2)
            throw new ArgumentException("reference: one row has no distances. Give at least two.", nameof(reference));
        double median = MedianDistance(points);
        if (median == 0)
            throw new ArgumentException("reference: the median distance between the rows is 0, since most are equal. Give the bandwidths yourself.", nameof(reference));
        return new GaussianKernel([.. (factors ?? [0.5, 1, 2]).Select(factor => factor * median)]);
    }

    /// <summary>Σ_j k for distances from one point. Overwrites the scratch.</summary>
    internal double Sum(ReadOnlySpan<float> distances, Span<float> scratch)
    {
        double sum = 0;
        foreach (double s in Bandwidths)
        {
            TensorPrimitives.Multiply(distances, (float)(Math.Sqrt(0.5) / s), scratch);
            TensorPrimitives.Multiply(scratch, scratch, scratch);
            TensorPrimitives.Negate(scratch, scratch);
            TensorPrimitives.Exp(scratch, scratch);
            sum += TensorPrimitives.Sum<float>(scratch);
        }
        return sum / Bandwidths.Count;
    }

    /// <summary>
    /// The bits of floats that are not negative are in the floats' order. The first count finds the median's upper half word, the second its lower
    /// one; no pair is stored.
    /// </summary>
    private static double MedianDistance(PointSet points)
    {
        long rank = ((long)points.Count * (points.Count - 1) / 2 - 1) / 2;
        int upper = PlaceOf(ref rank, CountPairs(points, bits => bits / HalfWord));
        int lower = PlaceOf(ref rank, CountPairs(points, bits => bits / HalfWord == upper ? bits % HalfWord : null));
        return BitConverter.Int32BitsToSingle(upper * HalfWord + lower);
    }

    private static long[] CountPairs(PointSet points, Func<int, int?> binOf)
    {
        long[] total = new long[HalfWord];
        Parallel.For(0, points.Count, () => (Counts: new long[HalfWord], Distances: new float[points.Count]), (i, _, local) =>
        {
            Span<float> distances = local.Distances.AsSpan(i + 1);
            points.DistancesFrom(points[i], i + 1, distances);
            foreach (float distance in distances)
            {
                if (binOf(BitConverter.SingleToInt32Bits(distance)) is { } bin)
                    local.Counts[bin]++;
            }
            return local;
        }, local =>
        {
            lock (total)
                TensorPrimitives.Add(total, local.Counts, total);
        });
        return total;
    }

    /// <summary>The bin that holds the given rank, which becomes the rank within it.</summary>
    private static int PlaceOf(ref long rank, long[] counts)
    {
        int bin = 0;
        for (; rank >= counts[bin]; bin++)
            rank -= counts[bin];
        return bin;
    }
}
