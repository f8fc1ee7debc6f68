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

    /// <summary>
    /// An S: (sin θ, sgn(θ)(cos θ − 1)), θ uniform in [−3π/2, 3π/2], plus N(0, 0.05² I). These are columns 0 and 2 of
    /// scikit-learn's <c>make_s_curve(noise=0.05)</c>.
    /// </summary>
    /// <param name="count">Number of points, at least 2.</param>
    /// <param name="seed">The seed.</param>
    public static Dataset SCurve(int count = DefaultCount, ulong seed = 0) => Draw("s-curve", count, seed, noise: 0.05, (_, place) => SCurveAt(place));

    /// <summary>
    /// The eight cells of side 2 of the square [−4, 4]² in which ⌊x/2⌋ + ⌊y/2⌋ is even; uniform in them (each with
    /// probability ⅛), without noise.
    /// </summary>
    /// <param name="count">Number of points, at least 2.</param>
    /// <param name="seed">The seed.</param>
    public static Dataset Checkerboard(int count = DefaultCount, ulong seed = 0) => Draw("checkerboard", count, seed, noise: 0, (choice, place) =>
    {
        double x = 8 * place - 4;
        double odd = Math.Abs(Math.Floor(x / 2) % 2);
        double lower = Math.Floor(2 * choice); // which of the column's two cells
        return (x, 2 * (2 * choice - lower + odd - 2 * lower));
    });

    /// <summary>
    /// Two arms of an Archimedean spiral that starts in the middle: ±(θ/3)(−cos θ, sin θ), θ = 3π√u with u uniform in
    /// [0, 1], each sign with probability ½, plus N(0, 0.1² I). One turn and a half, out to the radius π.
    /// </summary>
    /// <param name="count">Number of points, at least 2.</param>
    /// <param name="seed">The seed.</param>
    public static Dataset Spirals(int count = DefaultCount, ulong seed = 0) => Draw("spirals", count, seed, noise: 0.1, (choice, place) =>
    {
        double angle = 3 * Math.PI * Math.Sqrt(place), radius = choice < 0.5 ? angle / 3 : -angle / 3;
        (double sine, double cosine) = Math.SinCos(angle);
        return (-radius * cosine, radius * sine);
    });

    /// <summary>
    /// Five bent arms, each with probability ⅕. With a = 1 + 0.3 z₁, b = 0.1 z₂, z ~ N(0, I), and
    /// φ = 2πk/5 + ¼ exp(a), the point is 2 (a cos φ + b sin φ, b cos φ − a sin φ): (2a, 2b) turned clockwise by φ.
    /// </summary>
    /// <param name="count">Number of points, at least 2.</param>
    /// <param name="seed">The seed.</param>
    public static Dataset Pinwheel(int count = DefaultCount, ulong seed = 0) => Draw("pinwheel", count, seed, (choice, _, normalX, normalY) =>
    {
        double along = 1 + 0.3 * normalX, across = 0.1 * normalY;
        (double sine, double cosine) = Math.SinCos(2 * Math.PI * Math.Floor(5 * choice) / 5 + 0.25 * Math.Exp(along));
        return (2 * (along * cosine + across * sine), 2 * (across * cosine - along * sine));
    });

    /// <summary>
    /// A spiral of one turn and a half: (θ/5)(cos θ, sin θ), θ uniform in [3π/2, 9π/2], plus N(0, 0.2² I). These are columns 0 and
    /// 2 of scikit-learn's <c>make_swiss_roll(noise=1)</c>, divided by 5.
    /// </summary>
    /// <param name="count">Number of points, at least 2.</param>
    /// <param name="seed">The seed.</param>
    public static Dataset SwissRoll(int count = DefaultCount, ulong seed = 0) => Draw("swiss-roll", count, seed, noise: 0.2, (_, place) =>
    {
        double angle = 1.5 * Math.PI * (1 + 2 * place);
        (double sine, double cosine) = Math.SinCos(angle);
        return (angle / 5 * cosine, angle / 5 * sine);
    });

    /// <summary>A point of the S, from one end (0) to the other (1).</summary>
    internal static (double X, double Y) SCurveAt(double place)
    {
        double angle = 3 * Math.PI * (place - 0.5);
        (double sine, double cosine) = Math.SinCos(angle);
        return (sine, Math.Sign(angle) * (cosine - 1));
    }

    /// <summary>Draws points: a centre by two uniform numbers, plus Gaussian noise.</summary>
    private static Dataset Draw(string name, int count, ulong seed, double noise, Func<double, double, (double X, double Y)> centre) =>
        Draw(name, count, seed, (choice, place, normalX, normalY) =>
        {
            (double x, double y) = centre(choice, place);
            return (x + noise * normalX, y + noise * normalY);
        });

    /// <summary>Draws points, each by two uniform and two normal numbers, and standardises them.</summary>
    private static Dataset Draw(string name, int count, ulong seed, Func<double, double, double, double, (double X, double Y)> point)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 2);
        float[] points = new float[2 * count];
        Span<float> normal = stackalloc float[2];
        for (int i = 0; i < count; i++)
        {
            var words = Philox4x32.Block(0, RandomStream.Points, (uint)i, 0, seed);
            Noise.Fill(seed, i, normal, RandomStream.PointNoise);
            (double x, double y) = point(Philox4x32.Uniform(words.X0), Philox4x32.Uniform(words.X1), normal[0], normal[1]);
            (points[2 * i], points[2 * i + 1]) = ((float)x, (float)y);
        }
        float[][] columns = [Statistics.Column(points, 2, 0), Statistics.Column(points, 2, 1)];
        var card = new DataCard(
            Columns: new ColumnsCard(["x", "y"], [.. columns.Select(c => Statistics.Mean(c))], [.. columns.Select(c => Statistics.StandardDeviation(c))]),
            Mean: [0], Scale: [1]);
        DataTransform.ToNetworkUnits(card, points);
        return new Dataset(name, [2], points, card);
    }
}
