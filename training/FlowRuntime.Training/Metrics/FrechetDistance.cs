using MathNet.Numerics.LinearAlgebra;

namespace FlowRuntime.Training.Metrics;

/// <summary>The Fréchet distance between Gaussians of the means and covariances of two sets of rows, squared: in a classifier's features it is how images are judged.</summary>
/// <remarks>
/// ‖m₁ − m₂‖² + tr(C₁ + C₂ − 2 (C₁^½ C₂ C₁^½)^½), with covariances of divisor n − 1. It shrinks as rows are added, in each set: compare only figures of the same numbers
/// of rows, and have a floor beside it. Sources: Dowson and Landau 1982; Heusel et al. 2017 (with Inception's features, "FID").
/// </remarks>
public static class FrechetDistance
{
    /// <summary>Measures two sets.</summary>
    /// <param name="x">Rows, [at least 2, dimension].</param>
    /// <param name="y">Rows, [at least 2, dimension].</param>
    /// <param name="dimension">Number of values of a row.</param>
    /// <exception cref="ArgumentException">A set has fewer than two rows, or a value is not finite.</exception>
    public static double Between(ReadOnlyMemory<float> x, ReadOnlyMemory<float> y, int dimension)
    {
        (Vector<double> mean1, Matrix<double> covariance1) = Moments(new PointSet(x, dimension, nameof(x)), nameof(x));
        (Vector<double> mean2, Matrix<double> covariance2) = Moments(new PointSet(y, dimension, nameof(y)), nameof(y));
        Matrix<double> root = SquareRoot(covariance1);
        double shared = Eigenvalues(root * covariance2 * root).Sum(Math.Sqrt);
        double difference = (mean1 - mean2).L2Norm();
        return Math.Max(0, difference * difference + covariance1.Trace() + covariance2.Trace() - 2 * shared);
    }

    private static (Vector<double> Mean, Matrix<double> Covariance) Moments(PointSet points, string name)
    {
        if (points.Count < 2)
            throw new ArgumentException($"{name}: one row has no covariance. Give at least two.", name);
        Matrix<double> rows = Matrix<double>.Build.Dense(points.Count, points.Dimension, (row, column) => points[row][column]);
        Vector<double> mean = rows.ColumnSums() / points.Count;
        for (int row = 0; row < points.Count; row++)
            rows.SetRow(row, rows.Row(row) - mean);
        return (mean, rows.TransposeThisAndMultiply(rows) / (points.Count - 1));
    }

    private static Matrix<double> SquareRoot(Matrix<double> matrix)
    {
        var decomposition = matrix.Evd(Symmetricity.Symmetric);
        Matrix<double> vectors = decomposition.EigenVectors;
        Vector<double> roots = decomposition.EigenValues.Map(value => Math.Sqrt(Math.Max(0, value.Real)));
        return vectors * Matrix<double>.Build.DiagonalOfDiagonalVector(roots) * vectors.Transpose();
    }

    /// <summary>Of a matrix that is symmetric and positive but for rounding.</summary>
    private static IEnumerable<double> Eigenvalues(Matrix<double> matrix) =>
        ((matrix + matrix.Transpose()) / 2).Evd(Symmetricity.Symmetric).EigenValues.Select(value => Math.Max(0, value.Real));
}
