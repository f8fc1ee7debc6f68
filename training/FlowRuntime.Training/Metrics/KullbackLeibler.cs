using MathNet.Numerics;

namespace FlowRuntime.Training.Metrics;

/// <summary>The natural logarithm of a known density.</summary>
/// <param name="x">A point, [dimension].</param>
public delegate double LogDensity(ReadOnlySpan<float> x);

/// <summary>
/// The Kullback–Leibler divergence KL(q ‖ p) = E_q[ln q − ln p], in nats: of two Gaussians in closed form, of samples from a known Gaussian by a
/// fitted Gaussian, and of samples from any known density by nearest neighbours.
/// </summary>
/// <remarks>
/// A fitted Gaussian sees means and covariances alone: whatever has the right ones is at 0. Nearest neighbours see the shape, in few
/// dimensions. Both have floors: state the estimator and its floor beside the figure.
/// </remarks>
public static class KullbackLeibler
{
    /// <summary>KL(q ‖ p) = ½ [tr(Σ_p⁻¹ Σ_q) + (μ_p − μ_q)ᵀ Σ_p⁻¹ (μ_p − μ_q) − d + ln(det Σ_p / det Σ_q)].</summary>
    /// <param name="q">The Gaussian that the mean is taken over.</param>
    /// <param name="p">The Gaussian it is compared with.</param>
    /// <exception cref="ArgumentException">The dimensions differ.</exception>
    public static double Between(GaussianDistribution q, GaussianDistribution p)
    {
        int d = p.Dimension;
        if (q.Dimension != d)
            throw new ArgumentException($"The Gaussians have {q.Dimension} and {d} dimensions. Give two of one dimension.");
        double sum = SquaredLength(p.Whiten([.. p.Mean.Zip(q.Mean, (a, b) => a - b)]));
        double[] column = new double[d];
        for (int j = 0; j < d; j++) // tr(Σ_p⁻¹ Σ_q) = ‖L_p⁻¹ L_q‖², column by column
        {
            for (int i = 0; i < d; i++)
                column[i] = q.Factor[i, j];
            sum += SquaredLength(p.Whiten(column));
        }
        return 0.5 * (sum - d + p.LogDeterminant - q.LogDeterminant);
    }

    /// <summary>
    /// KL(q̂ ‖ p) for the Gaussian q̂ fitted to samples; with <see cref="CovarianceKind.Diagonal"/> the correlations of p are left out too.
    /// </summary>
    /// <param name="samples">Samples, [n, dimension].</param>
    /// <param name="p">The known Gaussian.</param>
    /// <param name="kind">The estimator.</param>
    /// <exception cref="ArgumentException">There are too few samples, one is not finite, or they do not vary in some direction.</exception>
    public static double OfFit(ReadOnlyMemory<float> samples, GaussianDistribution p, CovarianceKind kind) =>
        Between(GaussianDistribution.Fit(samples, p.Dimension, kind), kind == CovarianceKind.Full ? p : p.Diagonal());

    /// <summary>
    /// The mean of <see cref="OfFit"/> over true samples of a Gaussian, exactly: ½ [d ln(n/2) − Σ ψ((n − i)/2)], i = 1 … d, with
    /// full covariance, nearly d(d + 3)/4n; ½ d [ln(n/2) − ψ((n − 1)/2)] with diagonal covariance, nearly d/n, where p has no correlations.
    /// </summary>
    /// <param name="count">Number of samples n, above the dimension.</param>
    /// <param name="dimension">Number of values d of a sample.</param>
    /// <param name="kind">The estimator.</param>
    /// <remarks>Derived from E ln det of a Wishart matrix; the trace and the mean's term add up to d in the mean.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">There are not more samples than dimensions.</exception>
    public static double FloorOfFit(int count, int dimension, CovarianceKind kind)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(count, dimension);
        return 0.5 * Enumerable.Range(1, dimension)
            .Sum(i => Math.Log(count / 2.0) - SpecialFunctions.DiGamma((count - (kind == CovarianceKind.Full ? i : 1)) / 2.0));
    }

    /// <summary>
    /// KL(q ‖ p) of the samples' distribution q from a known density p: −Ĥ(q) − mean ln p, with the entropy by nearest neighbours,
    /// Ĥ = ψ(n) − ψ(k) + ln V + (d/n) Σ ln ε_i, where ε_i is the distance from sample i to its k-th nearest other one and V the volume of the unit ball.
    /// </summary>
    /// <param name="samples">Samples, [n, dimension], more than k, all different.</param>
    /// <param name="dimension">Number of values d of a sample.</param>
    /// <param name="logDensity">ln p, normalised; called from several threads.</param>
    /// <param name="k">Number of neighbours, at least 1: more give less variance and more bias. Default 5.</param>
    /// <returns>The estimate in nats; it may be below 0 by chance.</returns>
    /// <remarks>
    /// Source: Kozachenko and Leonenko 1987; k neighbours as in Kraskov, Stögbauer and Grassberger 2004, "Estimating mutual information".
    /// The bias comes from densities that vary over ε, grows with the dimension and falls slowly with n. Measured over true samples of N(0, I), n = 2,000, k = 5:
    /// 0.003, 0.015, 0.043 and 0.07 in 1, 2, 3 and 5 dimensions, −0.09 in 10, each ± 0.01; for eight Gaussians in the plane 0.036 with 1,000 samples and
    /// 0.016 with 4,000. It is for few dimensions. The estimate over true samples (<see cref="NoiseFloor.OfSets"/>) shows bias and chance together.
    /// Time grows with n².
    /// </remarks>
    /// <exception cref="ArgumentException">There are too few samples, k + 1 are equal, one is not finite, or p is 0 at one.</exception>
    public static double FromDensity(ReadOnlyMemory<float> samples, int dimension, LogDensity logDensity, int k = 5)
    {
        var points = new PointSet(samples, dimension, nameof(samples));
        if (k < 1 || k >= points.Count)
            throw new ArgumentOutOfRangeException(nameof(k), k, $"Give a number of neighbours from 1 to {points.Count - 1}, one less than the samples.");
        double[] distances = new NearestNeighbours(samples.ToArray(), dimension).NearestDistancesWithin(k);
        double[] terms = new double[points.Count]; // summed in order afterwards, so that the result does not depend on the threads
        Parallel.For(0, points.Count, i => terms[i] = -dimension * Math.Log(distances[i]) - logDensity(points[i]));
        int bad = Array.FindIndex(terms, term => !double.IsFinite(term));
        if (bad >= 0)
            throw new ArgumentException(distances[bad] == 0
                ? $"samples: row {bad} is equal to {k} others, and samples of a density never are. Leave out what is repeated."
                : $"samples: ln p is {logDensity(points[bad])} at row {bad}, so that the divergence is not finite.", nameof(samples));
        return terms.Average() - SpecialFunctions.DiGamma(points.Count) + SpecialFunctions.DiGamma(k) - LogUnitBall(dimension);
    }

    /// <summary>ln of the volume of the unit ball: V_0 = 1, V_1 = 2, V_d = V_(d−2) 2π/d.</summary>
    private static double LogUnitBall(int dimension)
    {
        double log = dimension % 2 == 0 ? 0 : Math.Log(2);
        for (int d = dimension % 2 + 2; d <= dimension; d += 2)
            log += Math.Log(2 * Math.PI / d);
        return log;
    }

    private static double SquaredLength(double[] values) => values.Sum(value => value * value);
}
