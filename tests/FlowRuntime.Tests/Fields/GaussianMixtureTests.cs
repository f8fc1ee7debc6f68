using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>The oracle against closed forms, and against sums over the data it is made of.</summary>
public class GaussianMixtureTests
{
    private static readonly double[] Mean = [1.5, -0.5];
    private const double Scale = 0.6;

    private static readonly Dictionary<string, ProbabilityPath> Paths = new()
    {
        ["conditional OT"] = new ConditionalOtPath(),
        ["VP"] = new VariancePreservingPath(),
        ["VE"] = new VarianceExplodingPath(0.1, 8),
        ["cosine"] = new CosinePath(),
        ["noisy pairs"] = new IndependentPairsPath(0.3),
        ["bridge"] = new SchrodingerBridgePath(0.7),
    };

    private static readonly GaussianMixture Mixture = new(2, [2, 0, -1, 1.5, -1, -2], [0.5, 0.3, 0.8], [1, 2, 0.5]);

    public static TheoryData<string> Names => [.. Paths.Keys];

    /// <summary>x(t) − α m is to ρ_t what it was at the start, ρ² = α²S² + σ² + γ²: the flow carries Gaussians to Gaussians.</summary>
    [Theory, MemberData(nameof(Names))]
    public void Gaussian_data_flow_by_the_closed_map(string name)
    {
        ProbabilityPath path = Paths[name];
        (double start, double end) = path.TimeRange();
        var field = new MixtureField(new GaussianMixture(2, Mean, [Scale]), path);
        SampleBatch batch = OdeSolver.Solve(new OdeProblem
        {
            Field = field,
            InitialState = (index, x) => Noise.Fill(1, index, x),
            Count = 16,
            Start = start,
            End = end,
            Solver = new AdaptiveSteps { RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-6 },
        }).EnsureSuccess();
        PathCoefficients from = path.At(start), to = path.At(end);
        double growth = Math.Sqrt(Variance(to) / Variance(from));
        float[] x = new float[2];
        for (int i = 0; i < 16; i++)
        {
            Noise.Fill(1, i, x);
            for (int j = 0; j < 2; j++)
                Assert.Equal(to.Alpha * Mean[j] + growth * (x[j] - from.Alpha * Mean[j]), batch[i][j], 1e-4);
        }
    }

    /// <summary>In any dimension a component is a product of normal densities, one a value.</summary>
    [Theory, InlineData(1), InlineData(3)]
    public void The_density_of_a_mixture_is_the_weighted_sum_of_products_of_normal_densities(int dimension)
    {
        double[] means = [.. Enumerable.Range(0, 2 * dimension).Select(i => 0.7 * i - 1)], scales = [0.2, 1.1], weights = [1, 3];
        var data = new GaussianMixture(dimension, means, scales, weights);
        PathCoefficients at = new ConditionalOtPath().At(0.8);
        float[] x = [.. Enumerable.Range(0, dimension).Select(i => 0.3f * i - 0.4f)];
        double density = 0;
        for (int k = 0; k < 2; k++)
        {
            double deviation = Math.Sqrt(0.8 * 0.8 * scales[k] * scales[k] + 0.2 * 0.2), product = weights[k] / 4;
            for (int i = 0; i < dimension; i++)
            {
                double z = (x[i] - 0.8 * means[k * dimension + i]) / deviation;
                product *= Math.Exp(-z * z / 2) / (deviation * Math.Sqrt(2 * Math.PI));
            }
            density += product;
        }
        Assert.Equal(density, Math.Exp(data.Velocity(at, x, new double[dimension])), 1e-12);
    }

    [Theory, MemberData(nameof(Names))]
    public void Gaussian_data_have_the_log_density_of_a_Gaussian(string name)
    {
        var data = new GaussianMixture(2, Mean, [Scale]);
        double[] velocity = new double[2];
        for (double t = 0.1; t < 1; t += 0.2)
        {
            PathCoefficients at = Paths[name].At(t);
            double square = Math.Pow(0.3f - at.Alpha * Mean[0], 2) + Math.Pow(0.9f - at.Alpha * Mean[1], 2);
            double expected = -square / (2 * Variance(at)) - Math.Log(2 * Math.PI * Variance(at));
            Assert.Equal(expected, data.Velocity(at, [0.3f, 0.9f], velocity), 1e-12 * Math.Abs(expected) + 1e-12);
        }
    }

