using FlowRuntime.Sampling;

namespace FlowRuntime.Likelihood;

/// <summary>The log-densities of rows of data, with what became of each row and what it cost.</summary>
public sealed class LikelihoodBatch
{
    private readonly long _first;
    private readonly int _probes;

    internal LikelihoodBatch(long first, int count, int dimension, int probes)
    {
        _first = first;
        (Count, Dimension, _probes) = (count, dimension, probes);
        LogDensities = new double[count];
        StandardErrors = probes > 1 ? new double[count] : null;
        BitsPerDimension = new double[count];
        Latents = new float[count * dimension];
        Status = new SampleStatus[count];
        Times = new double[count];
        Evaluations = new int[count];
    }

    /// <summary>Number of rows.</summary>
    public int Count { get; }

    /// <summary>Number of values of a row, d.</summary>
    public int Dimension { get; }

    /// <summary>The log-density of each row, in nats, [count]; NaN for a failed one. With probes it is the mean over them.</summary>
    public double[] LogDensities { get; }

    /// <summary>The standard error of each mean over probes, in nats, [count]; null where there was one solve a row.</summary>
    public double[]? StandardErrors { get; }

    /// <summary>
    /// Bits a value of each row, −log p/(d ln 2), [count]; with the levels of <see cref="LikelihoodOptions.Levels"/> those of the levels,
    /// that is log2(levels) more. NaN for a failed row.
    /// </summary>
    public double[] BitsPerDimension { get; }

    /// <summary>
    /// Where the flow carries each row from, x(start), [count, d], in the network's units; the one solved with the first probe. NaN for a
    /// failed row.
    /// </summary>
    public float[] Latents { get; }

    /// <summary>How each row ended, [count]; with probes the first that failed tells.</summary>
    public SampleStatus[] Status { get; }

    /// <summary>The time each row reached, [count]; for a completed one that of the prior.</summary>
    public double[] Times { get; }

    /// <summary>Evaluations of each row, [count], all probes together, rejected steps and the first step's trial included.</summary>
    public int[] Evaluations { get; }

    /// <summary>What all rows cost together.</summary>
    public SamplingStatistics Statistics { get; internal set; } = new(0, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Number of rows that did not reach the prior.</summary>
    public int Failed => Status.Count(status => status != SampleStatus.Completed);

    /// <summary>The latent of one row, [d]: see <see cref="Latents"/>.</summary>
    /// <param name="i">Row, from 0 to <see cref="Count"/> − 1.</param>
    public Span<float> Latent(int i) => Latents.AsSpan(i * Dimension, Dimension);

    /// <summary>Throws if any row failed; returns this batch otherwise.</summary>
    /// <exception cref="SamplingException">A row failed; the message says which first, where and why.</exception>
    public LikelihoodBatch EnsureSuccess()
    {
        int i = Array.FindIndex(Status, status => status != SampleStatus.Completed);
        return i < 0 ? this : throw SamplingException.Of($"{Failed} of {Count} rows failed; row {i}", Times[i], Status[i]);
    }

    /// <summary>Takes one solve of a row over: its probes come one behind another, in order.</summary>
    internal void Take(in FinishedSample sample, ReadOnlySpan<float> latent, double logDensity)
    {
        int i = (int)(sample.Index / _probes - _first), number = (int)(sample.Index % _probes);
        Evaluations[i] += sample.Evaluations;
        if (number > 0 && Status[i] != SampleStatus.Completed)
            return;
        (Status[i], Times[i]) = (sample.Status, sample.Time);
        if (sample.Status != SampleStatus.Completed)
        {
            LogDensities[i] = BitsPerDimension[i] = double.NaN;
            StandardErrors?[i] = double.NaN;
            Latent(i).Fill(float.NaN);
            return;
        }
        if (number == 0)
            latent.CopyTo(Latent(i));
        // Welford's running mean and sum of squares
        double distance = logDensity - LogDensities[i];
        LogDensities[i] += distance / (number + 1);
        StandardErrors?[i] += distance * (logDensity - LogDensities[i]);
        if (number < _probes - 1)
            return;
        StandardErrors?[i] = Math.Sqrt(StandardErrors[i] / (_probes - 1) / _probes);
        BitsPerDimension[i] = -LogDensities[i] / (Dimension * Math.Log(2));
    }

    /// <summary>Turns densities of the network's values into those of the data's.</summary>
    /// <param name="logDeterminant">log |det| of the map from the data's values to the network's.</param>
    /// <param name="levels">Levels of a value; null for real numbers.</param>
    internal void ToDataUnits(double logDeterminant, int? levels)
    {
        for (int i = 0; i < Count; i++)
        {
            LogDensities[i] += logDeterminant;
            BitsPerDimension[i] = -LogDensities[i] / (Dimension * Math.Log(2)) + Math.Log2(levels ?? 1);
        }
    }
}
