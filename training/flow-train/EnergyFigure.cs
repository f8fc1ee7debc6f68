using FlowRuntime.Sampling;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Metrics;

namespace FlowRuntime.TrainTool;

/// <summary>How far samples are from held-out data, beside how far real data are from real data.</summary>
/// <param name="Distance">Energy distance between held-out rows and as many samples of the same classes and conditions, in the data's units.</param>
/// <param name="Floor">The same between two disjoint random sets of real rows of that size, mean over 20 pairs.</param>
internal sealed record EnergyFigure(double Distance, double Floor)
{
    private const int MostRows = 1_000;
    private const int MostReal = 20_000;
    private const int MostValues = 1 << 24;
    private const ulong Seed = 2;

    public double Ratio => Distance / Floor;

    /// <summary>Draws samples through the runtime and measures them.</summary>
    public static EnergyFigure Measure(FlowModel model, DataSplit split, CancellationToken cancellationToken) =>
        Measure([model], split, cancellationToken).Figures[0];

    /// <summary>Draws samples of several models, by the same solver and from the same noise, and measures them.</summary>
    public static (EnergyFigure[] Figures, SampleBatch[] Samples) Measure(FlowModel[] models, DataSplit split, CancellationToken cancellationToken)
    {
        int dimension = split.HeldOut.Dimension, most = Math.Max(2, MostValues / dimension);
        Dataset judge = Some(split.HeldOut, Math.Min(MostRows, most)), others = Some(split.Train, Math.Min(MostReal, most));
        int count = Math.Min(judge.Count, (judge.Count + others.Count) / 2);
        var options = new SamplingOptions { Seed = Seed, Conditions = judge.Conditions(count), Solver = models[0].Defaults.Solver };
        SampleBatch[] samples = [.. models.Select(model => model.Sample(count, options, cancellationToken: cancellationToken).EnsureSuccess())];
        float[] heldOut = judge.InDataUnits();
        float[] real = [.. others.InDataUnits(), .. heldOut];
        NoiseFloor floor = NoiseFloor.OfPairs(real, dimension, count, (x, y) => EnergyDistance.Between(x, y, dimension));
        return ([.. samples.Select(drawn => new EnergyFigure(EnergyDistance.Between(drawn.Values, heldOut.AsMemory(0, count * dimension), dimension), floor.Mean))], samples);
    }

    /// <summary>All rows, or as many of them at random as may be held in memory.</summary>
    private static Dataset Some(Dataset data, int most) => data.Count <= most ? data : data.Select(DataSplit.Shuffle(data.Count, Seed)[..most]);
}
