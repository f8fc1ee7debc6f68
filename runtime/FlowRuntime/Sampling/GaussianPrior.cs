namespace FlowRuntime.Sampling;

/// <summary>The law that samples start from: independent normal values, N(mean, scale²).</summary>
public sealed class GaussianPrior
{
    private readonly double[] _means;
    private readonly double[] _scales;

    /// <summary>Makes the law.</summary>
    /// <param name="means">Mean of the values: one number for all, or one a value; finite.</param>
    /// <param name="scales">Standard deviation of the values: one number for all, or one a value; above 0.</param>
    /// <exception cref="ArgumentException">A number is out of its range, or there are other numbers of means than of scales.</exception>
    public GaussianPrior(IReadOnlyList<double> means, IReadOnlyList<double> scales)
    {
        if (means.Count == 0 || !means.All(double.IsFinite))
            throw new ArgumentException($"The prior has {means.Count} means. Give one finite number, or one a value.", nameof(means));
        if (scales.Count == 0 || !scales.All(scale => scale > 0 && double.IsFinite(scale)))
            throw new ArgumentException($"The prior has {scales.Count} scales. Give one positive number, or one a value.", nameof(scales));
        if (means.Count > 1 && scales.Count > 1 && means.Count != scales.Count)
            throw new ArgumentException($"The prior has {means.Count} means and {scales.Count} scales. Give one, or one a value.", nameof(scales));
        (_means, _scales) = ([.. means], [.. scales]);
    }

    /// <summary>N(0, I).</summary>
    public static GaussianPrior Standard { get; } = new([0], [1]);

    /// <summary>Number of values where means or scales are given for each; null where one number of each holds for all.</summary>
    public int? Dimension => Math.Max(_means.Length, _scales.Length) is > 1 and var dimension ? dimension : null;

    /// <summary>The mean of a value.</summary>
    /// <param name="i">Place of the value.</param>
    public double Mean(int i) => _means[_means.Length == 1 ? 0 : i];

    /// <summary>The standard deviation of a value.</summary>
    /// <param name="i">Place of the value.</param>
    public double Scale(int i) => _scales[_scales.Length == 1 ? 0 : i];

    /// <summary>Draws the start of a sample.</summary>
    /// <param name="seed">The seed of the run.</param>
    /// <param name="index">Index of the sample.</param>
    /// <param name="state">Receives mean + scale · noise, [d], with the noise of <see cref="Noise.PriorStream"/>.</param>
    public void Draw(ulong seed, long index, Span<float> state)
    {
        Noise.Fill(seed, index, state);
        if (Dimension is null && _means[0] == 0 && _scales[0] == 1)
            return;
        for (int i = 0; i < state.Length; i++)
            state[i] = (float)(Mean(i) + Scale(i) * state[i]);
    }

    /// <summary>The logarithm of the density, −½ Σ_i [(x_i − m_i)²/s_i² + log(2π s_i²)], in nats.</summary>
    /// <param name="x">The point, [d].</param>
    public double LogDensity(ReadOnlySpan<float> x)
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++)
        {
            double z = (x[i] - Mean(i)) / Scale(i);
            sum += z * z / 2 + Math.Log(Scale(i));
        }
        return -sum - x.Length / 2.0 * Math.Log(2 * Math.PI);
    }
}
