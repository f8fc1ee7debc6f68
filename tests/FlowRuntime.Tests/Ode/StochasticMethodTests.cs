using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>Methods with noise: the flow itself without churn, and the flow's own law at every time with it.</summary>
public class StochasticMethodTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(0.2, 0.9)]
    public void Without_churn_Euler_Maruyama_is_Euler_bit_for_bit(double start, double end) =>
        AssertSameBits(StochasticMethod.EulerMaruyama(0), ButcherTableau.Euler, start, end);

    [Fact]
    public void Without_churn_the_churned_method_is_Heun_bit_for_bit_where_noise_is_left() =>
        AssertSameBits(StochasticMethod.ChurnedHeun(0), ButcherTableau.Heun, 0, 0.9);

    [Fact]
    public void Its_step_to_pure_data_is_Euler_s()
    {
        float[] before = Solve.One(GaussianFlow.Eight.Field, new FixedSteps(ButcherTableau.Heun, 9), 0, 0.9, 0.5f, 1);
        float[] last = Solve.One(GaussianFlow.Eight.Field, new FixedSteps(ButcherTableau.Euler, 1), 0.9, 1, before);
        float[] all = Solve.One(GaussianFlow.Eight.Field, new FixedSteps(StochasticMethod.ChurnedHeun(0), 10), 0, 1, 0.5f, 1);
        Assert.Equal(last[0], all[0], 1e-5);
        Assert.Equal(last[1], all[1], 1e-5);
    }

    public static TheoryData<string, double, int> MethodsChurnsAndFlows => new()
    {
        { "euler-maruyama", 0.5, 1 },
        { "euler-maruyama", 1, 8 },
        { "euler-maruyama", 2, 1 },
        { "churned-heun", 10, 8 },
        { "churned-heun", 40, 1 },
        { "churned-heun", 1000, 8 },
    };

    /// <summary>At t the law is that of t x1 + (1 − t) x0: mean t m, covariance (1 − t)² + t² (s² + that of the means).</summary>
    [Theory, MemberData(nameof(MethodsChurnsAndFlows))]
    public void The_mean_and_the_covariance_at_every_time_are_those_of_the_path(string method, double churn, int gaussians)
    {
        const int Count = 4000, Steps = 100;
        double[] times = [0.3, 0.7, 1];
        GaussianFlow flow = gaussians == 1 ? GaussianFlow.One : GaussianFlow.Eight;
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(flow.Field, new FixedSteps(Churned(method, churn), Steps), Count, slots: 1000) with
        {
            TrajectoryTimes = times,
            Seed = 5,
        }).EnsureSuccess();

        for (int at = 0; at < times.Length; at++)
        {
            double t = times[at];
            double[][] points = [.. Enumerable.Range(0, Count).Select(i => (double[])[batch.Trajectories[2 * (3 * i + at)], batch.Trajectories[2 * (3 * i + at) + 1]])];
            double[] expectedMean = [t * flow.Means.Average(m => m[0]), t * flow.Means.Average(m => m[1])];
            double spread = flow.Means.Average(m => m[0] * m[0]) - Math.Pow(flow.Means.Average(m => m[0]), 2); // alike in x and y
            double variance = (1 - t) * (1 - t) + t * t * (flow.Scale * flow.Scale + spread);
            double[] mean = [points.Average(p => p[0]), points.Average(p => p[1])];
            for (int i = 0; i < 2; i++)
            {
                Assert.Equal(expectedMean[i], mean[i], 4 * Math.Sqrt(variance / Count) + 0.004);
                for (int j = i; j < 2; j++)
                {
                    // Standard error of a normal variance √(2/n) of it; the steps' own error comes on top.
                    double covariance = points.Average(p => (p[i] - mean[i]) * (p[j] - mean[j]));
                    Assert.Equal(i == j ? variance : 0, covariance, variance * (4 * Math.Sqrt(2.0 / Count) + (method[0] == 'e' ? 0.04 : 0.01)));
                }
            }
        }
    }

    [Theory]
    [InlineData("euler-maruyama")]
    [InlineData("churned-heun")]
    public void The_noise_depends_on_seed_sample_and_step_alone(string method)
    {
        var solver = new FixedSteps(SolverMethod.Named(method), 10);
        OdeProblem problem = Solve.Problem(GaussianFlow.Eight.Field, solver, count: 60, slots: 64) with { Seed = 3 };
        SampleBatch batch = OdeSolver.Solve(problem);
        foreach ((int slots, int workers, int first) in new[] { (1, 1, 0), (7, 3, 0), (64, 1, 20), (5, 2, 41) })
        {
            SampleBatch part = OdeSolver.Solve(problem with { Slots = slots, Workers = workers, First = first, Count = 60 - first });
            Assert.True(Solve.SameBits(batch.Values.AsSpan(2 * first), part.Values));
        }
        // Other seeds, and the same start in other samples, take other ways.
        SampleBatch other = OdeSolver.Solve(problem with { Seed = 4 });
        Assert.All(Enumerable.Range(0, 60), i => Assert.False(Solve.SameBits(batch[i], other[i])));
        SampleBatch alike = OdeSolver.Solve(problem with { InitialState = (_, x) => x.Fill(0.5f) });
        Assert.Equal(60, Enumerable.Range(0, 60).Select(i => alike[i][0]).Distinct().Count());
    }

    [Fact]
    public void The_noise_of_different_steps_is_independent()
    {
        // A field of zeros: the steps of x are the drift towards 0 and the noise; those of two steps must not be correlated.
        const int Count = 2000;
        var solver = new FixedSteps(StochasticMethod.ChurnedHeun(1000), 4);
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(new FormulaField(1, (_, _, _, v) => v.Clear()), solver, Count) with
        {
            Start = 0.2,
            End = 0.8,
            TrajectoryTimes = [0.35, 0.5, 0.65, 0.8],
            InitialState = (_, x) => x.Clear(),
        });
        double[][] increments = [.. Enumerable.Range(1, 3).Select(step => Enumerable.Range(0, Count)
            .Select(i => (double)batch.Trajectories[4 * i + step] - batch.Trajectories[4 * i + step - 1] * Scale(step)).ToArray())];
        for (int a = 0; a < 3; a++)
        {
            for (int b = a; b < 3; b++)
            {
                double correlation = increments[a].Zip(increments[b], (x, y) => x * y).Sum()
                    / Math.Sqrt(increments[a].Sum(x => x * x) * increments[b].Sum(x => x * x));
                Assert.Equal(a == b ? 1 : 0, correlation, 4 / Math.Sqrt(Count));
            }
        }

        // α at the raised noise level over α: 1/(1 + √2 r) over 1/(1 + r), but not before the solve's start.
        static double Scale(int step)
        {
            double t = 0.2 + 0.15 * step, level = (1 - t) / t;
            return Math.Max(0.2, 1 / (1 + Math.Sqrt(2) * level)) / t;
        }
    }

    [Theory]
    [InlineData("euler-maruyama", 10)]
    [InlineData("churned-heun", 19)]
    public void The_costs_are_those_of_Euler_and_Heun_but_for_the_last_step(string method, int evaluations)
    {
        SampleBatch batch = OdeSolver.Solve(Solve.Problem(GaussianFlow.Eight.Field, new FixedSteps(SolverMethod.Named(method), 10), count: 20, slots: 7));
        Assert.All(batch.Evaluations, count => Assert.Equal(evaluations, count));
    }

    [Theory, InlineData(-0.1), InlineData(double.NaN), InlineData(double.PositiveInfinity)]
    public void A_churn_that_is_negative_or_not_finite_is_refused(double churn)
    {
        Assert.Contains("at least 0", Assert.Throws<ArgumentOutOfRangeException>(() => StochasticMethod.EulerMaruyama(churn)).Message);
        Assert.Contains("at least 0", Assert.Throws<ArgumentOutOfRangeException>(() => StochasticMethod.ChurnedHeun(churn)).Message);
        Assert.Contains("at least 0", Assert.Throws<ArgumentOutOfRangeException>(() => StochasticMethod.EulerMaruyama().WithChurn(churn)).Message);
    }

    private static StochasticMethod Churned(string name, double churn) => ((StochasticMethod)SolverMethod.Named(name)).WithChurn(churn);

    private static void AssertSameBits(SolverMethod stochastic, SolverMethod plain, double start, double end)
    {
        SampleBatch Batch(SolverMethod method) =>
            OdeSolver.Solve(Solve.Problem(FormulaField.Swirl(5), new FixedSteps(method, 10), count: 30, slots: 7) with { Start = start, End = end });
        Assert.True(Solve.SameBits(Batch(plain).Values, Batch(stochastic).Values));
    }
}
