using FlowRuntime.Paths;

namespace FlowRuntime.Fields;

/// <summary>
/// Data of which everything is known: a mixture Σ π_k N(m_k, s_k² I), or finite data (s_k = 0). For noise N(0, I) independent
/// of the data it gives what a perfect network would say: the marginal velocity of any path, the mean of the data, the density.
/// </summary>
/// <remarks>
/// At a time where x = α x1 + ρ ε, a component has the variance V_k = α² s_k² + ρ² and the posterior weight
/// w_k ∝ π_k N(x; α m_k, V_k I), in log space and double precision. Safe under concurrent use.
/// </remarks>
public sealed class GaussianMixture
{
    private readonly double[] _means;
    private readonly double[] _scales;
    private readonly double[] _logWeights;

    /// <summary>Makes a mixture.</summary>
    /// <param name="dimension">Number of values of a point, d.</param>
    /// <param name="means">Means m_k, [components, d].</param>
    /// <param name="scales">Standard deviations s_k: one for all components, or one each; at least 0.</param>
    /// <param name="weights">Weights π_k, above 0; they need not sum to 1. Default: equal.</param>
    /// <exception cref="ArgumentException">The sizes do not fit, or a number is out of its range.</exception>
    public GaussianMixture(int dimension, IReadOnlyList<double> means, IReadOnlyList<double> scales, IReadOnlyList<double>? weights = null)
    {
        if (dimension < 1 || means.Count == 0 || means.Count % dimension != 0 || !means.All(double.IsFinite))
            throw new ArgumentException($"{means.Count} numbers are no means of {dimension} finite values each.", nameof(means));
        Dimension = dimension;
        Components = means.Count / dimension;
        if ((scales.Count != 1 && scales.Count != Components) || !scales.All(scale => scale >= 0 && double.IsFinite(scale)))
            throw new ArgumentException($"Give one standard deviation of at least 0, or one for each of the {Components} components.", nameof(scales));
        if (weights is not null && (weights.Count != Components || !weights.All(weight => weight > 0 && double.IsFinite(weight))))
            throw new ArgumentException($"Give a positive weight for each of the {Components} components, or none.", nameof(weights));
        _means = [.. means];
        _scales = [.. Enumerable.Range(0, Components).Select(k => scales[scales.Count == 1 ? 0 : k])];
        double sum = weights?.Sum() ?? Components;
        _logWeights = [.. Enumerable.Range(0, Components).Select(k => Math.Log((weights?[k] ?? 1) / sum))];
    }

    /// <summary>Finite data: every row as likely as every other.</summary>
    /// <param name="dimension">Number of values of a row.</param>
    /// <param name="rows">The rows, [count, dimension].</param>
    public static GaussianMixture OfRows(int dimension, ReadOnlySpan<float> rows)
    {
        double[] means = new double[rows.Length];
        for (int i = 0; i < means.Length; i++)
            means[i] = rows[i];
        return new GaussianMixture(dimension, means, [0]);
    }

    /// <summary>Number of values of a point, d.</summary>
    public int Dimension { get; }

    /// <summary>Number of components.</summary>
    public int Components { get; }

    /// <summary>The mean m_k of a component, [d].</summary>
    public ReadOnlySpan<double> Mean(int component) => _means.AsSpan(component * Dimension, Dimension);

    /// <summary>The standard deviation s_k of a component.</summary>
    public double Scale(int component) => _scales[component];

    /// <summary>The weight π_k of a component; all sum to 1.</summary>
    public double Weight(int component) => Math.Exp(_logWeights[component]);

    /// <summary>
    /// The marginal velocity E[u_t | x_t = x] = Σ_k w_k [α' m_k + (αα's_k² + ρρ')(x − α m_k)/V_k].
    /// </summary>
    /// <param name="at">The path at the time.</param>
    /// <param name="x">The point, [d].</param>
    /// <param name="velocity">Receives the velocity, [d]. Finite data at ρ = 0 are left without the noise's part, which nothing tells there.</param>
    /// <returns>The logarithm of the density p_t(x); ∞ or −∞ for finite data at ρ = 0.</returns>
    public double Velocity(PathCoefficients at, ReadOnlySpan<float> x, Span<double> velocity) =>
        Average(at, x, velocity, at.AlphaRate, at.Alpha * at.AlphaRate, at.HalfVarianceRate);

    /// <summary>
    /// The marginal velocity with its divergence: of the components' velocities u_k = α' m_k + g_k (x − α m_k), where
    /// g_k = (αα's_k² + ρρ')/V_k, it is ∇·v = Σ_k w_k [d g_k − (u_k − v)·(x − α m_k)/V_k].
    /// </summary>
    /// <remarks>That is the product rule on v = Σ w_k u_k, with ∇w_k = w_k (s_k − Σ_j w_j s_j) and s_k = −(x − α m_k)/V_k.</remarks>
    /// <param name="at">The path at the time.</param>
    /// <param name="x">The point, [d].</param>
    /// <param name="velocity">Receives the velocity, [d].</param>
    /// <param name="divergence">Receives ∇·v; not finite for finite data at ρ = 0.</param>
    /// <returns>The logarithm of the density p_t(x); ∞ or −∞ for finite data at ρ = 0.</returns>
    public double Velocity(PathCoefficients at, ReadOnlySpan<float> x, Span<double> velocity, out double divergence)
    {
        double logDensity = Velocity(at, x, velocity);
        Span<double> weights = Components <= 512 ? stackalloc double[Components] : new double[Components];
        Weigh(at, x, weights, out double sum);
        divergence = 0;
        for (int k = 0; k < Components; k++)
        {
            if (weights[k] == 0)
                continue;
            double variance = Variance(at, k), slope = (at.Alpha * at.AlphaRate * _scales[k] * _scales[k] + at.HalfVarianceRate) / variance;
            ReadOnlySpan<double> mean = Mean(k);
            double product = 0;
            for (int i = 0; i < x.Length; i++)
            {
                double offset = x[i] - at.Alpha * mean[i];
                product += (at.AlphaRate * mean[i] + slope * offset - velocity[i]) * offset;
            }
            divergence += weights[k] * (x.Length * slope - product / variance);
        }
        divergence /= sum;
        return logDensity;
    }

