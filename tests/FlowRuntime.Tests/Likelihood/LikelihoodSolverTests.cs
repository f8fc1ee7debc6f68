using FlowRuntime.Fields;
using FlowRuntime.Likelihood;
using FlowRuntime.Ode;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>The log-density that a solve finds, against the densities that the oracle knows in closed form.</summary>
public class LikelihoodSolverTests
{
    private static readonly Dictionary<string, ProbabilityPath> Paths = new()
    {
        ["conditional OT"] = new ConditionalOtPath(),
        ["VP"] = new VariancePreservingPath(),
        ["VE"] = new VarianceExplodingPath(0.1, 8),
        ["cosine"] = new CosinePath(),
    };

    private static readonly GaussianMixture Mixture = new(2, [2, 0, -1, 1.5, -1, -2], [0.5, 0.3, 0.8], [1, 2, 0.5]);

    public static TheoryData<string> Names => [.. Paths.Keys];

    /// <summary>The start is N(α m, ρ² I) with ρ² = α²S² + σ², exactly, so that the end is N(α m, ρ² I) there: also a wrong sign of ∇·v would show.</summary>
    [Theory, MemberData(nameof(Names))]
    public void Gaussian_data_have_the_density_of_a_Gaussian(string name)
    {
        ProbabilityPath path = Paths[name];
        (double start, double end) = path.TimeRange();
        var data = new GaussianMixture(3, [1.5, -0.5, 0.25], [0.6]);
        PathCoefficients from = path.At(start), to = path.At(end);
        LikelihoodBatch batch = LikelihoodSolver.Solve(new LikelihoodProblem
        {
            Field = new MixtureField(data, path),
            Data = Points(30, 3),
            Prior = new GaussianPrior([.. data.Mean(0).ToArray().Select(m => from.Alpha * m)], [Deviation(from)]),
            Start = start,
            End = end,
            Solver = Tight,
        }).EnsureSuccess();
        double[] velocity = new double[3];
        for (int i = 0; i < 30; i++)
        {
            float[] x = Points(30, 3)[(3 * i)..(3 * i + 3)];
            Assert.Equal(data.Velocity(to, x, velocity), batch.LogDensities[i], 2e-4);
            Assert.Equal(-batch.LogDensities[i] / (3 * Math.Log(2)), batch.BitsPerDimension[i], 1e-12);
            for (int j = 0; j < 3; j++) // x(0) by the closed map
                Assert.Equal(from.Alpha * data.Mean(0)[j] + Deviation(from) / Deviation(to) * (x[j] - to.Alpha * data.Mean(0)[j]), batch.Latent(i)[j], 1e-3);
        }
        double Deviation(PathCoefficients at) => Math.Sqrt(at.Alpha * at.Alpha * 0.36 + at.Deviation * at.Deviation);
    }

    /// <summary>At α = 0 the path starts at N(0, I) exactly, whatever the data.</summary>
    [Theory, InlineData("conditional OT"), InlineData("cosine")]
    public void A_mixture_has_the_density_of_the_mixture(string name)
    {
        LikelihoodBatch batch = LikelihoodSolver.Solve(Problem(Paths[name]) with { Solver = Tight }).EnsureSuccess();
        for (int i = 0; i < batch.Count; i++)
            Assert.Equal(Mixture.Velocity(Paths[name].At(1), Points(40).AsSpan(2 * i, 2), new double[2]), batch.LogDensities[i], 3e-4);
    }

    [Fact]
    public void Fixed_steps_find_the_density_too()
    {
        LikelihoodBatch batch = LikelihoodSolver.Solve(Problem(Paths["cosine"]) with { Solver = new FixedSteps(ButcherTableau.RungeKutta4, 200) }).EnsureSuccess();
        for (int i = 0; i < batch.Count; i++)
            Assert.Equal(Mixture.Velocity(Paths["cosine"].At(1), Points(40).AsSpan(2 * i, 2), new double[2]), batch.LogDensities[i], 2e-3);
        Assert.All(batch.Evaluations, evaluations => Assert.Equal(800, evaluations));
    }

    /// <summary>The tolerance holds for the log-density also where it is one value among hundreds: ∇·v of one strong ripple, none in the state.</summary>
    [Fact]
    public void The_log_density_is_under_the_error_control_in_many_dimensions()
    {
        const int d = 400;
        // A field at rest whose divergence swings: the state alone would be solved in one step.
        var field = new DivergenceField(d, t => d * Math.Cos(40 * t));
        LikelihoodBatch batch = LikelihoodSolver.Solve(new LikelihoodProblem
        {
            Field = field,
            Data = new float[d],
            Solver = new AdaptiveSteps { Method = ButcherTableau.Dopri5, RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-4 },
        }).EnsureSuccess();
        double expected = GaussianPrior.Standard.LogDensity(new float[d]) - d * Math.Sin(40) / 40;
        Assert.Equal(expected, batch.LogDensities[0], d * 4e-4); // the steps are allowed 1e-4 each
    }

