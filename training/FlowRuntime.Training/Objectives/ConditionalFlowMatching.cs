using System.Collections.Concurrent;
using FlowRuntime.Cards;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;
using FlowRuntime.Training.Couplings;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;

namespace FlowRuntime.Training.Objectives;

/// <summary>
/// Conditional flow matching: the mean of w ‖P_θ(t, x_t) − P‖² over times t, pairs (x0, x1) of source and data and noise z, with
/// x_t = α x1 + σ x0 + γ z and P the velocity u_t = α' x1 + σ' x0 + γ' z, or another prediction of the same pair.
/// </summary>
/// <remarks>
/// Its gradient is that of flow matching, whose target is the marginal field E[u_t | x_t]; the losses differ by E tr Cov(u_t | x_t).
/// Source: Lipman et al. 2023, eq. (9) and theorem 2; Tong et al. 2024 for pairs. Every draw is a function of (seed, step, row), so that
/// batches may be made ahead on other threads, and a resumed run draws what an uninterrupted one would.
/// </remarks>
public sealed class ConditionalFlowMatching
{
    private readonly Dataset _data;
    private readonly FlowMatchingOptions _options;
    private readonly ulong _seed;
    private readonly double _start, _length;

    /// <summary>Pairs of the blocks under way, where several training batches are paired together.</summary>
    private readonly ConcurrentDictionary<long, Lazy<Pairs>> _blocks = new();

    /// <summary>Makes the objective.</summary>
    /// <param name="data">The rows to learn.</param>
    /// <param name="options">What is taught.</param>
    /// <param name="seed">Seed of all draws.</param>
    /// <exception cref="ArgumentException">The options do not go together or with the data.</exception>
    public ConditionalFlowMatching(Dataset data, FlowMatchingOptions options, ulong seed)
    {
        options.Check();
        options.Augmentation.Check(data.Shape, data.Card.Image);
        if (options.Source is { } source && !source.Shape.SequenceEqual(data.Shape))
            throw new ArgumentException($"The source {source.Name} has rows of [{string.Join(", ", source.Shape)}], the data {data.Name} of [{string.Join(", ", data.Shape)}].", nameof(options));
        if (options.Oracle is { } oracle && oracle.Dimension != data.Dimension)
            throw new ArgumentException($"The oracle has {oracle.Dimension} values, the data {data.Name} have {data.Dimension}.", nameof(options));
        if (options.Coupling is ConditionalOptimalTransportCoupling && data.Labels is not null && data.Vectors is not null)
            throw new ArgumentException($"The data {data.Name} have classes and condition vectors; conditional optimal transport pairs by one of them. Leave one out, or couple independently.", nameof(options));
        if (options.Oracle is not null && data.Vectors is not null)
            throw new ArgumentException("The oracle knows the field of all data, not under a condition vector. Leave out one of the two.", nameof(options));
        (_data, _options, _seed) = (data, options, seed);
        (_start, double end) = options.Range;
        _length = end - _start;
        IsWeighted = options.Weight is not null || options.Prediction != PredictionKind.Velocity || options.Times.ImportanceWeighted;
    }

    /// <summary>The rows to learn.</summary>
    public Dataset Data => _data;

    /// <summary>What is taught.</summary>
    public FlowMatchingOptions Options => _options;

    /// <summary>Whether the rows of a batch have weights.</summary>
    public bool IsWeighted { get; }

    /// <summary>Draws the batch of a step. Safe under concurrent use.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="rows">Number of rows, the same for all steps.</param>
    public TrainingBatch Draw(long step, int rows)
    {
        long block = step / _options.CouplingBatches;
        Pairs pairs = _options.CouplingBatches == 1 ? DrawPairs(step, rows)
            : _blocks.GetOrAdd(block, b => new Lazy<Pairs>(() => DrawPairs(b, rows * _options.CouplingBatches))).Value;
        int first = (int)(step % _options.CouplingBatches) * rows, d = _data.Dimension;
        var batch = new TrainingBatch(new float[rows], new float[rows * d], new float[rows * d], IsWeighted ? new float[rows] : null,
            pairs.Labels?[first..(first + rows)], pairs.Vectors?[(first * VectorLength)..((first + rows) * VectorLength)]);
        float[] noise = new float[d];
        double[] target = new double[d];
        for (int row = 0; row < rows; row++)
        {
            long draw = step * rows + row;
            double place = Philox4x32.Uniform(Words(draw).X1);
            double drawn = _options.Times.Quantile(_options.Times.Stratified ? (row + place) / rows : place);
            double t = _start + _length * drawn;
            PathCoefficients at = _options.Path.At(t);
            if (at.Gamma != 0)
                Noise.Fill(_seed, draw, noise, RandomStream.PathNoise);
            Span<float> state = batch.States.AsSpan(row * d, d);
            Interpolate(at, pairs.Data(first + row), pairs.Source(first + row), noise, state, batch.Targets.AsSpan(row * d, d));
            if (_options.Oracle is { } oracle)
            {
                oracle.Velocity(at, state, target);
                (double ofState, double ofVelocity) = at.Convert(PredictionKind.Velocity, _options.Prediction);
                for (int e = 0; e < d; e++)
                    batch.Targets[row * d + e] = (float)(ofState * state[e] + ofVelocity * target[e]);
            }
            batch.Times[row] = (float)t;
            if (batch.Weights is not null)
                batch.Weights[row] = (float)((_options.Weight?.Invoke(at) ?? at.VelocityWeight(_options.Prediction)) * _options.Times.Weight(drawn));
        }
        if (step % _options.CouplingBatches == _options.CouplingBatches - 1)
            _blocks.TryRemove(block - BlocksKept, out _); // whoever draws it again makes it again
        return batch;
    }

