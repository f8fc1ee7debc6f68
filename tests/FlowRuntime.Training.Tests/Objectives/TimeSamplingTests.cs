using FlowRuntime.Cards;
using FlowRuntime.Paths;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Objectives;

namespace FlowRuntime.Training.Tests.Objectives;

public sealed class TimeSamplingTests
{
    private static readonly Dataset Data = new("point", [1], [1], new());

    public static TheoryData<TimeSampling> Laws =>
    [
        TimeSampling.Uniform, new LogitNormalTimes(), new LogitNormalTimes { Mean = -0.5, Scale = 0.7 }, new LogitNormalTimes { Mean = 1, Scale = 1.5 },
        new ModeTimes(), new ModeTimes { Shape = 0.8 }, new ModeTimes { Shape = 1.7 }, new ModeTimes { Shape = -0.9 },
        new BetaTimes(1, 1), new BetaTimes(1, 1.5), new BetaTimes(2, 5), new BetaTimes(0.6, 0.8), new BetaTimes(3, 0.7),
    ];

    [Theory, MemberData(nameof(Laws))]
    public void The_quantile_is_the_inverse_of_the_integral_of_the_density(TimeSampling law)
    {
        for (int tenth = 1; tenth < 10; tenth++)
            Assert.Equal(tenth / 10.0, Integral(law.Density, law.Quantile(tenth / 10.0)), 2e-4);
        Assert.Equal(1, Integral(law.Density, 1), 2e-4);
    }

    /// <summary>∫₀^end, by the midpoint rule in w with t = sin²(πw/2), which takes the singular ends away.</summary>
    private static double Integral(Func<double, double> density, double end)
    {
        const int Parts = 4000;
        double step = 2 / Math.PI * Math.Asin(Math.Sqrt(end)) / Parts;
        return Enumerable.Range(0, Parts).Sum(part =>
        {
            (double sine, double cosine) = Math.SinCos(Math.PI / 2 * (part + 0.5) * step);
            return density(sine * sine) * Math.PI * sine * cosine * step;
        });
    }

    [Theory, MemberData(nameof(Laws))]
    public void Times_rise_with_the_share_and_stay_in_the_unit_interval_at_the_least_and_largest_share(TimeSampling law)
    {
        double[] shares = [1.2e-10, 1e-9, 1e-7, 1e-4, 0.3, 0.5, 0.9, 1 - 1e-4, 1 - 1e-7, 1 - 1e-9, 1 - 1.2e-10];
        double[] times = [.. shares.Select(law.Quantile)];
        Assert.All(times, t => Assert.InRange(t, 0, 1));
        Assert.Equal(times.Order(), times);
    }

    [Fact]
    public void Each_law_is_where_its_source_puts_it()
    {
        Assert.Equal(1 / (1 + Math.Exp(-0.8)), new LogitNormalTimes { Mean = 0.8, Scale = 0.3 }.Quantile(0.5), 1e-9); // the median's logit is the mean
        Assert.Equal(Math.Sqrt(0.3), new BetaTimes(2, 1).Quantile(0.3), 1e-6);                                        // P(t) = t²
        Assert.Equal(1 - Math.Sqrt(0.7), new BetaTimes(1, 2).Quantile(0.3), 1e-6);                                    // 1 − P(t) = (1 − t)²
        Assert.Equal(0.5 * (1 - Math.Cos(0.3 * Math.PI)), new BetaTimes(0.5, 0.5).Quantile(0.3), 1e-6);               // the arcsine law
        Assert.True(new ModeTimes { Shape = 1 }.Density(0.5) > 1 && new ModeTimes { Shape = 1 }.Density(0.01) < 1);   // the middle
        Assert.True(new ModeTimes { Shape = -0.5 }.Density(0.5) < 1 && new ModeTimes { Shape = -0.5 }.Density(0.01) > 1); // the ends
        // Esser et al.: noise's share s(u) = 1 − u − shape (cos²(πu/2) − 1 + u); here t = 1 − s, which has the same law by symmetry.
        Assert.Equal(0.2 - 0.8 * (Math.Pow(Math.Cos(0.4 * Math.PI), 2) - 0.2), new ModeTimes { Shape = 0.8 }.Quantile(0.2), 1e-12);
    }

    public static TheoryData<ProbabilityPath, PredictionKind> Ranges => new()
    {
        { new ConditionalOtPath(), PredictionKind.Velocity }, { new ConditionalOtPath(), PredictionKind.Noise }, { new VariancePreservingPath(), PredictionKind.Velocity },
        { new SchrodingerBridgePath(), PredictionKind.Velocity },
    };

    [Theory, MemberData(nameof(Ranges))]
    public void Times_lie_in_the_range_of_the_path_and_all_that_is_drawn_is_finite(ProbabilityPath path, PredictionKind prediction)
    {
        (double start, double end) = path.TimeRange(prediction);
        foreach (TimeSampling law in new TimeSampling[] { TimeSampling.Uniform, new BetaTimes(0.05, 0.05), new LogitNormalTimes { Scale = 20 } })
        {
            TrainingBatch batch = new ConditionalFlowMatching(Data, new FlowMatchingOptions { Path = path, Prediction = prediction, Times = law }, seed: 1).Draw(0, 2000);
            Assert.All(batch.Times, t => Assert.InRange(t, (float)start, (float)end));
            Assert.All([.. batch.States, .. batch.Targets, .. batch.Weights ?? []], value => Assert.True(float.IsFinite(value)));
        }
        TrainingBatch narrow = new ConditionalFlowMatching(Data, new FlowMatchingOptions { Path = path, Prediction = prediction, TimeRange = (0.3, 0.4) }, seed: 1).Draw(0, 2000);
        Assert.All(narrow.Times, t => Assert.InRange(t, 0.3f, 0.4f));
        SampleMean.Of([.. narrow.Times.Select(t => (double)t)]).IsAt(0.35);
        SampleMean.Of([.. narrow.Times.Select(t => Math.Pow(t - 0.35, 2))]).IsAt(0.01 / 12);
    }

