using FlowRuntime.Training.Data;

namespace FlowRuntime.Training.Tests;

/// <summary>Data sets in the plane against what their definitions imply: supports, shares and moments in closed form.</summary>
public class PlaneDataTests
{
    private const int Count = 20_000;

    private static readonly Dictionary<string, Func<int, ulong, Dataset>> Sets = new()
    {
        ["moons"] = PlaneData.Moons,
        ["8gaussians"] = PlaneData.EightGaussians,
        ["s-curve"] = PlaneData.SCurve,
        ["checkerboard"] = PlaneData.Checkerboard,
        ["spirals"] = PlaneData.Spirals,
        ["pinwheel"] = PlaneData.Pinwheel,
        ["swiss-roll"] = PlaneData.SwissRoll,
        ["gaussian:3"] = (count, seed) => GaussianData.Load(3, count, seed),
    };

    public static TheoryData<string> Names => [.. Sets.Keys];

    /// <summary>The shipped models were trained on these points; the values are those of the data sets then.</summary>
    [Fact]
    public void Moons_and_eight_gaussians_are_still_the_points_that_the_shipped_models_learnt()
    {
        double[] moons = [0.11548155, 1.1828293, 1.3624904, -0.8832989], gaussians = [-0.05941892, 1.5296997, -0.011895328, -1.3242277];
        Assert.All(moons.Zip(PlaneData.Moons().Values), pair => Assert.Equal(pair.First, pair.Second, 1e-6));
        Assert.All(gaussians.Zip(PlaneData.EightGaussians().Values), pair => Assert.Equal(pair.First, pair.Second, 1e-6));
        Assert.Equal([-1.6463246, -0.29827687], PlaneData.Moons().Values[20_000..20_002].Select(value => (double)value), (a, b) => Math.Abs(a - b) < 1e-6);
    }

    [Theory, MemberData(nameof(Names))]
    public void A_point_depends_on_its_index_and_the_seed_but_not_on_how_many_there_are(string name)
    {
        Dataset few = Sets[name](50, 7), many = Sets[name](200, 7), other = Sets[name](50, 8);
        float[] fewValues = few.InDataUnits(), manyValues = many.InDataUnits(), otherValues = other.InDataUnits();
        for (int i = 0; i < fewValues.Length; i++)
            Assert.Equal(fewValues[i], manyValues[i], 1e-5f); // the standardisation of the sample rounds differently
        Assert.True(fewValues.Zip(otherValues).Count(pair => Math.Abs(pair.First - pair.Second) > 1e-3) > 0.9 * fewValues.Length);
        Assert.Equal(name, few.Name);
        Assert.Throws<ArgumentOutOfRangeException>(() => Sets[name](1, 0));
    }

    [Fact]
    public void The_s_curve_is_two_circles_of_radius_one_met_in_the_middle_with_noise_of_a_twentieth()
    {
        // (sin θ, ±(cos θ − 1)) lies on the circle of radius 1 about (0, −1) for θ > 0 and about (0, 1) for θ < 0.
        (double X, double Y)[] points = Points("s-curve");
        double[] offsets = [.. points.Select(p => Radius(p.X, p.Y + (p.Y < 0 ? 1 : -1)) - 1)];
        Assert.InRange(offsets.Max(Math.Abs), 0.1, 0.3);
        Within(0.0025, offsets.Select(o => o * o), slack: 0.0001); // the middle, where the circles meet, folds a little
        Within(0, points.Select(p => p.X));
        Within(0, points.Select(p => p.Y));
        Within(0.5 + 0.0025, points.Select(p => p.X * p.X)); // E sin²θ = ½
        Within(1.5 + 4 / (3 * Math.PI) + 0.0025, points.Select(p => p.Y * p.Y)); // E (cos θ − 1)² = ½ + 1 − 2 E cos θ, E cos θ = −2/(3π)
        Assert.DoesNotContain(points, p => p.X * Math.Sign(p.Y) > 0.3 && Math.Abs(p.Y) is > 0.3 and < 0.7); // each circle lacks a quarter
    }

