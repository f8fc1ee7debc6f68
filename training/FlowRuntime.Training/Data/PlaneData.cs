using FlowRuntime.Cards;
using FlowRuntime.Sampling;

namespace FlowRuntime.Training.Data;

/// <summary>
/// Data sets of points in the plane, drawn by a seed and standardised column by column (mean 0, standard deviation 1 in
/// the network's units). Libraries differ silently in these; the definitions here are exact.
/// </summary>
public static class PlaneData
{
    /// <summary>Number of points where none is given.</summary>
    public const int DefaultCount = 20_000;

    /// <summary>
    /// Two interleaving half circles of radius 1: (cos θ, sin θ) and (1 − cos θ, ½ − sin θ), θ uniform in [0, π], each
    /// with probability ½, plus N(0, 0.05² I).
    /// </summary>
    /// <param name="count">Number of points, at least 2.</param>
    /// <param name="seed">The seed.</param>
    public static Dataset Moons(int count = DefaultCount, ulong seed = 0) => Draw("moons", count, seed, noise: 0.05, (choice, place) =>
    {
        (double sine, double cosine) = Math.SinCos(Math.PI * place);
        return choice < 0.5 ? (cosine, sine) : (1 - cosine, 0.5 - sine);
    });

    /// <summary>Eight equal Gaussians N(m_k, 0.3² I) on a circle: m_k = 4 (cos 2πk/8, sin 2πk/8).</summary>
    /// <param name="count">Number of points, at least 2.</param>
    /// <param name="seed">The seed.</param>
    public static Dataset EightGaussians(int count = DefaultCount, ulong seed = 0) => Draw("8gaussians", count, seed, noise: 0.3, (choice, _) =>
    {
        (double sine, double cosine) = Math.SinCos(2 * Math.PI * Math.Floor(8 * choice) / 8);
        return (4 * cosine, 4 * sine);
    });

    /// <summary>Draws points: a centre by two uniform numbers, plus Gaussian noise.</summary>
    private static Dataset Draw(string name, int count, ulong seed, double noise, Func<double, double, (double X, double Y)> centre)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 2);
        float[] points = new float[2 * count];
        Span<float> shift = stackalloc float[2];
        for (int i = 0; i < count; i++)
        {
            var words = Philox4x32.Block(0, RandomStream.Points, (uint)i, 0, seed);
            (double x, double y) = centre(Philox4x32.Uniform(words.X0), Philox4x32.Uniform(words.X1));
            Noise.Fill(seed, i, shift, RandomStream.PointNoise);
            points[2 * i] = (float)(x + noise * shift[0]);
            points[2 * i + 1] = (float)(y + noise * shift[1]);
        }
        float[][] columns = [Statistics.Column(points, 2, 0), Statistics.Column(points, 2, 1)];
        var card = new DataCard(
            Columns: new ColumnsCard(["x", "y"], [.. columns.Select(c => Statistics.Mean(c))], [.. columns.Select(c => Statistics.StandardDeviation(c))]),
            Mean: [0], Scale: [1]);
        DataTransform.ToNetworkUnits(card, points);
        return new Dataset(name, [2], points, card);
    }
}
