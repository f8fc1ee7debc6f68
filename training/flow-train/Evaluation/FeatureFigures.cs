using FlowRuntime.Training.Data;
using FlowRuntime.Training.Evaluation;
using FlowRuntime.Training.Metrics;

namespace FlowRuntime.TrainTool.Evaluation;

/// <summary>Images judged by a classifier: the share of right classes, and in its features Fréchet distance, precision and recall.</summary>
/// <remarks>
/// Held-out images are parted at random, several times: one part is as many as the samples and stands in their place for the floor, the rest is what both are compared
/// with. The classifier has seen neither.
/// </remarks>
internal sealed class FeatureFigures
{
    private const int Partitions = 5;

    private readonly Classifier _classifier;
    private readonly float[] _heldOut; // features
    private readonly int _count;
    private readonly double _accuracy;

    /// <param name="classifier">The classifier.</param>
    /// <param name="real">Real rows, with classes.</param>
    public FeatureFigures(Classifier classifier, RealRows real)
    {
        (_classifier, _count) = (classifier, real.HeldOutCount);
        (_heldOut, int[] classes) = classifier.Classify(real.HeldOut);
        _accuracy = Share(classes, real.Labels!);
    }

    /// <summary>Measures samples.</summary>
    /// <param name="samples">The samples, in the data's units.</param>
    /// <param name="labels">The class each was drawn for; null for samples without.</param>
    public IEnumerable<Figure> Of(float[] samples, int[]? labels)
    {
        (float[] features, int[] classes) = _classifier.Classify(samples);
        if (labels is not null)
            yield return new Figure("accuracy", Share(classes, labels), _accuracy, "share of the class asked for under the classifier; of held-out images their own");
        int width = _classifier.FeatureCount, count = Math.Min(classes.Length, _count / 2);
        float[] judged = features[..(count * width)];
        var figures = new List<(double Distance, double DistanceFloor, PrecisionRecall Shares, PrecisionRecall SharesFloor)>();
        for (int partition = 0; partition < Partitions; partition++)
        {
            int[] order = DataSplit.Shuffle(_count, (ulong)partition);
            float[] part = RealRows.Choose(_heldOut, order.AsSpan(0, count), width), rest = RealRows.Choose(_heldOut, order.AsSpan(count), width), fellows = rest[..(count * width)];
            figures.Add((FrechetDistance.Between(judged, rest, width), FrechetDistance.Between(part, rest, width),
                PrecisionRecall.Of(fellows, judged, width), PrecisionRecall.Of(fellows, part, width)));
        }
        yield return new Figure("Fréchet distance", figures.Average(f => f.Distance), figures.Average(f => f.DistanceFloor), $"in the classifier's features, {count} against {_count - count} held-out images");
        yield return new Figure("precision", figures.Average(f => f.Shares.Precision), figures.Average(f => f.SharesFloor.Precision), $"in the same features, {count} against {count}, third neighbours");
        yield return new Figure("recall", figures.Average(f => f.Shares.Recall), figures.Average(f => f.SharesFloor.Recall));
    }

    private static double Share(int[] classes, int[] labels) => classes.Zip(labels, (found, asked) => found == asked ? 1.0 : 0.0).Average();
}