    /// <summary>The mean of the data that may have led here, E[x1 | x_t = x] = Σ_k w_k [m_k + α s_k² (x − α m_k)/V_k].</summary>
    /// <param name="at">The path at the time.</param>
    /// <param name="x">The point, [d].</param>
    /// <param name="mean">Receives the mean, [d].</param>
    /// <returns>The logarithm of the density p_t(x); ∞ or −∞ for finite data at ρ = 0.</returns>
    public double DataMean(PathCoefficients at, ReadOnlySpan<float> x, Span<double> mean) => Average(at, x, mean, 1, at.Alpha, 0);

    /// <summary>The score ∇ log p_t(x) = −Σ_k w_k (x − α m_k)/V_k.</summary>
    /// <param name="at">The path at the time.</param>
    /// <param name="x">The point, [d].</param>
    /// <param name="score">Receives the score, [d]. Finite data at ρ = 0 have none; it is then 0.</param>
    /// <returns>The logarithm of the density p_t(x); ∞ or −∞ for finite data at ρ = 0.</returns>
    public double Score(PathCoefficients at, ReadOnlySpan<float> x, Span<double> score) => Average(at, x, score, 0, 0, -1);

    /// <summary>Draws a point of the data.</summary>
    /// <param name="choice">A uniform number in [0, 1), which chooses the component.</param>
    /// <param name="noise">Standard normal numbers, [d].</param>
    /// <param name="point">Receives the point, [d].</param>
    public void Draw(double choice, ReadOnlySpan<float> noise, Span<float> point)
    {
        int k = 0;
        for (double sum = Weight(0); choice >= sum && k < Components - 1; sum += Weight(k))
            k++;
        ReadOnlySpan<double> mean = Mean(k);
        for (int i = 0; i < point.Length; i++)
            point[i] = (float)(mean[i] + _scales[k] * noise[i]);
    }

    /// <summary>Σ_k w_k [a m_k + (b s_k² + c)(x − α m_k)/V_k], and the log-density.</summary>
    private double Average(PathCoefficients at, ReadOnlySpan<float> x, Span<double> result, double ofMean, double ofScale, double ofNoise)
    {
        Span<double> weights = Components <= 512 ? stackalloc double[Components] : new double[Components];
        double logDensity = Weigh(at, x, weights, out double sum);
        result.Clear();
        for (int k = 0; k < Components; k++)
        {
            if (weights[k] == 0)
                continue;
            double variance = Variance(at, k), slope = variance > 0 ? (ofScale * _scales[k] * _scales[k] + ofNoise) / variance : 0;
            ReadOnlySpan<double> mean = Mean(k);
            for (int i = 0; i < x.Length; i++)
                result[i] += weights[k] * (ofMean * mean[i] + slope * (x[i] - at.Alpha * mean[i]));
        }
        foreach (ref double value in result)
            value /= sum;
        return logDensity;
    }

    /// <summary>The posterior weights w_k times their sum, and the log-density.</summary>
    private double Weigh(PathCoefficients at, ReadOnlySpan<float> x, Span<double> weights, out double sum)
    {
        double alpha = at.Alpha, largest = double.NegativeInfinity;
        for (int k = 0; k < Components; k++)
        {
            ReadOnlySpan<double> mean = Mean(k);
            double square = 0;
            for (int i = 0; i < x.Length; i++)
                square += (x[i] - alpha * mean[i]) * (x[i] - alpha * mean[i]);
            double variance = Variance(at, k);
            weights[k] = variance > 0
                ? _logWeights[k] - square / (2 * variance) - x.Length / 2.0 * Math.Log(2 * Math.PI * variance)
                : square == 0 ? double.PositiveInfinity : double.NegativeInfinity;
            largest = Math.Max(largest, weights[k]);
        }
        sum = 1;
        if (double.IsInfinity(largest)) // points alone: the nearest
        {
            Nearest(alpha, x, weights);
            return largest;
        }
        sum = 0;
        foreach (ref double weight in weights)
            sum += weight = Math.Exp(weight - largest);
        return largest + Math.Log(sum);
    }

    /// <summary>V_k = α² s_k² + ρ².</summary>
    private double Variance(PathCoefficients at, int k) => at.Alpha * at.Alpha * _scales[k] * _scales[k] + at.Deviation * at.Deviation;

    /// <summary>Weights that are 1 for the component nearest to x, and 0 for the others.</summary>
    private void Nearest(double alpha, ReadOnlySpan<float> x, Span<double> weights)
    {
        (int nearest, double least) = (0, double.PositiveInfinity);
        for (int k = 0; k < Components; k++)
        {
            ReadOnlySpan<double> mean = Mean(k);
            double square = 0;
            for (int i = 0; i < x.Length; i++)
                square += (x[i] - alpha * mean[i]) * (x[i] - alpha * mean[i]);
            if (square < least)
                (nearest, least) = (k, square);
        }
        weights.Clear();
        weights[nearest] = 1;
    }
}
