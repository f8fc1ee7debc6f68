using FlowRuntime.Cards;
using FlowRuntime.Sampling;

namespace FlowRuntime.Training.Data;

/// <summary>
/// The data of published benchmarks, defined as their code defines them and in their units: nothing is standardised, the
/// network sees the values themselves. Where they use random numbers, these here are drawn by the seed; where they use evenly
/// spaced angles, so do these, and the points depend on their number.
/// </summary>
/// <remarks>
/// Sources: the repositories conditional-flow-matching (Tong et al. 2024; <c>runner/src/datamodules</c>), C2OT (Cheng and
/// Schwing 2025; <c>moons.py</c>, <c>c2ot/utils/playground_utils.py</c>), torchdyn (<c>static_datasets.py</c>) and dsbm-pytorch
/// (Shi et al. 2023; <c>DSBM-Gaussian.py</c>). Rows are in order, not shuffled: draw them at random. A pair of source and target is
/// independent under one seed.
/// </remarks>
public static class BenchmarkData
{
    /// <summary>Number of points of the benchmarks of Tong et al.: 10,000 to train on, 1,000 to choose by and 1,000 to judge by.</summary>
    public const int TorchCfmCount = 12_000;

    /// <summary>Number of points by which Cheng and Schwing judge.</summary>
    public const int C2otCount = 10_000;

    /// <summary>Number of points of the Gaussian benchmark of Shi et al.</summary>
    public const int DsbmCount = 10_000;

    /// <summary>
    /// Tong et al., "gaussians": N(m_k, I), m_k = 5 (cos 2πk/8, sin 2πk/8), as many points of each, mode behind mode. (torchdyn
    /// also shifts each mode as a whole by N(0, 0.001² I); left out.)
    /// </summary>
    /// <param name="count">Number of points, at least 2.</param>
    /// <param name="seed">The seed.</param>
    public static Dataset TorchCfmGaussians(int count = TorchCfmCount, ulong seed = 0) =>
        Draw("torchcfm-gaussians", count, seed, source: false, (i, _, normalX, normalY) =>
        {
            (double sine, double cosine) = Math.SinCos(2 * Math.PI * Math.Floor(8.0 * i / count) / 8);
            return (5 * cosine + normalX, 5 * sine + normalY);
        });

    /// <summary>
    /// Tong et al., "moons": scikit-learn's half circles with evenly spaced angles plus N(0, 0.05² I), all times 2, and then 1
    /// taken from the first coordinate.
    /// </summary>
    /// <param name="count">Number of points, at least 4.</param>
    /// <param name="seed">The seed.</param>
    public static Dataset TorchCfmMoons(int count = TorchCfmCount, ulong seed = 0) =>
        Draw("torchcfm-moons", AtLeastFour(count), seed, source: false, (i, _, normalX, normalY) =>
        {
            (double x, double y) = HalfCircles(i, count);
            return (2 * (x + 0.05 * normalX) - 1, 2 * (y + 0.05 * normalY));
        });

    /// <summary>Tong et al., "scurve": 1.5 times the S of <see cref="PlaneData.SCurve"/>, noise of 0.05 included.</summary>
    /// <param name="count">Number of points, at least 2.</param>
    /// <param name="seed">The seed.</param>
    public static Dataset TorchCfmSCurve(int count = TorchCfmCount, ulong seed = 0) =>
        Draw("torchcfm-scurve", count, seed, source: false, (_, uniform, normalX, normalY) =>
        {
            (double x, double y) = PlaneData.SCurveAt(uniform);
            return (1.5 * (x + 0.05 * normalX), 1.5 * (y + 0.05 * normalY));
        });

    /// <summary>
    /// Tong et al., "twodim", where it starts: scikit-learn's half circles with evenly spaced angles plus N(0, 0.1² I); less the one mean of all
    /// values (both coordinates together), over their one standard deviation (with n − 1), times 7.
    /// </summary>
    /// <param name="count">Number of points, at least 4.</param>
    /// <param name="seed">The seed.</param>
    public static Dataset TorchCfmTwoDimSource(int count = TorchCfmCount, ulong seed = 0)
    {
        float[] points = Points(AtLeastFour(count), seed, source: true, (i, _, normalX, normalY) =>
        {
            (double x, double y) = HalfCircles(i, count);
            return (x + 0.1 * normalX, y + 0.1 * normalY);
        });
        double mean = Statistics.Mean(points);
        double deviation = Statistics.StandardDeviation(points) * Math.Sqrt(points.Length / (points.Length - 1.0));
        for (int i = 0; i < points.Length; i++)
            points[i] = (float)((points[i] - mean) / deviation * 7);
        return Raw("torchcfm-twodim-source", 2, points);
    }

    /// <summary>Tong et al., "twodim", where it ends: N(m_k, 1.5² I), m_k = 12 (cos 2πk/8, sin 2πk/8), each mode with probability ⅛.</summary>
    /// <param name="count">Number of points, at least 2.</param>
    /// <param name="seed">The seed.</param>
    public static Dataset TorchCfmTwoDimTarget(int count = TorchCfmCount, ulong seed = 0) =>
        Draw("torchcfm-twodim-target", count, seed, source: false, (_, uniform, normalX, normalY) => EightModes(uniform, 12, 1.5, normalX, normalY));