    /// <summary>∂p/∂t + ∇·(p v) = 0, that is ∂ log p/∂t + v·∇ log p + ∇·v = 0, by central differences.</summary>
    [Theory, MemberData(nameof(Names))]
    public void Density_and_velocity_keep_the_continuity_equation(string name)
    {
        const double h = 1e-4;
        const float step = 1f / 1024; // exact in float
        ProbabilityPath path = Paths[name];
        foreach (GaussianMixture data in new[] { new GaussianMixture(2, Mean, [Scale]), Mixture })
        {
            for (double t = 0.15; t < 0.9; t += 0.15)
            {
                foreach (float[] x in new float[][] { [0.25f, 0.5f], [-1.5f, 1], [2, -1] })
                {
                    double LogDensity(double time, float dx, float dy) => data.Velocity(path.At(time), [x[0] + dx, x[1] + dy], new double[2]);
                    double[] Velocity(float dx, float dy)
                    {
                        double[] v = new double[2];
                        data.Velocity(path.At(t), [x[0] + dx, x[1] + dy], v);
                        return v;
                    }
                    double inTime = (LogDensity(t + h, 0, 0) - LogDensity(t - h, 0, 0)) / (2 * h);
                    double[] gradient = [(LogDensity(t, step, 0) - LogDensity(t, -step, 0)) / (2 * step), (LogDensity(t, 0, step) - LogDensity(t, 0, -step)) / (2 * step)];
                    double divergence = (Velocity(step, 0)[0] - Velocity(-step, 0)[0] + Velocity(0, step)[1] - Velocity(0, -step)[1]) / (2 * step);
                    double[] at = Velocity(0, 0);
                    double size = Math.Abs(inTime) + Math.Abs(divergence) + 1;
                    Assert.Equal(0, (inTime + at[0] * gradient[0] + at[1] * gradient[1] + divergence) / size, 2e-5);
                }
            }
        }
    }

    /// <summary>By central differences of the velocity, over exact steps of float.</summary>
    [Theory, MemberData(nameof(Names))]
    public void The_divergence_is_that_of_the_velocity(string name)
    {
        const float h = 1f / 2048;
        double[] low = new double[2], high = new double[2];
        for (double t = 0.15; t < 0.9; t += 0.25)
        {
            PathCoefficients at = Paths[name].At(t);
            foreach (float[] x in new float[][] { [0.25f, 0.5f], [-1.5f, 1], [2, -1] })
            {
                double expected = 0;
                for (int j = 0; j < 2; j++)
                {
                    Mixture.Velocity(at, [x[0] + (j == 0 ? h : 0), x[1] + (j == 1 ? h : 0)], high);
                    Mixture.Velocity(at, [x[0] - (j == 0 ? h : 0), x[1] - (j == 1 ? h : 0)], low);
                    expected += (high[j] - low[j]) / (2 * h);
                }
                Mixture.Velocity(at, x, low, out double divergence);
                Assert.Equal(expected, divergence, 1e-4 * (1 + Math.Abs(expected)));
            }
        }
    }

    [Fact]
    public void The_score_is_the_gradient_of_the_log_density()
    {
        const float h = 1f / 1024;
        double[] score = new double[2], unused = new double[2];
        PathCoefficients at = Paths["VP"].At(0.7);
        Mixture.Score(at, [0.5f, -0.25f], score);
        Assert.Equal((Mixture.Score(at, [0.5f + h, -0.25f], unused) - Mixture.Score(at, [0.5f - h, -0.25f], unused)) / (2 * h), score[0], 1e-5);
        Assert.Equal((Mixture.Score(at, [0.5f, -0.25f + h], unused) - Mixture.Score(at, [0.5f, -0.25f - h], unused)) / (2 * h), score[1], 1e-5);
    }

    /// <summary>The conversions of predictions hold for the means over what may have led to x, too.</summary>
    [Theory, InlineData("conditional OT"), InlineData("VP"), InlineData("VE"), InlineData("cosine"), InlineData("noisy pairs")]
    public void Mean_data_score_and_velocity_of_the_oracle_tell_one_another(string name)
    {
        float[] x = [0.4f, -0.7f];
        double[] velocity = new double[2], mean = new double[2], score = new double[2];
        for (double t = 0.1; t < 1; t += 0.2)
        {
            PathCoefficients at = Paths[name].At(t);
            Mixture.Velocity(at, x, velocity);
            Mixture.DataMean(at, x, mean);
            Mixture.Score(at, x, score);
            for (int j = 0; j < 2; j++)
            {
                (double a, double b) = at.VelocityOf(Cards.PredictionKind.Data);
                Assert.Equal(velocity[j], a * x[j] + b * mean[j], 1e-9 * (1 + Math.Abs(velocity[j])));
                (a, b) = at.VelocityOf(Cards.PredictionKind.Score);
                Assert.Equal(velocity[j], a * x[j] + b * score[j], 1e-9 * (1 + Math.Abs(velocity[j])));
            }
        }
    }

