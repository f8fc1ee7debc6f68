using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using FlowRuntime.Sampling;

namespace FlowRuntime.Training.Couplings;

/// <summary>How far two condition vectors are apart.</summary>
public enum ConditionDistance
{
    /// <summary>‖c − c'‖²: for conditions whose size means something, such as coordinates.</summary>
    SquaredEuclid,

    /// <summary>1 − cos(c, c'): for conditions that are directions, such as text embeddings.</summary>
    Cosine,
}

/// <summary>
/// Optimal transport within the batch that leaves every condition its whole source: source rows are first dealt out to the
/// data rows at random, and with them the conditions; then pairs are exchanged where conditions are equal (labels) or alike
/// (condition vectors). Plain optimal transport gives each condition its own part of the source, which sampling does not.
/// </summary>
/// <remarks>
/// <para>Source: Cheng and Schwing 2025, "The Curse of Conditions: Analyzing and Improving Optimal Transport for Conditional
/// Flow-Based Generation" (C²OT).</para>
/// <para>Labels: optimal transport within each class alone. The label −1 is a class of its own.</para>
/// <para>Condition vectors: optimal transport of the whole batch at cost M_ij + w D_ij, M the squared distance of data row i
/// and source row j, D the distance of the condition of i and the one that j was dealt. The weight w of a batch is the smallest
/// at which at most the target share of all n² pairs costs no more than the pair that data row i was dealt:
/// M_ij + w D_ij ≤ M_ii. That is the rule of the authors' published program, with two differences: the program deals by
/// order and finds w to a tolerance; here the deal is random and w exact.</para>
/// <para>With neither, this is <see cref="OptimalTransportCoupling"/> but for the deal, which then changes nothing.</para>
/// </remarks>
public sealed class ConditionalOptimalTransportCoupling : Coupling
{
    private readonly double _targetShare;
    private readonly ConditionDistance _distance;