    /// <summary>Blocks behind the newest that stay, for the threads that still draw from them.</summary>
    private const int BlocksKept = 16;

    private (uint X0, uint X1, uint X2, uint X3) Words(long draw) => Philox4x32.Block(0, RandomStream.Row, (uint)draw, (uint)(draw >> 32), _seed);

    private int VectorLength => _data.Vectors?.Length ?? 0;

    private Pairs DrawPairs(long block, int rows)
    {
        int d = _data.Dimension, k = VectorLength;
        float[] data = new float[rows * d], source = new float[rows * d];
        long[]? labels = _data.Labels is null ? null : new long[rows];
        float[]? vectors = k > 0 ? new float[rows * k] : null, dropped = vectors is null ? null : new float[rows * k];
        for (int row = 0; row < rows; row++)
        {
            long draw = block * rows + row;
            var words = Words(draw);
            int place = (int)((ulong)words.X0 * (uint)_data.Count >> 32);
            _data.Read(place, data.AsSpan(row * d, d));
            _options.Augmentation.Apply(data.AsSpan(row * d, d), _data.Shape, _data.Card.Image, _seed, draw);
            if (_options.Source is { } from)
                from.Read((int)((ulong)words.X3 * (uint)from.Count >> 32), source.AsSpan(row * d, d));
            else
                Noise.Fill(_seed, draw, source.AsSpan(row * d, d), RandomStream.Noise);
            bool none = Philox4x32.Uniform(words.X2) < _options.ClassDropout;
            if (labels is not null)
                labels[row] = none ? _data.ClassNames!.Count : _data.Labels![place];
            if (vectors is null)
                continue;
            _data.Vectors![place].CopyTo(vectors.AsSpan(row * k));
            if (none)
                dropped.AsSpan(row * k, k).Fill(VelocityNetwork.NullVector);
            else
                vectors.AsSpan(row * k, k).CopyTo(dropped.AsSpan(row * k));
        }
        return new Pairs(d, data, source, SourceOf(data, source, labels, vectors, block), labels, dropped);
    }

    /// <summary>The source row of each data row; null where each has its own. A row whose vector is dropped is paired by it all the same: dropped rows are a fair choice of all.</summary>
    private int[]? SourceOf(float[] data, float[] source, long[]? labels, float[]? vectors, long block)
    {
        if (_options.Coupling is IndependentCoupling)
            return null;
        int[]? classes = labels is null ? null : [.. labels.Select(label => label == _data.ClassNames!.Count ? -1 : (int)label)];
        return _options.Coupling.Pair(new CouplingBatch(source, data, _data.Dimension, classes, vectors), _seed, block);
    }

    private void Interpolate(PathCoefficients at, ReadOnlySpan<float> data, ReadOnlySpan<float> source, ReadOnlySpan<float> noise, Span<float> state, Span<float> target)
    {
        double rho = at.Deviation;
        for (int e = 0; e < data.Length; e++)
        {
            double z = at.Gamma == 0 ? 0 : at.Gamma * noise[e], rate = at.Gamma == 0 ? 0 : at.GammaRate * noise[e];
            double epsilon = at.Gamma == 0 ? source[e] : (at.Sigma * source[e] + z) / rho;
            state[e] = (float)(at.Alpha * data[e] + at.Sigma * source[e] + z);
            target[e] = (float)(_options.Prediction switch
            {
                PredictionKind.Velocity => at.AlphaRate * data[e] + at.SigmaRate * source[e] + rate,
                PredictionKind.Data => data[e],
                PredictionKind.Noise => epsilon,
                PredictionKind.Score => -epsilon / rho,
                PredictionKind.VPrediction => at.Alpha * epsilon - rho * data[e],
                _ => throw new NotSupportedException($"There is no target for {_options.Prediction}."),
            });
        }
    }

    /// <summary>Rows of data, their sources, and labels and vectors as the network sees them.</summary>
    private sealed record Pairs(int Dimension, float[] Rows, float[] Sources, int[]? SourceOf, long[]? Labels, float[]? Vectors)
    {
        public ReadOnlySpan<float> Data(int row) => Rows.AsSpan(row * Dimension, Dimension);

        public ReadOnlySpan<float> Source(int row) => Sources.AsSpan((SourceOf?[row] ?? row) * Dimension, Dimension);
    }
}