    [Theory, MemberData(nameof(Laws))]
    public void Stratified_times_have_one_row_in_each_part_of_the_law_and_keep_the_law(TimeSampling law)
    {
        const int Rows = 10, Steps = 200;
        ConditionalFlowMatching objective = new(Data, new FlowMatchingOptions { Times = law with { Stratified = true } }, seed: 2);
        float[] bounds = [.. Enumerable.Range(1, Rows - 1).Select(part => (float)law.Quantile(part / (double)Rows))];
        var perBatch = new List<double>();
        var places = new List<double>(); // of the rows in the middle parts, from 0 to 1
        for (int step = 0; step < Steps; step++)
        {
            float[] times = objective.Draw(step, Rows).Times;
            Assert.Equal(Enumerable.Range(0, Rows), times.Select(t => bounds.Count(bound => t > bound)).Order());
            perBatch.Add(times.Average(t => (double)t));
            float middle = times.Order().ElementAt(4);
            places.Add(Integral(law.Density, middle, bounds[3]) * Rows);
        }
        SampleMean.Of(places).IsAt(0.5, allowed: 1e-3);
        SampleMean.Of([.. places.Select(place => place * place)]).IsAt(1.0 / 3, allowed: 1e-3);

        double[] plain = [.. Enumerable.Range(0, Steps).Select(step =>
            new ConditionalFlowMatching(Data, new FlowMatchingOptions { Times = law }, seed: 2).Draw(step, Rows).Times.Average(t => (double)t))];
        Assert.True(SampleMean.Of(perBatch).Error < 0.4 * SampleMean.Of(plain).Error, "the mean varies less from batch to batch");

        static double Integral(Func<double, double> density, double end, double start) => // Simpson's rule with 8 parts
            Enumerable.Range(0, 9).Sum(i => density(start + (end - start) * i / 8) * (i is 0 or 8 ? 1 : i % 2 == 0 ? 2 : 4)) * (end - start) / 24;
    }

    public static TheoryData<TimeSampling> Weightable =>
    [
        TimeSampling.Uniform, new ModeTimes { Shape = 0.8 }, new ModeTimes { Shape = 1.7 }, new ModeTimes { Shape = -0.9 },
        new BetaTimes(1, 1.5), new BetaTimes(1.3, 0.8), new BetaTimes(0.6, 0.7),
    ];

    [Theory, MemberData(nameof(Weightable))]
    public void Importance_weights_give_back_the_mean_over_uniform_times(TimeSampling law)
    {
        const int Rows = 10_000;
        TrainingBatch batch = new ConditionalFlowMatching(Data, new FlowMatchingOptions { Times = law with { ImportanceWeighted = true } }, seed: 3).Draw(0, Rows);
        Assert.All(batch.Weights!, weight => Assert.True(float.IsFinite(weight)));
        SampleMean.Of([.. batch.Weights!.Select(w => (double)w)]).IsAt(1, allowed: 1e-6);
        SampleMean.Of([.. batch.Weights!.Zip(batch.Times, (w, t) => (double)w * t * t)]).IsAt(1.0 / 3);
        Assert.Null(new ConditionalFlowMatching(Data, new FlowMatchingOptions { Times = law }, seed: 3).Draw(0, 4).Weights);
    }

    [Fact]
    public void Importance_weights_stretch_with_the_range_and_multiply_the_predictions()
    {
        var options = new FlowMatchingOptions { TimeRange = (0.2, 0.6), Prediction = PredictionKind.Noise, Times = new ModeTimes { Shape = 0.8, ImportanceWeighted = true } };
        TrainingBatch batch = new ConditionalFlowMatching(Data, options, seed: 3).Draw(0, 10_000);
        // On the linear path the noise's weight is 1/t²: the mean of w t^4 is that of t² over uniform times of the range.
        SampleMean.Of([.. batch.Weights!.Zip(batch.Times, (w, t) => (double)w * t * t * t * t)]).IsAt((0.216 - 0.008) / 3 / 0.4);
    }

    public static TheoryData<TimeSampling> Unweightable => [new LogitNormalTimes(), new BetaTimes(2, 1), new BetaTimes(1, 2), new BetaTimes(0.5, 5)];

    [Theory, MemberData(nameof(Unweightable))]
    public void Importance_weights_of_infinite_variance_are_refused_with_the_cure(TimeSampling law)
    {
        var e = Assert.Throws<ArgumentException>(() => law with { ImportanceWeighted = true });
        Assert.Contains("Leave them out, or draw times by another law", e.Message);
        Assert.Contains("infinite", e.Message);
        Assert.False((law with { ImportanceWeighted = false }).ImportanceWeighted);
    }

    [Fact]
    public void Parameters_outside_their_range_are_refused()
    {
        foreach (double bad in new[] { double.NaN, double.PositiveInfinity })
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => new LogitNormalTimes { Mean = bad });
            Assert.Throws<ArgumentOutOfRangeException>(() => new LogitNormalTimes { Scale = bad });
            Assert.Throws<ArgumentOutOfRangeException>(() => new ModeTimes { Shape = bad });
            Assert.Throws<ArgumentOutOfRangeException>(() => new BetaTimes(bad, 1));
            Assert.Throws<ArgumentOutOfRangeException>(() => new BetaTimes(1, bad));
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => new LogitNormalTimes { Scale = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ModeTimes { Shape = -1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ModeTimes { Shape = 1.76 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new BetaTimes(0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BetaTimes(1, -1));
    }
}