    [Fact]
    public void The_checkerboard_fills_the_eight_even_cells_alike_and_no_other()
    {
        (double X, double Y)[] points = Points("checkerboard");
        const double rounding = 1e-5;
        Assert.All(points, p => Assert.True(Math.Abs(p.X) <= 4 + rounding && Math.Abs(p.Y) <= 4 + rounding));
        (double X, double Y)[] inside = [.. points.Where(p => Math.Min(EdgeDistance(p.X), EdgeDistance(p.Y)) > rounding)];
        Assert.InRange(inside.Length, Count - 20, Count);
        var cells = inside.GroupBy(p => ((int)Math.Floor(p.X / 2), (int)Math.Floor(p.Y / 2))).ToList();
        Assert.Equal(8, cells.Count);
        Assert.All(cells, cell => Assert.Equal(0, (cell.Key.Item1 + cell.Key.Item2 + 4) % 2));
        Assert.All(cells, cell => AssertShare(1.0 / 8, cell.Count()));
        foreach (var cell in cells)
        {
            Within(2 * cell.Key.Item1 + 1, cell.Select(p => p.X)); // uniform: mean in the middle, variance 2²/12
            Within(2 * cell.Key.Item2 + 1, cell.Select(p => p.Y));
            Within(1.0 / 3, cell.Select(p => Math.Pow(p.X - 2 * cell.Key.Item1 - 1, 2)));
            Within(1.0 / 3, cell.Select(p => Math.Pow(p.Y - 2 * cell.Key.Item2 - 1, 2)));
            Within(0, cell.Select(p => (p.X - 2 * cell.Key.Item1 - 1) * (p.Y - 2 * cell.Key.Item2 - 1)));
        }

        static double EdgeDistance(double value) => Math.Abs(value / 2 - Math.Round(value / 2)) * 2;
    }

    [Fact]
    public void Spirals_lie_along_two_opposite_arms_of_equal_shares()
    {
        (double X, double Y)[] points = Points("spirals");
        // On an arm the radius tells the angle: θ = 3r, at the polar angle π − θ, or −θ on the opposite arm.
        double[] turns = [.. points.Where(p => Radius(p.X, p.Y) is > 1 and < 3)
            .Select(p => Math.IEEERemainder(Math.PI - 3 * Radius(p.X, p.Y) - Math.Atan2(p.Y, p.X), 2 * Math.PI))];
        // A radius wrong by the noise of 0.1 turns this by 0.3, and the noise across the arm turns it by at most 0.1.
        AssertShare(0.5, turns.Count(turn => Math.Abs(turn) < Math.PI / 2), turns.Length);
        Assert.InRange(Math.Sqrt(turns.Average(turn => Math.Pow(Math.IEEERemainder(turn, Math.PI), 2))), 0.28, 0.34);
        Within(Math.PI * Math.PI / 2 + 0.02, points.Select(p => p.X * p.X + p.Y * p.Y)); // r² = π² u + noise
        Within(0, points.Select(p => p.X));
        Within(0, points.Select(p => p.Y));
        Assert.InRange(points.Max(p => Radius(p.X, p.Y)), Math.PI, Math.PI + 0.5);
    }

    [Fact]
    public void The_pinwheel_straightened_is_five_equal_gaussian_arms()
    {
        (double X, double Y)[] points = Points("pinwheel");
        // Guess an arm, turn the point back by the angle that its length along the arm implies, and keep the arm that agrees.
        List<(double Along, double Across)>[] arms = [[], [], [], [], []];
        foreach ((double x, double y) in points)
        {
            var (k, along, across) = Enumerable.Range(0, 5).Select(k => Straightened(x / 2, y / 2, k)).MinBy(guess => Math.Abs(guess.Across));
            arms[k].Add((along, across));
        }
        Assert.All(arms, arm => AssertShare(1.0 / 5, arm.Count, slack: 0.001)); // the few points at the hub may be taken for another arm
        var all = arms.SelectMany(arm => arm).ToArray();
        Within(1, all.Select(a => a.Along), slack: 0.001);
        Within(0.09, all.Select(a => (a.Along - 1) * (a.Along - 1)), slack: 0.001);
        Within(0.01, all.Select(a => a.Across * a.Across), slack: 0.0003);
        Within(4 * (1 + 0.09 + 0.01), points.Select(p => p.X * p.X + p.Y * p.Y)); // turning keeps lengths

        static (int Arm, double Along, double Across) Straightened(double x, double y, int k)
        {
            double along = Radius(x, y), across = 0;
            for (int i = 0; i < 50; i++) // a fixed point: the angle needs the length along the arm, which the angle gives
            {
                (double sine, double cosine) = Math.SinCos(2 * Math.PI * k / 5 + 0.25 * Math.Exp(along));
                (along, across) = (0.5 * along + 0.5 * (x * cosine - y * sine), x * sine + y * cosine);
            }
            return (k, along, along > 0 ? across : double.MaxValue);
        }
    }