    /// <summary>Forward with the same divergence: the state and ℓ carried from x(0) to 1 say the same as back from x(1).</summary>
    [Fact]
    public void Forward_and_backward_agree()
    {
        var path = new CosinePath();
        LikelihoodProblem problem = Problem(path) with { Solver = Tight };
        LikelihoodBatch back = LikelihoodSolver.Solve(problem).EnsureSuccess();
        // Time and prior change places: the flow from 1 to 0 with the prior N(0, I) at 1 gives log p(x(0)) = log N(x(1)) + ∫ ∇·v.
        LikelihoodBatch forth = LikelihoodSolver.Solve(problem with { Data = back.Latents, Start = 1, End = 0 }).EnsureSuccess();
        for (int i = 0; i < back.Count; i++)
        {
            double backIntegral = back.LogDensities[i] - GaussianPrior.Standard.LogDensity(back.Latent(i));
            double forthIntegral = forth.LogDensities[i] - GaussianPrior.Standard.LogDensity(forth.Latent(i));
            Assert.Equal(0, backIntegral + forthIntegral, 3e-3);
        }
    }

    /// <summary>Each estimate is unbiased for ∫ ∇·v, so the mean over probes is within a few standard errors, which are not 0.</summary>
    [Fact]
    public void The_mean_over_probes_is_the_exact_log_density()
    {
        var path = new ConditionalOtPath();
        LikelihoodProblem problem = Problem(path) with { Data = Points(6) };
        double[] exact = LikelihoodSolver.Solve(problem).EnsureSuccess().LogDensities;
        LikelihoodProblem estimated = problem with { Field = new HutchinsonField(Mixture, path), Probes = 64, Seed = 5 };
        LikelihoodBatch batch = LikelihoodSolver.Solve(estimated).EnsureSuccess();
        Assert.All(batch.StandardErrors!, error => Assert.True(error > 1e-3));
        double sum = 0;
        for (int i = 0; i < 6; i++)
            sum += Math.Pow((batch.LogDensities[i] - exact[i]) / batch.StandardErrors![i], 2);
        Assert.InRange(sum, 0.2, 25); // χ² with 6 degrees of freedom: 0.0002 lie below, 0.0004 above

        double[] one = LikelihoodSolver.Solve(estimated with { Probes = 1 }).EnsureSuccess().LogDensities;
        double[] other = LikelihoodSolver.Solve(estimated with { Probes = 1, Seed = 6 }).EnsureSuccess().LogDensities;
        Assert.NotEqual(one, other);
    }

    [Theory, InlineData(1), InlineData(3)]
    public void A_row_is_the_same_with_any_slots_workers_and_other_rows(int probes)
    {
        var path = new ConditionalOtPath();
        LikelihoodProblem problem = Problem(path) with { Field = new HutchinsonField(Mixture, path), Data = Points(24), Probes = probes, Slots = 24, Workers = 1 };
        LikelihoodBatch whole = LikelihoodSolver.Solve(problem).EnsureSuccess();
        Assert.True(whole.Evaluations.Distinct().Count() > 3); // rows do move
        foreach ((int slots, int workers, int count) in new[] { (1, 1, 24), (5, 1, 24), (7, 3, 24), (3, 2, 10) })
        {
            LikelihoodBatch part = LikelihoodSolver.Solve(problem with { Data = Points(24).AsMemory(0, 2 * count), Slots = slots, Workers = workers });
            Assert.Equal(whole.LogDensities[..count], part.LogDensities);
            Assert.Equal(whole.Evaluations[..count], part.Evaluations);
            Assert.True(Solve.SameBits(whole.Latents.AsSpan(0, 2 * count), part.Latents));
        }
    }

    /// <summary>Data may be worked on in parts, each with the index of its first row: probes and conditions go by it.</summary>
    [Theory, InlineData(1), InlineData(3)]
    public void Two_parts_with_their_own_first_index_are_the_whole(int probes)
    {
        var path = new ConditionalOtPath();
        var seen = new System.Collections.Concurrent.ConcurrentBag<long>();
        LikelihoodProblem problem = Problem(path) with { Field = new HutchinsonField(Mixture, path), Data = Points(9), Probes = probes, Seed = 4 };
        LikelihoodBatch whole = LikelihoodSolver.Solve(problem).EnsureSuccess();
        LikelihoodBatch first = LikelihoodSolver.Solve(problem with { Data = Points(9).AsMemory(0, 2 * 4) });
        LikelihoodBatch second = LikelihoodSolver.Solve(problem with
        {
            Data = Points(9).AsMemory(2 * 4),
            First = 4,
            ConditionOf = index =>
            {
                seen.Add(index);
                return Condition.None;
            },
        });
        Assert.Equal(whole.LogDensities, first.LogDensities.Concat(second.LogDensities));
        Assert.Equal(whole.Evaluations, first.Evaluations.Concat(second.Evaluations));
        Assert.Equal([4, 5, 6, 7, 8], seen.Distinct().Order());
        Assert.Throws<ArgumentOutOfRangeException>(() => problem with { First = -1 });
    }

