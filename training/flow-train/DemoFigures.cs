using FlowRuntime.Sampling;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Metrics;

namespace FlowRuntime.TrainTool;

/// <summary>How good a model of labelled images is, in figures each beside what real data get.</summary>
/// <param name="HeldOutAccuracy">Share of held-out images that 5 nearest neighbours among the training images classify right.</param>
/// <param name="GeneratedAccuracy">Share of generated images that the same classifier gives the class they were drawn for.</param>
/// <param name="EvaluationsPerSample">Mean velocity evaluations a sample.</param>
/// <param name="SamplesPerSecond">Samples drawn a second.</param>
/// <param name="SpreadRatios">For each class, the mean over the pixels of the standard deviation, generated over training images.</param>
/// <param name="Energy">Energy distance to the held-out images, and its floor.</param>
/// <param name="NearShare">Share of generated images whose nearest training image is nearer than the median distance of a
/// training image to the nearest other one.</param>
/// <param name="HeldOutNearShare">The same share of the held-out images.</param>
internal sealed record DemoFigures(
    double HeldOutAccuracy, double GeneratedAccuracy, double EvaluationsPerSample, double SamplesPerSecond,
    IReadOnlyList<double> SpreadRatios, EnergyFigure Energy, double NearShare, double HeldOutNearShare)
{
    private const int SamplesPerClass = 100;
    private const ulong FigureSeed = 1;

    /// <summary>Draws samples through the runtime and measures them.</summary>
    public static DemoFigures Measure(FlowModel model, DataSplit split, CancellationToken cancellationToken)
    {
        int dimension = split.Train.Dimension, classes = split.Train.ClassNames!.Count;
        float[] train = split.Train.InDataUnits(), heldOut = split.HeldOut.InDataUnits();
        int[] trainLabels = split.Train.Labels!, heldOutLabels = split.HeldOut.Labels!;

        int[] labels = [.. Enumerable.Range(0, classes * SamplesPerClass).Select(i => i / SamplesPerClass)];
        model.Sample(1, new SamplingOptions { Labels = labels }, cancellationToken: cancellationToken); // the first call compiles
        SampleBatch generated = model.Sample(labels.Length, new SamplingOptions { Labels = labels, Seed = FigureSeed }, cancellationToken: cancellationToken).EnsureSuccess();

        var neighbours = new NearestNeighbours(train, dimension);
        double median = Statistics.Median(neighbours.NearestDistancesWithin());
        double NearShareOf(float[] images) => neighbours.NearestDistances(images).Average(distance => distance < median ? 1.0 : 0.0);
        double AccuracyOf(float[] images, int[] truth) => neighbours.Classify(images, trainLabels).Zip(truth, (a, b) => a == b ? 1.0 : 0.0).Average();
        double[] real = ClassSpread.Of(train, trainLabels, classes, dimension);

        return new DemoFigures(
            AccuracyOf(heldOut, heldOutLabels),
            AccuracyOf(generated.Values, labels),
            generated.Evaluations.Average(),
            generated.Count / generated.Statistics.Elapsed.TotalSeconds,
            [.. ClassSpread.Of(generated.Values, labels, classes, dimension).Zip(real, (spread, truth) => spread / truth)],
            EnergyFigure.Measure(model, split, cancellationToken),
            NearShareOf(generated.Values),
            NearShareOf(heldOut));
    }
}
