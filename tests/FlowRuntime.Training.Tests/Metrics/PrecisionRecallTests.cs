using FlowRuntime.Training.Metrics;

namespace FlowRuntime.Training.Tests.Metrics;

/// <summary>Precision and recall by the balls of third neighbours.</summary>
public class PrecisionRecallTests
{
    [Fact]
    public void They_are_the_shares_that_brute_force_counts()
    {
        float[] real = Points.Normal(60, 2, seed: 1), generated = Points.Normal(50, 2, seed: 2, deviation: 1.6);
        PrecisionRecall found = PrecisionRecall.Of(real, generated, 2);
        Assert.Equal(Share(real, generated), found.Precision);
        Assert.Equal(Share(generated, real), found.Recall);
        Assert.InRange(found.Precision, 0.1, 0.99); // neither all nor none, or nothing was tested
        Assert.InRange(found.Recall, 0.1, 0.99);
    }

    [Fact]
    public void A_model_that_leaves_a_mode_out_loses_recall_and_one_that_adds_a_mode_loses_precision()
    {
        float[] one = Points.Normal(100, 2, seed: 3, deviation: 0.1), other = Points.Normal(100, 2, seed: 4, mean: 10, deviation: 0.1);
        PrecisionRecall without = PrecisionRecall.Of([.. one, .. other], one, 2), more = PrecisionRecall.Of(one, [.. one, .. other], 2);
        Assert.Equal((1, 0.5), (without.Precision, without.Recall));
        Assert.Equal((0.5, 1), (more.Precision, more.Recall));
    }

    [Fact]
    public void Too_few_rows_are_refused() =>
        Assert.Contains("at least 4", Assert.Throws<ArgumentException>(() => PrecisionRecall.Of(Points.Normal(3, 2, seed: 1), Points.Normal(9, 2, seed: 2), 2)).Message, StringComparison.Ordinal);

    private static double Share(float[] references, float[] rows)
    {
        float[][] balls = [.. references.Chunk(2)];
        double[] radii = [.. balls.Select((centre, i) => balls.Where((_, j) => j != i).Select(other => Distance(centre, other)).Order().ElementAt(2))];
        return rows.Chunk(2).Average(row => balls.Where((centre, i) => Distance(centre, row) <= radii[i]).Any() ? 1.0 : 0.0);
    }

    private static double Distance(float[] a, float[] b) => Math.Sqrt(Math.Pow(a[0] - b[0], 2) + Math.Pow(a[1] - b[1], 2));
}