    [Fact]
    public void A_row_that_fails_does_so_alone()
    {
        float[] data = Points(9);
        float[] broken = [.. data];
        broken[6] = float.NaN;
        LikelihoodProblem problem = Problem(new ConditionalOtPath()) with { Data = data };
        LikelihoodBatch whole = LikelihoodSolver.Solve(problem), batch = LikelihoodSolver.Solve(problem with { Data = broken });
        Assert.Equal((1, SampleStatus.NonFinite), (batch.Failed, batch.Status[3]));
        Assert.True(double.IsNaN(batch.LogDensities[3]) && double.IsNaN(batch.BitsPerDimension[3]) && float.IsNaN(batch.Latent(3)[0]));
        for (int i = 0; i < 9; i++)
            Assert.True(i == 3 || whole.LogDensities[i] == batch.LogDensities[i]);
        Assert.StartsWith("1 of 9 rows failed; row 3 at t = 1: ", Assert.Throws<SamplingException>(batch.EnsureSuccess).Message);
    }

    [Fact]
    public void Problems_that_do_not_fit_are_refused()
    {
        LikelihoodProblem problem = Problem(new ConditionalOtPath());
        string Refused(LikelihoodProblem wrong) => Assert.ThrowsAny<ArgumentException>(() => LikelihoodSolver.Solve(wrong)).Message;
        Assert.Contains("3 numbers", Refused(problem with { Data = new float[3] }));
        Assert.Contains("0 numbers", Refused(problem with { Data = default }));
        Assert.Contains("prior has 3 values", Refused(problem with { Prior = new GaussianPrior([1, 2, 3], [1]) }));
        Assert.Contains("Moments", Refused(problem with { Solver = new AdaptiveSteps { Moments = new DataMoments([0], [1]) } }));
        Assert.Contains("dpm++2m", Refused(problem with { Solver = new FixedSteps(MultistepMethod.DpmSolver2M, 5) }));
        Assert.Throws<ArgumentOutOfRangeException>(() => problem with { Probes = 0 });
        Assert.Throws<ArgumentException>(() => new GaussianPrior([0], [0]));
        Assert.Throws<ArgumentException>(() => new GaussianPrior([0, 1], [1, 2, 3]));
    }

    private static AdaptiveSteps Tight { get; } = new() { Method = ButcherTableau.Dopri5, RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-6 };

    private static LikelihoodProblem Problem(ProbabilityPath path) => new() { Field = new MixtureField(Mixture, path), Data = Points(40) };

    private static float[] Points(int count, int dimension = 2)
    {
        float[] points = new float[count * dimension];
        for (int i = 0; i < count; i++)
            Noise.Fill(seed: 8, i, points.AsSpan(i * dimension, dimension));
        return points;
    }

    /// <summary>A field at rest that claims a divergence.</summary>
    private sealed class DivergenceField(int dimension, Func<double, double> divergence) : IVelocityField
    {
        public int Dimension => dimension;

        public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers) => new Evaluator(divergence, buffers);

        private sealed class Evaluator(Func<double, double> divergence, EvaluationBuffers buffers) : IVelocityEvaluator
        {
            public void Assign(int row, long sampleIndex, Condition condition)
            {
            }

            public void Move(int source, int destination)
            {
            }

            public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
            {
                buffers.Velocities[output].Range(first, count).Clear();
                for (int row = first; row < first + count; row++)
                    buffers.Divergences![output][row][0] = (float)divergence(buffers.Times[row]);
            }

            public void Dispose()
            {
            }
        }
    }

    /// <summary>The oracle with eᵀ(∂v/∂x)e for its divergence, by central differences of the velocity along the probe.</summary>
    private sealed class HutchinsonField(GaussianMixture data, ProbabilityPath path) : IVelocityField
    {
        public int Dimension => data.Dimension;

        public IVelocityEvaluator CreateEvaluator(EvaluationBuffers buffers) => new Evaluator(data, path, buffers);

        private sealed class Evaluator(GaussianMixture data, ProbabilityPath path, EvaluationBuffers buffers) : IVelocityEvaluator
        {
            public void Assign(int row, long sampleIndex, Condition condition)
            {
            }

            public void Move(int source, int destination)
            {
            }

            public void Evaluate(int first, int count, int output, CancellationToken cancellationToken)
            {
                const float h = 1f / 512;
                double[] v = new double[2], low = new double[2], high = new double[2];
                for (int row = first; row < first + count; row++)
                {
                    PathCoefficients at = path.At(buffers.Times[row]);
                    Span<float> x = buffers.States[row], e = buffers.Probes![row];
                    float[] above = [x[0] + h * e[0], x[1] + h * e[1]], below = [x[0] - h * e[0], x[1] - h * e[1]];
                    data.Velocity(at, x, v);
                    data.Velocity(at, above, high);
                    data.Velocity(at, below, low);
                    (buffers.Velocities[output][row][0], buffers.Velocities[output][row][1]) = ((float)v[0], (float)v[1]);
                    buffers.Divergences![output][row][0] = (float)((e[0] * (high[0] - low[0]) + e[1] * (high[1] - low[1])) / (2 * h));
                }
            }

            public void Dispose()
            {
            }
        }
    }
}
