using FlowRuntime.Training.Data;
using FlowRuntime.Training.Metrics;

namespace FlowRuntime.TrainTool.Evaluation;

/// <summary>Whether samples are copies of what was trained on: how near they are to the nearest training row, beside held-out rows.</summary>
internal sealed class CopyFigures
{
    private const double NearShare = 0.05;

    private readonly NearestNeighbours _train;
    private readonly double _near, _median;
    private readonly int _count;

    /// <param name="real">Real rows.</param>
    /// <param name="count">Number of samples to judge.</param>
    public CopyFigures(RealRows real, int count)
    {
        _count = Math.Min(count, real.HeldOutCount);
        _train = new NearestNeighbours(real.Train, real.Dimension);
        double[] heldOut = [.. _train.NearestDistances(real.SomeHeldOut(_count)).Order()];
        (_near, _median) = (heldOut[(int)(NearShare * _count)], Statistics.Median(heldOut));
    }

    /// <summary>Measures samples.</summary>
    /// <param name="samples">The samples, in the data's units.</param>
    public IEnumerable<Figure> Of(float[] samples)
    {
        double[] distances = _train.NearestDistances(samples);
        yield return new Figure("near copies", distances.Average(distance => distance < _near ? 1.0 : 0.0), NearShare, "share nearer to a training row than the nearest 5% of held-out rows are");
        yield return new Figure("nearest training row", Statistics.Median(distances), _median, "median distance; of held-out rows");
    }
}
