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

    public FormulaField Field => field ??= new(2, (_, t, x, v) =>
    {
        (double first, double second) = Velocity(t, x[0], x[1]);
        (v[0], v[1]) = ((float)first, (float)second);
    });

    /// <summary>The velocity in double precision.</summary>
    public (double X, double Y) Velocity(double t, double x, double y)
    {
        double variance = (1 - t) * (1 - t) + t * t * Scale * Scale;
        double slope = (t * Scale * Scale - (1 - t)) / variance;
        Span<double> logs = stackalloc double[Means.Length];
        double largest = double.NegativeInfinity;
        for (int k = 0; k < Means.Length; k++)
        {
            double dx = x - t * Means[k][0], dy = y - t * Means[k][1];
            logs[k] = Math.Log(Weights[k]) - (dx * dx + dy * dy) / (2 * variance);
            largest = Math.Max(largest, logs[k]);
        }
        double sum = 0, first = 0, second = 0;
        for (int k = 0; k < Means.Length; k++)
        {
            double weight = Math.Exp(logs[k] - largest);
            sum += weight;
            first += weight * (Means[k][0] + slope * (x - t * Means[k][0]));
            second += weight * (Means[k][1] + slope * (y - t * Means[k][1]));
        }
        return (first / sum, second / sum);
    }

    /// <summary>Where the flow of one Gaussian carries a point: x(t) − t m is to √V as it was at the start.</summary>
    public (double X, double Y) Carried(double start, double end, double x, double y)
    {
        double Deviation(double t) => Math.Sqrt((1 - t) * (1 - t) + t * t * Scale * Scale);
        double growth = Deviation(end) / Deviation(start);
        return (end * Means[0][0] + growth * (x - start * Means[0][0]), end * Means[0][1] + growth * (y - start * Means[0][1]));
    }

    private static double[][] Circle() =>
        [.. Enumerable.Range(0, 8).Select(k => (double[])[4 * Math.Cos(2 * Math.PI * k / 8), 4 * Math.Sin(2 * Math.PI * k / 8)])];
}