    /// <summary>
    /// Cheng and Schwing, where it starts: N(m_k, √0.1 I), m_k = 5 (cos 2πk/8, sin 2πk/8), each mode with probability ⅛. √0.1 is the
    /// variance there, so the standard deviation is 0.1^¼ = 0.562.
    /// </summary>
    /// <param name="count">Number of points, at least 2.</param>
    /// <param name="seed">The seed.</param>
    public static Dataset C2otSource(int count = C2otCount, ulong seed = 0) =>
        Draw("c2ot-source", count, seed, source: true, (_, uniform, normalX, normalY) => EightModes(uniform, 5, Math.Pow(0.1, 0.25), normalX, normalY));

    /// <summary>
    /// Cheng and Schwing, where it ends: torchdyn's half circles with evenly spaced angles, each point shifted along (1, 1)
    /// by a uniform number in [0, 0.2) (its "noise" is neither normal nor of mean 0), all times 3 less 1. The label is the moon:
    /// 0 the upper, 1 the lower; their network is given ±1.
    /// </summary>
    /// <remarks>They train on batches of 1,024 made anew, whose angles are the same 512 every time; judged are 10,000 points.</remarks>
    /// <param name="count">Number of points, at least 4.</param>
    /// <param name="seed">The seed.</param>
    public static Dataset C2otMoons(int count = C2otCount, ulong seed = 0)
    {
        float[] points = Points(AtLeastFour(count), seed, source: false, (i, uniform, _, _) =>
        {
            (double x, double y) = HalfCircles(i, count);
            return (3 * (x + 0.2 * uniform) - 1, 3 * (y + 0.2 * uniform) - 1);
        });
        return Raw("c2ot-moons", 2, points, [.. Enumerable.Range(0, count).Select(i => i < count / 2 ? 0 : 1)], ["0", "1"]);
    }

    /// <summary>Shi et al., where it starts: N(−0.1 · 1, I).</summary>
    /// <param name="dimension">Number of columns, at least 1; published are 5, 20 and 50.</param>
    /// <param name="count">Number of points, at least 2.</param>
    /// <param name="seed">The seed.</param>
    public static Dataset DsbmSource(int dimension, int count = DsbmCount, ulong seed = 0) =>
        ShiftedNoise("dsbm-source", dimension, count, seed, -0.1f, RandomStream.SourceNoise);

    /// <summary>Shi et al., where it ends: N(0.1 · 1, I).</summary>
    /// <param name="dimension">Number of columns, at least 1; published are 5, 20 and 50.</param>
    /// <param name="count">Number of points, at least 2.</param>
    /// <param name="seed">The seed.</param>
    public static Dataset DsbmTarget(int dimension, int count = DsbmCount, ulong seed = 0) =>
        ShiftedNoise("dsbm-target", dimension, count, seed, 0.1f, RandomStream.PointNoise);

    /// <summary>
    /// Point i of two half circles without noise: the first ⌊n/2⌋ are (cos θ, sin θ), the others (1 − cos θ, ½ − sin θ), θ evenly spaced
    /// from 0 to π, both included.
    /// </summary>
    private static (double X, double Y) HalfCircles(int i, int count)
    {
        int upper = count / 2;
        double place = i < upper ? i / (upper - 1.0) : (i - upper) / (count - upper - 1.0);
        (double sine, double cosine) = Math.SinCos(Math.PI * place);
        return i < upper ? (cosine, sine) : (1 - cosine, 0.5 - sine);
    }

    private static (double X, double Y) EightModes(double uniform, double radius, double deviation, double normalX, double normalY)
    {
        (double sine, double cosine) = Math.SinCos(2 * Math.PI * Math.Floor(8 * uniform) / 8);
        return (radius * cosine + deviation * normalX, radius * sine + deviation * normalY);
    }

    private static Dataset ShiftedNoise(string name, int dimension, int count, ulong seed, float mean, uint stream)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 2);
        float[] points = new float[checked(count * dimension)];
        for (int i = 0; i < count; i++)
        {
            Span<float> point = points.AsSpan(i * dimension, dimension);
            Noise.Fill(seed, i, point, stream);
            foreach (ref float value in point)
                value += mean;
        }
        return Raw($"{name}:{dimension}", dimension, points);
    }

    private static Dataset Draw(string name, int count, ulong seed, bool source, Func<int, double, double, double, (double X, double Y)> point) =>
        Raw(name, 2, Points(count, seed, source, point));

    /// <summary>Draws points, each by its place, one uniform and two normal numbers.</summary>
    private static float[] Points(int count, ulong seed, bool source, Func<int, double, double, double, (double X, double Y)> point)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 2);
        (uint uniforms, uint normals) = source ? (RandomStream.SourcePoints, RandomStream.SourceNoise) : (RandomStream.Points, RandomStream.PointNoise);
        float[] points = new float[2 * count];
        Span<float> normal = stackalloc float[2];
        for (int i = 0; i < count; i++)
        {
            double uniform = Philox4x32.Uniform(Philox4x32.Block(0, uniforms, (uint)i, 0, seed).X0);
            Noise.Fill(seed, i, normal, normals);
            (double x, double y) = point(i, uniform, normal[0], normal[1]);
            (points[2 * i], points[2 * i + 1]) = ((float)x, (float)y);
        }
        return points;
    }

    /// <summary>A data set whose units are the network's.</summary>
    private static Dataset Raw(string name, int dimension, float[] points, int[]? labels = null, string[]? classNames = null)
    {
        float[][] columns = [.. Enumerable.Range(0, dimension).Select(column => Statistics.Column(points, dimension, column))];
        var card = new DataCard(Mean: [.. columns.Select(c => Statistics.Mean(c))], Scale: [.. columns.Select(c => Statistics.StandardDeviation(c))]);
        return new Dataset(name, [dimension], points, card, labels, classNames);
    }

    private static int AtLeastFour(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 4);
        return count;
    }
}
