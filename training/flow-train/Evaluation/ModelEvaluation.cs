using System.Globalization;
using FlowRuntime.Likelihood;
using FlowRuntime.Sampling;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Evaluation;
using FlowRuntime.Training.Metrics;

namespace FlowRuntime.TrainTool.Evaluation;

/// <summary>Judges an exported model by its samples and densities, through the runtime.</summary>
internal sealed class ModelEvaluation
{
    private const int MostTransported = 2_000; // W2 grows with the cube

    private readonly FlowModel _model;
    private readonly DataSplit _split;
    private readonly RealRows _real;
    private readonly FeatureFigures? _features;
    private readonly CopyFigures _copies;
    private readonly int _count;
    private readonly ulong _seed;

    /// <param name="model">The exported model.</param>
    /// <param name="split">The data it was trained on, and those held out.</param>
    /// <param name="classifier">A classifier of the data; null where there is none.</param>
    /// <param name="count">Number of samples.</param>
    /// <param name="seed">Their seed.</param>
    public ModelEvaluation(FlowModel model, DataSplit split, Classifier? classifier, int count, ulong seed)
    {
        (_model, _split, _count, _seed) = (model, split, count, seed);
        _real = new RealRows(split);
        _features = classifier is null ? null : new FeatureFigures(classifier, _real);
        _copies = new CopyFigures(_real, count);
    }

    /// <summary>Draws samples, of the classes in turn or under the vectors of held-out rows, and judges them.</summary>
    /// <param name="guidance">Scale of guidance; 1 for none.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public (SampleBatch Samples, IReadOnlyList<Figure> Figures) Sample(double guidance, CancellationToken cancellationToken)
    {
        int[] classes = [.. Enumerable.Range(0, _split.Train.ClassNames?.Count ?? 0)];
        var options = new SamplingOptions { Labels = classes, Guidance = guidance, Seed = _seed };
        if (_split.HeldOut.Vectors is not null)
            (options, classes) = (options with { Labels = [], Conditions = Judges(_count).Conditions(_count) }, []);
        _model.Sample(1, options, cancellationToken: cancellationToken); // the first call compiles
        SampleBatch samples = _model.Sample(_count, options, cancellationToken: cancellationToken).EnsureSuccess();
        int[]? labels = classes.Length == 0 ? null : [.. Enumerable.Range(0, _count).Select(i => i % classes.Length)];
        string of = guidance == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $" at guidance {guidance}");
        return (samples, [.. Judge(samples, labels).Select(figure => guidance == 1 ? figure : figure with { Name = figure.Name + of, Note = null })]);
    }

    /// <summary>Bits a value of held-out images, or nats a row of other data, by a model with a divergence output.</summary>
    /// <param name="density">The model with its divergence.</param>
    /// <param name="rows">Number of held-out rows.</param>
    /// <param name="levels">Number of levels of images.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public Figure Density(FlowModel density, int rows, int levels, CancellationToken cancellationToken)
    {
        bool images = density.Card.Data?.Image is not null;
        Dataset judged = Judges(rows);
        var options = new LikelihoodOptions { Conditions = judged.Conditions(rows), Levels = images ? levels : null, Seed = _seed };
        LikelihoodBatch batch = density.LogLikelihood(judged.InDataUnits(), options, cancellationToken).EnsureSuccess();
        double[] values = images ? batch.BitsPerDimension : [.. batch.LogDensities.Select(value => -value)];
        double mean = values.Average(), error = Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / Math.Max(1, values.Length - 1) / values.Length);
        return new Figure(images ? "bits per dimension" : "negative log-likelihood", mean, Note: string.Create(CultureInfo.InvariantCulture,
            $"± {error:G2}, {values.Length} held-out {(images ? $"images of {levels} levels" : "rows, in nats")}, {batch.Evaluations.Average():F0} evaluations each"));
    }

    /// <summary>Held-out rows at random, at most so many.</summary>
    private Dataset Judges(int most) => _split.HeldOut.Select(DataSplit.Shuffle(_split.HeldOut.Count, _seed)[..Math.Min(most, _split.HeldOut.Count)]);

    private IEnumerable<Figure> Judge(SampleBatch samples, int[]? labels)
    {
        IEnumerable<Figure> Own()
        {
            if (_features is not null)
                return _features.Of(samples.Values, labels);
            int count = Math.Min(Math.Min(_count, MostTransported), _real.HeldOutCount / 2);
            SampleMetrics metrics = SampleMetrics.Measure(samples.Values.AsMemory(0, count * _real.Dimension), _real.SomeHeldOut(count), _real.HeldOut, _real.Dimension);
            return metrics.Figures.Select(figure => new Figure(figure.Name, figure.Value, figure.Floor.Mean));
        }
        foreach (Figure figure in Own().Concat(_copies.Of(samples.Values)))
            yield return figure;
        if (_model.Card.Data?.Image is not null)
        {
            (double mean, double deviation) = Moments(samples.Values);
            (double realMean, double realDeviation) = Moments(_real.HeldOut);
            yield return new Figure("pixel mean", mean, realMean, "of values in [0, 1]");
            yield return new Figure("pixel deviation", deviation, realDeviation);
        }
        yield return new Figure("evaluations a sample", samples.Evaluations.Average(), Note: "a guided one takes two rows of the network");
        yield return new Figure("samples a second", samples.Count / samples.Statistics.Elapsed.TotalSeconds);
    }

    private static (double Mean, double Deviation) Moments(float[] values)
    {
        (double sum, double squares) = (0, 0);
        foreach (float value in values)
            (sum, squares) = (sum + value, squares + (double)value * value);
        double mean = sum / values.Length;
        return (mean, Math.Sqrt(squares / values.Length - mean * mean));
    }
}
