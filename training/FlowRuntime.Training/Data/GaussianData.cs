using FlowRuntime.Cards;
using FlowRuntime.Sampling;

namespace FlowRuntime.Training.Data;

/// <summary>
/// Correlated Gaussian points, drawn by a seed: the data whose flow, density and distances are known in closed form in any
/// dimension.
/// </summary>
public static class GaussianData
{
    /// <summary>Correlation of neighbouring columns.</summary>
    public const double Correlation = 0.8;

    /// <summary>Mean of every column.</summary>
    public const double Mean = 1;

    /// <summary>Standard deviation of every column.</summary>
    public const double Scale = 2;

    /// <summary>The most columns there may be.</summary>
    public const int MostColumns = 4096;

    /// <summary>
    /// Draws from N(m, S) with m_i = 1 and S_ij = 4 · 0.8^|i − j|: x_i = 1 + 2 y_i with y_0 = z_0 and y_i = 0.8 y_{i−1} + 0.6 z_i,
    /// z standard normal.
    /// </summary>
    /// <remarks>
    /// The columns are standardised by their true mean and scale, not by those of the sample, so that in the network's
    /// units the law is exactly N(0, R), R_ij = 0.8^|i − j|. Without correlation it would be the noise itself, and there would
    /// be nothing to learn; that is so in one dimension.
    /// </remarks>
    /// <param name="dimension">Number of columns, 1 to 4096.</param>
    /// <param name="count">Number of points, at least 2.</param>
    /// <param name="seed">The seed.</param>
    public static Dataset Load(int dimension, int count = PlaneData.DefaultCount, ulong seed = 0)
    {
        if (dimension is < 1 or > MostColumns)
            throw new ArgumentOutOfRangeException(nameof(dimension), dimension, $"Give 1 to {MostColumns} dimensions, such as gaussian:8.");
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 2);
        double fresh = Math.Sqrt(1 - Correlation * Correlation);
        float[] points = new float[checked(count * dimension)];
        for (int i = 0; i < count; i++)
        {
            Span<float> point = points.AsSpan(i * dimension, dimension);
            Noise.Fill(seed, i, point, RandomStream.PointNoise);
            for (int column = 1; column < dimension; column++)
                point[column] = (float)(Correlation * point[column - 1] + fresh * point[column]);
        }
        var columns = new ColumnsCard(
            [.. Enumerable.Range(0, dimension).Select(column => $"x{column}")],
            [.. Enumerable.Repeat(Mean, dimension)], [.. Enumerable.Repeat(Scale, dimension)]);
        return new Dataset($"gaussian:{dimension}", [dimension], points, new DataCard(Columns: columns, Mean: [0], Scale: [1]));
    }
}
