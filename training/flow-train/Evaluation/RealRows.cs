using FlowRuntime.Training.Data;

namespace FlowRuntime.TrainTool.Evaluation;

/// <summary>The rows that samples are judged by, in the data's units: held-out ones, and those trained on.</summary>
internal sealed class RealRows
{
    private const int MostValues = 1 << 26;
    private const ulong Seed = 3;

    public RealRows(DataSplit split)
    {
        Dimension = split.Train.Dimension;
        Dataset heldOut = Some(split.HeldOut), train = Some(split.Train);
        (HeldOut, Labels, Train) = (heldOut.InDataUnits(), heldOut.Labels, train.InDataUnits());
        HeldOutCount = heldOut.Count;
    }

    /// <summary>Number of values of a row.</summary>
    public int Dimension { get; }

    /// <summary>Number of held-out rows.</summary>
    public int HeldOutCount { get; }

    /// <summary>Held-out rows, [count, dimension].</summary>
    public float[] HeldOut { get; }

    /// <summary>Their classes; null where there are none.</summary>
    public int[]? Labels { get; }

    /// <summary>Rows trained on, [count, dimension].</summary>
    public float[] Train { get; }

    /// <summary>The first held-out rows, in a random order.</summary>
    public float[] SomeHeldOut(int count) => Choose(HeldOut, DataSplit.Shuffle(HeldOutCount, Seed).AsSpan(0, count), Dimension);

    /// <summary>Rows at the given places.</summary>
    public static float[] Choose(float[] rows, ReadOnlySpan<int> places, int dimension)
    {
        float[] chosen = new float[places.Length * dimension];
        for (int i = 0; i < places.Length; i++)
            rows.AsSpan(places[i] * dimension, dimension).CopyTo(chosen.AsSpan(i * dimension));
        return chosen;
    }

    /// <summary>All rows, or as many at random as are held in memory.</summary>
    private static Dataset Some(Dataset data)
    {
        int most = Math.Max(2, MostValues / data.Dimension);
        return data.Count <= most ? data : data.Select(DataSplit.Shuffle(data.Count, Seed)[..most]);
    }
}