    /// <summary>Makes the coupling.</summary>
    /// <param name="targetShare">The share of pairs that may compete with the dealt ones, in (0, 1], for condition vectors alone:
    /// 1 ignores conditions, a share below 1/n leaves every pair as dealt. Default 0.05, the default of the authors' program for
    /// points of the plane; its configuration for ImageNet 32 has 0.2.</param>
    /// <param name="distance">How far two conditions are apart; default squared Euclid.</param>
    /// <exception cref="ArgumentOutOfRangeException">The share is not in (0, 1].</exception>
    public ConditionalOptimalTransportCoupling(double targetShare = 0.05, ConditionDistance distance = ConditionDistance.SquaredEuclid)
    {
        if (!(targetShare is > 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(targetShare), targetShare, "Give a share above 0 and up to 1, such as 0.05.");
        (_targetShare, _distance) = (targetShare, distance);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The batch has both labels and conditions, or a condition without a direction where
    /// directions are compared.</exception>
    public override int[] Pair(CouplingBatch batch, ulong seed, long draw)
    {
        if (batch.Labels.Length > 0 && batch.Conditions.Length > 0)
            throw new ArgumentException("The batch has labels and conditions; give one of them.", nameof(batch));
        int[] dealt = Deal(batch.Count, seed, draw);
        if (batch.Conditions.Length > 0)
            return PairAlike(batch, dealt);
        int[] sourceOf = new int[batch.Count];
        int[] labels = batch.Labels.Length > 0 ? batch.Labels.ToArray() : new int[batch.Count];
        foreach (IGrouping<int, int> members in Enumerable.Range(0, batch.Count).GroupBy(row => labels[row]))
            PairWithin(batch, [.. members], dealt, sourceOf);
        return sourceOf;
    }

    /// <summary>A random permutation: the source row that is dealt to each data row.</summary>
    private static int[] Deal(int count, ulong seed, long draw)
    {
        ulong[] keys = new ulong[count];
        for (int row = 0; row < count; row++)
        {
            var words = Philox4x32.Block((uint)row, RandomStream.Coupling, (uint)draw, (uint)(draw >> 32), seed);
            keys[row] = (ulong)words.X0 << 32 | words.X1;
        }
        int[] dealt = [.. Enumerable.Range(0, count)];
        Array.Sort(keys, dealt);
        return dealt;
    }

    /// <summary>Optimal transport between some data rows and the source rows that they were dealt.</summary>
    private static void PairWithin(CouplingBatch batch, int[] members, int[] dealt, int[] sourceOf)
    {
        int d = batch.Dimension;
        float[] source = new float[members.Length * d], data = new float[members.Length * d];
        for (int k = 0; k < members.Length; k++)
        {
            batch.Data.Slice(members[k] * d, d).CopyTo(data.AsSpan(k * d));
            batch.Source.Slice(dealt[members[k]] * d, d).CopyTo(source.AsSpan(k * d));
        }
        int[] partner = Assignment.Solve(SquaredDistances.Between(data, source, d), members.Length);
        for (int k = 0; k < members.Length; k++)
            sourceOf[members[k]] = dealt[members[partner[k]]];
    }

    /// <summary>Optimal transport of the batch at the cost of rows and conditions.</summary>
    private int[] PairAlike(CouplingBatch batch, int[] dealt)
    {
        (int n, int d) = (batch.Count, batch.Dimension);
        float[] source = new float[n * d]; // in the order dealt, so that column j has the condition of row j
        for (int row = 0; row < n; row++)
            batch.Source.Slice(dealt[row] * d, d).CopyTo(source.AsSpan(row * d));
        float[] conditions = batch.Conditions.ToArray();
        int k = conditions.Length / n;
        if (_distance == ConditionDistance.Cosine)
            Normalise(conditions, k);
        float[] costs = SquaredDistances.Between(batch.Data, source, d), apart = SquaredDistances.Between(conditions, conditions, k);
        float weight = Weight(costs, apart, n, _targetShare);
        TensorPrimitives.MultiplyAdd(apart, weight, costs, costs);
        int[] partner = Assignment.Solve(costs, n);
        return [.. partner.Select(column => dealt[column])];
    }

    /// <summary>Conditions of length 1: half their squared distance is 1 − cos, and w takes up the half.</summary>
    private static void Normalise(Span<float> conditions, int k)
    {
        for (int start = 0; start < conditions.Length; start += k)
        {
            Span<float> condition = conditions.Slice(start, k);
            float length = TensorPrimitives.Norm<float>(condition);
            if (!(length > 0 && float.IsFinite(length)))
                throw new ArgumentException($"The condition of row {start / k} has length {length} and no direction; use {nameof(ConditionDistance.SquaredEuclid)} or mend it.", nameof(conditions));
            TensorPrimitives.Divide(condition, length, condition);
        }
    }

    /// <summary>
    /// The smallest w at which at most the target share of pairs has M_ij + w D_ij ≤ M_ii. Pair (i, j) has it up to
    /// w = (M_ii − M_ij)/D_ij. Where pairs with D = 0 alone are more than the share, w is the least that rules out all others.
    /// </summary>
    /// <param name="costs">M, [n, n], a data row each.</param>
    /// <param name="apart">D, [n, n].</param>
    /// <param name="n">Number of rows.</param>
    /// <param name="targetShare">The share, in (0, 1].</param>
    internal static float Weight(ReadOnlySpan<float> costs, ReadOnlySpan<float> apart, int n, double targetShare)
    {
        float[] limits = new float[n * n]; // the largest w at which a pair competes; −1: never, or whatever w
        float largest = 0;
        int always = 0;
        for (int at = 0; at < limits.Length; at++)
        {
            float gain = costs[at / n * n + at / n] - costs[at];
            bool competes = gain >= 0, alike = apart[at] == 0;
            limits[at] = competes && !alike ? Math.Min(gain / apart[at], float.MaxValue / 2) : -1;
            always += competes && alike ? 1 : 0;
            largest = Math.Max(largest, limits[at]);
        }
        int allowed = Math.Max(0, (int)(targetShare * n * n) - always);
        if (CountAbove(limits, -0.5f) <= allowed)
            return 0;
        int low = 0, high = BitConverter.SingleToInt32Bits(largest); // floats above 0 are in the order of their bits
        while (low < high)
        {
            int middle = low + (high - low) / 2;
            if (CountAbove(limits, BitConverter.Int32BitsToSingle(middle)) <= allowed)
                high = middle;
            else
                low = middle + 1;
        }
        return float.BitIncrement(BitConverter.Int32BitsToSingle(low));
    }

    private static int CountAbove(ReadOnlySpan<float> values, float bound)
    {
        ReadOnlySpan<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        Vector<int> counts = default; // a true comparison is −1
        foreach (Vector<float> vector in vectors)
            counts -= Vector.GreaterThan(vector, new Vector<float>(bound));
        int count = Vector.Sum(counts);
        foreach (float value in values[(vectors.Length * Vector<float>.Count)..])
            count += value > bound ? 1 : 0;
        return count;
    }
}
