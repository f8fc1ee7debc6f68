namespace FlowRuntime.Tests;

/// <summary>
/// The exact marginal field of the linear path from N(0, I) to a mixture of Gaussians Σ π_k N(m_k, s² I) in the plane:
/// with V = (1 − t)² + t² s² and w_k ∝ π_k exp(−|x − t m_k|²/2V), v = Σ_k w_k [m_k + ((t s² − (1 − t))/V)(x − t m_k)].
/// </summary>
/// <remarks>One Gaussian has the closed flow x(1) = m + s x(0).</remarks>
internal sealed record GaussianFlow(double[][] Means, double Scale, double[] Weights)
{
    /// <summary>q1 = N((3, −2), 0.3² I).</summary>
    public static GaussianFlow One { get; } = new([[3, -2]], 0.3, [1]);

    /// <summary>Eight equal Gaussians of standard deviation 0.3 on a circle of radius 4.</summary>
    public static GaussianFlow Eight { get; } = new(Circle(), 0.3, [1, 1, 1, 1, 1, 1, 1, 1]);

    /// <summary>The same means, standard deviation 0.01, weights proportional to 1, 2, …, 8: stiff near t = 1.</summary>
    public static GaussianFlow EightStiff { get; } = new(Circle(), 0.01, [1, 2, 3, 4, 5, 6, 7, 8]);

    public FormulaField Field { get; } = new(2, (_, t, x, v) => Velocity(Means, Scale, Weights, t, x, v));

    private static void Velocity(double[][] means, double scale, double[] weights, double t, ReadOnlySpan<float> x, Span<float> velocity)
    {
        double variance = (1 - t) * (1 - t) + t * t * scale * scale;
        double slope = (t * scale * scale - (1 - t)) / variance;
        Span<double> logs = stackalloc double[means.Length];
        double largest = double.NegativeInfinity;
        for (int k = 0; k < means.Length; k++)
        {
            double dx = x[0] - t * means[k][0], dy = x[1] - t * means[k][1];
            logs[k] = Math.Log(weights[k]) - (dx * dx + dy * dy) / (2 * variance);
            largest = Math.Max(largest, logs[k]);
        }
        double sum = 0, first = 0, second = 0;
        for (int k = 0; k < means.Length; k++)
        {
            double weight = Math.Exp(logs[k] - largest);
            sum += weight;
            first += weight * (means[k][0] + slope * (x[0] - t * means[k][0]));
            second += weight * (means[k][1] + slope * (x[1] - t * means[k][1]));
        }
        (velocity[0], velocity[1]) = ((float)(first / sum), (float)(second / sum));
    }

    private static double[][] Circle() =>
        [.. Enumerable.Range(0, 8).Select(k => (double[])[4 * Math.Cos(2 * Math.PI * k / 8), 4 * Math.Sin(2 * Math.PI * k / 8)])];
}