    /// <summary>Bayes by hand: of finite data each row is weighted by the density of the noise that would have led here.</summary>
    [Fact]
    public void Finite_data_are_weighted_by_the_noise_that_leads_from_them()
    {
        float[] rows = [1, 2, -1, 0, 0.5f, -2];
        PathCoefficients at = new ConditionalOtPath().At(0.4);
        double x = 0.3f, y = -0.1f, sum = 0, first = 0, second = 0;
        for (int k = 0; k < 3; k++)
        {
            double ex = (x - 0.4 * rows[2 * k]) / 0.6, ey = (y - 0.4 * rows[2 * k + 1]) / 0.6, weight = Math.Exp(-(ex * ex + ey * ey) / 2);
            sum += weight;
            first += weight * (rows[2 * k] - ex);
            second += weight * (rows[2 * k + 1] - ey);
        }
        double[] velocity = new double[2];
        GaussianMixture.OfRows(2, rows).Velocity(at, [0.3f, -0.1f], velocity);
        Assert.Equal(first / sum, velocity[0], 1e-12);
        Assert.Equal(second / sum, velocity[1], 1e-12);
    }

    [Fact]
    public void Far_from_everything_and_at_the_very_data_the_oracle_is_finite()
    {
        float[] rows = [1, 2, -1, 0];
        double[] result = new double[2];
        foreach (double t in new[] { 0, 1e-9, 0.5, 1 - 1e-9, 1 })
        {
            foreach (float[] x in new float[][] { [1e6f, -1e6f], [1, 2], [0, 0] })
            {
                GaussianMixture.OfRows(2, rows).Velocity(new ConditionalOtPath().At(t), x, result);
                Assert.All(result, value => Assert.True(double.IsFinite(value), $"t = {t}"));
            }
        }
    }

    /// <summary>Finite data solved by the recipe: stop inside the end, finish with the mean of the data. Every sample is a datum.</summary>
    [Fact]
    public void Finite_data_are_met_exactly_by_the_finish()
    {
        float[] rows = [1, 2, -1, 0, 0.5f, -2];
        var path = new ConditionalOtPath();
        SampleBatch batch = OdeSolver.Solve(new OdeProblem
        {
            Field = new MixtureField(GaussianMixture.OfRows(2, rows), path),
            InitialState = (index, x) => Noise.Fill(1, index, x),
            Count = 50,
            End = 1 - ProbabilityPath.EndMargin,
            Path = path,
            FinishesWithData = true,
        }).EnsureSuccess();
        for (int i = 0; i < 50; i++)
            Assert.Contains(Enumerable.Range(0, 3), k => Math.Abs(batch[i][0] - rows[2 * k]) + Math.Abs(batch[i][1] - rows[2 * k + 1]) < 1e-5);
        Assert.Equal(batch.Evaluations.Sum(n => (long)n), batch.Statistics.Evaluations);
    }

    [Fact]
    public void Points_are_drawn_by_weight_and_scale()
    {
        const int n = 40_000;
        double[] sums = new double[3];
        float[] z = new float[2], x = new float[2];
        double square = 0;
        for (int i = 0; i < n; i++)
        {
            Noise.Fill(4, i, z);
            double choice = (i + 0.5) / n;
            Mixture.Draw(choice, z, x);
            int k = choice < 1 / 3.5 ? 0 : choice < 3 / 3.5 ? 1 : 2;
            sums[k]++;
            square += (Math.Pow(x[0] - Mixture.Mean(k)[0], 2) + Math.Pow(x[1] - Mixture.Mean(k)[1], 2)) / (Mixture.Scale(k) * Mixture.Scale(k));
        }
        Assert.Equal(2, square / n, 4 * 2 / Math.Sqrt(n)); // of each point 2, with variance 4
        Assert.Equal(Mixture.Weight(1), sums[1] / n, 1e-4);
    }

    [Fact]
    public void Numbers_that_do_not_fit_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new GaussianMixture(2, [1, 2, 3], [1]));
        Assert.Throws<ArgumentException>(() => new GaussianMixture(2, [1, 2], [-1]));
        Assert.Throws<ArgumentException>(() => new GaussianMixture(2, [1, 2], [1, 2]));
        Assert.Throws<ArgumentException>(() => new GaussianMixture(1, [1, 2], [1], [1, 0]));
        Assert.Throws<ArgumentException>(() => new GaussianMixture(1, [double.NaN], [1]));
    }

    private static double Variance(PathCoefficients at) => at.Alpha * at.Alpha * Scale * Scale + at.Sigma * at.Sigma + at.Gamma * at.Gamma;
}
