using FlowRuntime.Training.Data;

namespace FlowRuntime.Training.Tests;

public class DataTests
{
    [Fact]
    public void The_digits_are_the_1797_of_the_UCI_test_set()
    {
        Dataset digits = Digits.Load();
        int[] published = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180];
        Assert.Equal(1797, digits.Count);
        Assert.Equal(published, Enumerable.Range(0, 10).Select(label => digits.Labels!.Count(l => l == label)));
        Assert.Equal([1, 8, 8], digits.Shape);
    }

    [Fact]
    public void Digits_in_their_own_units_are_the_seventeen_grey_levels_of_the_file()
    {
        float[] values = Digits.Load().InDataUnits();
        Assert.All(values, value => Assert.Equal(Math.Round(value * 16), value * 16, 1e-5));
        // The first row of the file: 0,0,5,13,9,1,0,0,…
        Assert.Equal([0, 0, 5, 13, 9, 1, 0, 0], values[..8].Select(value => (int)Math.Round(value * 16)));
    }

    [Fact]
    public void A_split_holds_out_a_fifth_and_loses_no_row()
    {
        Dataset digits = Digits.Load();
        DataSplit split = DataSplit.Of(digits);
        Assert.Equal(359, split.HeldOut.Count);
        Assert.Equal(1438, split.Train.Count);
        Assert.Equal(Rows(digits), Rows(split.Train).Concat(Rows(split.HeldOut)).Order());
        Assert.Equal(Rows(split.HeldOut, ordered: false), Rows(DataSplit.Of(digits).HeldOut, ordered: false)); // always the same

        static IEnumerable<string> Rows(Dataset data, bool ordered = true)
        {
            IEnumerable<string> rows = Enumerable.Range(0, data.Count).Select(i => $"{data.Labels![i]}:{string.Join(',', data[i].ToArray())}");
            return ordered ? rows.Order() : rows;
        }
    }

    [Fact]
    public void Moons_lie_on_two_half_circles_with_noise_of_a_twentieth()
    {
        float[] points = PlaneData.Moons(20_000).InDataUnits();
        double[] offsets = [.. Pairs(points).Select(p => Math.Min(
            Math.Abs(Radius(p.X, p.Y) - 1) + (p.Y < -0.25 ? 9 : 0),
            Math.Abs(Radius(p.X - 1, p.Y - 0.5) - 1) + (p.Y > 0.75 ? 9 : 0)))];
        Assert.True(offsets.Max() < 0.3, $"a point lies {offsets.Max()} from both circles");
        // The distance from a circle is |N(0, 0.05²)|, whose root mean square is 0.05; the nearer circle and the ends lower it a little.
        Assert.InRange(Math.Sqrt(offsets.Average(o => o * o)), 0.045, 0.0505);
    }

    [Fact]
    public void Eight_gaussians_share_the_points_evenly_with_standard_deviation_three_tenths()
    {
        float[] points = PlaneData.EightGaussians(20_000).InDataUnits();
        var modes = Pairs(points).GroupBy(p => (int)Math.Round(Math.Atan2(p.Y, p.X) / (Math.PI / 4) + 8) % 8).ToList();
        Assert.Equal(8, modes.Count);
        foreach (var mode in modes)
        {
            (double x, double y) = (4 * Math.Cos(mode.Key * Math.PI / 4), 4 * Math.Sin(mode.Key * Math.PI / 4));
            Assert.InRange(mode.Count(), 2500 - 5 * 47, 2500 + 5 * 47); // binomial: √(20000 · 1/8 · 7/8) = 47
            Assert.InRange(Math.Sqrt(mode.Average(p => ((p.X - x) * (p.X - x) + (p.Y - y) * (p.Y - y)) / 2)), 0.29, 0.31);
        }
    }

    [Theory, InlineData("moons"), InlineData("8gaussians")]
    public void Points_in_the_networks_units_are_standardised_by_column(string name)
    {
        Dataset data = name == "moons" ? PlaneData.Moons(5000, seed: 3) : PlaneData.EightGaussians(5000, seed: 3);
        for (int column = 0; column < 2; column++)
        {
            float[] values = Statistics.Column(data.Values, 2, column);
            Assert.Equal(0, values.Average(v => (double)v), 1e-5);
            Assert.Equal(1, Math.Sqrt(values.Average(v => (double)v * v)), 1e-5);
        }
    }

    [Fact]
    public void Another_seed_draws_other_points_and_the_same_seed_the_same()
    {
        Assert.Equal(PlaneData.Moons(100, seed: 1).Values, PlaneData.Moons(100, seed: 1).Values);
        Assert.NotEqual(PlaneData.Moons(100, seed: 1).Values, PlaneData.Moons(100, seed: 2).Values);
    }

    [Fact]
    public void Rows_that_cannot_be_learnt_are_refused_by_name()
    {
        Assert.Contains("row 1", Assert.Throws<ArgumentException>(() => new Dataset("d", [2], [0, 0, 0, float.NaN], new())).Message);
        Assert.Contains("label 3", Assert.Throws<ArgumentException>(() => new Dataset("d", [1], [0, 0], new(), [0, 3], ["a", "b"])).Message);
        Assert.Contains("no whole number of rows", Assert.Throws<ArgumentException>(() => new Dataset("d", [2], [0, 0, 0], new())).Message);
    }

    private static double Radius(double x, double y) => Math.Sqrt(x * x + y * y);

    private static IEnumerable<(double X, double Y)> Pairs(float[] points) =>
        Enumerable.Range(0, points.Length / 2).Select(i => ((double)points[2 * i], (double)points[2 * i + 1]));
}