    [Fact]
    public void The_swiss_roll_winds_once_and_a_half_with_noise_of_a_fifth()
    {
        (double X, double Y)[] points = Points("swiss-roll");
        double[] offsets = [.. points.Select(p => Enumerable.Range(0, 600)
            .Select(i => 1.5 * Math.PI * (1 + 2 * i / 599.0))
            .Min(angle => Radius(p.X - angle / 5 * Math.Cos(angle), p.Y - angle / 5 * Math.Sin(angle))))];
        Assert.InRange(Math.Sqrt(offsets.Average(o => o * o)), 0.18, 0.2); // 0.2 but where the next winding or an end is nearer
        double inner = 1.5 * Math.PI, outer = 4.5 * Math.PI;
        Within((Math.Pow(outer, 3) - Math.Pow(inner, 3)) / (3 * (outer - inner)) / 25 + 2 * 0.04, points.Select(p => p.X * p.X + p.Y * p.Y));
        // ∫ θ cos θ = [θ sin θ + cos θ], ∫ θ sin θ = [sin θ − θ cos θ], over a length of 3π.
        Within((outer * Math.Sin(outer) - inner * Math.Sin(inner)) / (15 * Math.PI), points.Select(p => p.X));
        Within((Math.Sin(outer) - Math.Sin(inner)) / (15 * Math.PI), points.Select(p => p.Y));
    }

    [Theory, InlineData("s-curve"), InlineData("checkerboard"), InlineData("spirals"), InlineData("pinwheel"), InlineData("swiss-roll")]
    public void Points_in_the_networks_units_are_standardised_by_column(string name)
    {
        Dataset data = Sets[name](5000, 3);
        for (int column = 0; column < 2; column++)
        {
            float[] values = Statistics.Column(data.Values, 2, column);
            Assert.Equal(0, values.Average(v => (double)v), 1e-5);
            Assert.Equal(1, Math.Sqrt(values.Average(v => (double)v * v)), 1e-5);
        }
    }

    [Fact]
    public void Gaussian_columns_have_their_means_scales_and_correlations()
    {
        const int dimension = 5;
        Dataset data = GaussianData.Load(dimension, Count, seed: 2);
        float[] values = data.InDataUnits();
        float[][] network = [.. Enumerable.Range(0, dimension).Select(c => Statistics.Column(data.Values, dimension, c))];
        for (int i = 0; i < dimension; i++)
        {
            Within(1, Statistics.Column(values, dimension, i).Select(v => (double)v));
            Within(4, Statistics.Column(values, dimension, i).Select(v => (v - 1.0) * (v - 1.0)));
            for (int j = 0; j < dimension; j++)
                Within(Math.Pow(0.8, Math.Abs(i - j)), network[i].Zip(network[j], (a, b) => (double)a * b));
        }
        Assert.Equal(["x0", "x1", "x2", "x3", "x4"], data.Card.Columns!.Names);
        Assert.Contains("gaussian:8", Assert.Throws<ArgumentOutOfRangeException>(() => GaussianData.Load(0)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => GaussianData.Load(5000));
    }

    /// <summary>The mean of a sample lies within five standard errors of its expectation.</summary>
    internal static void Within(double expected, IEnumerable<double> sample, double slack = 0)
    {
        double[] values = [.. sample];
        double mean = values.Average(), error = Math.Sqrt(values.Average(v => (v - mean) * (v - mean)) / values.Length);
        Assert.InRange(mean, expected - 5 * error - slack, expected + 5 * error + slack);
    }

    /// <summary>A count lies within five standard deviations of its binomial expectation.</summary>
    internal static void AssertShare(double share, int count, int of = Count, double slack = 0)
    {
        double deviation = 5 * Math.Sqrt(share * (1 - share) / of) + slack;
        Assert.InRange((double)count / of, share - deviation, share + deviation);
    }

    private static (double X, double Y)[] Points(string name)
    {
        float[] values = Sets[name](Count, 1).InDataUnits();
        return [.. Enumerable.Range(0, Count).Select(i => ((double)values[2 * i], (double)values[2 * i + 1]))];
    }

    private static double Radius(double x, double y) => Math.Sqrt(x * x + y * y);
}
