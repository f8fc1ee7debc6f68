namespace FlowRuntime.Training.Metrics;

/// <summary>How a Gaussian is fitted to samples.</summary>
public enum CovarianceKind
{
    /// <summary>Every entry of the covariance.</summary>
    Full,

    /// <summary>The variances alone; the correlations are taken as 0. Fewer numbers to estimate, and blind to correlations.</summary>
    Diagonal,
}

/// <summary>A Gaussian distribution N(mean, covariance) in double precision.</summary>
public sealed class GaussianDistribution
{
    private readonly double[,] _covariance;

    /// <summary>Makes a Gaussian.</summary>
    /// <param name="mean">The mean, [dimension].</param>
    /// <param name="covariance">The covariance, [dimension, dimension], symmetric and positive definite.</param>
    /// <exception cref="ArgumentException">The sizes do not fit, or the covariance is not symmetric and positive definite.</exception>
    public GaussianDistribution(IReadOnlyList<double> mean, double[,] covariance)
    {
        int d = mean.Count;
        if (d == 0 || covariance.GetLength(0) != d || covariance.GetLength(1) != d)
            throw new ArgumentException($"A mean of {d} values needs a covariance [{d}, {d}]; this one is [{covariance.GetLength(0)}, {covariance.GetLength(1)}].", nameof(covariance));
        Mean = [.. mean];
        _covariance = (double[,])covariance.Clone();
        Factor = CholeskyFactor(_covariance);
    }

    /// <summary>The mean, [dimension].</summary>
    public IReadOnlyList<double> Mean { get; }

    /// <summary>Number of values of a point.</summary>
    public int Dimension => Mean.Count;

    /// <summary>The lower triangle L with L Lᵀ = covariance.</summary>
    internal double[,] Factor { get; }

    /// <summary>An entry of the covariance.</summary>
    /// <param name="row">Row, from 0.</param>
    /// <param name="column">Column, from 0.</param>
    public double Covariance(int row, int column) => _covariance[row, column];

    /// <summary>ln det of the covariance.</summary>
    internal double LogDeterminant => 2 * Enumerable.Range(0, Dimension).Sum(i => Math.Log(Factor[i, i]));

    /// <summary>N(mean, deviation² I).</summary>
    /// <param name="mean">The mean, [dimension].</param>
    /// <param name="deviation">Standard deviation of each value, above 0.</param>
    public static GaussianDistribution Isotropic(IReadOnlyList<double> mean, double deviation)
    {
        double[,] covariance = new double[mean.Count, mean.Count];
        for (int i = 0; i < mean.Count; i++)
            covariance[i, i] = deviation * deviation;
        return new GaussianDistribution(mean, covariance);
    }

    /// <summary>The Gaussian of greatest likelihood: the mean of the rows and their covariance, with the divisor n.</summary>
    /// <param name="rows">Rows, [n, dimension]; more rows than values for <see cref="CovarianceKind.Full"/>, at least 2 otherwise.</param>
    /// <param name="dimension">Number of values of a row.</param>
    /// <param name="kind">Full or diagonal covariance.</param>
    /// <exception cref="ArgumentException">There are too few rows, one is not finite, or the rows do not vary in some direction.</exception>
    public static GaussianDistribution Fit(ReadOnlyMemory<float> rows, int dimension, CovarianceKind kind)
    {
        var points = new PointSet(rows, dimension, nameof(rows));
        int least = kind == CovarianceKind.Full ? dimension + 1 : 2;
        if (points.Count < least)
            throw new ArgumentException($"rows: {points.Count} rows of {dimension} values do not determine the covariance. Give at least {least}.", nameof(rows));
        double[] mean = new double[dimension], difference = new double[dimension];
        for (int row = 0; row < points.Count; row++)
        {
            for (int i = 0; i < dimension; i++)
                mean[i] += points[row][i] / (double)points.Count;
        }
        double[,] covariance = new double[dimension, dimension];
        for (int row = 0; row < points.Count; row++)
        {
            for (int i = 0; i < dimension; i++)
            {
                difference[i] = points[row][i] - mean[i];
                for (int j = kind == CovarianceKind.Full ? 0 : i; j <= i; j++)
                    covariance[i, j] += difference[i] * difference[j] / points.Count;
            }
        }
        for (int i = 0; i < dimension; i++)
        {
            for (int j = 0; j < i; j++)
                covariance[j, i] = covariance[i, j];
        }
        return new GaussianDistribution(mean, covariance);
    }

    /// <summary>The same mean and variances, without correlations.</summary>
    public GaussianDistribution Diagonal()
    {
        double[,] diagonal = new double[Dimension, Dimension];
        for (int i = 0; i < Dimension; i++)
            diagonal[i, i] = _covariance[i, i];
        return new GaussianDistribution(Mean, diagonal);
    }

    /// <summary>L⁻¹ b, so that its squared length is bᵀ covariance⁻¹ b.</summary>
    internal double[] Whiten(ReadOnlySpan<double> b)
    {
        double[] z = new double[Dimension];
        for (int i = 0; i < Dimension; i++)
        {
            z[i] = b[i];
            for (int j = 0; j < i; j++)
                z[i] -= Factor[i, j] * z[j];
            z[i] /= Factor[i, i];
        }
        return z;
    }

    /// <summary>Source: Golub and Van Loan, Matrix Computations, Cholesky's factorisation.</summary>
    private static double[,] CholeskyFactor(double[,] a)
    {
        const double Asymmetry = 1e-9;
        int d = a.GetLength(0);
        double[,] l = new double[d, d];
        for (int i = 0; i < d; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                if (!(Math.Abs(a[i, j] - a[j, i]) <= Asymmetry * Math.Sqrt(Math.Abs(a[i, i] * a[j, j]))))
                    throw new ArgumentException(FormattableString.Invariant($"The covariance is not symmetric: [{i}, {j}] is {a[i, j]}, but [{j}, {i}] is {a[j, i]}."), nameof(a));
                double rest = a[i, j];
                for (int k = 0; k < j; k++)
                    rest -= l[i, k] * l[j, k];
                if (i != j)
                    l[i, j] = rest / l[j, j];
                else if (rest > 0)
                    l[i, i] = Math.Sqrt(rest);
                else
                    throw new ArgumentException($"The covariance is not positive definite: value {i} does not vary beyond the values before it. Leave it out, or use the diagonal alone.", nameof(a));
            }
        }
        return l;
    }
}
