using FlowRuntime.Ode;
using FlowRuntime.Paths;

namespace FlowRuntime.Tests;

/// <summary>DPM-Solver++ and UniPC: exact where the data prediction is constant, of their order, and equal to the sources' algorithms.</summary>
public class ExponentialMethodTests
{
    private static readonly (double Start, double End)[] Intervals = [(0, 1), (0.1, 0.9), (0, 0.9), (0.1, 1)];

    public static TheoryData<string> Methods => [.. MultistepMethod.All.Where(method => method.IsExponential).Select(method => method.Name)];

    public static TheoryData<string, double, double> MethodsAndIntervals =>
        [.. Methods.SelectMany(method => Intervals.Select(interval => (method.Data, interval.Start, interval.End)))];

    /// <summary>v = (m − x)/(1 − t): all data at m, so that x(t) − t m shrinks as 1 − t.</summary>
    [Theory, MemberData(nameof(Methods))]
    public void Steps_of_any_length_are_exact_where_all_data_is_one_point(string method)
    {
        const float Mean = 3, Noise = -2; // x(t) = 3t − 2 (1 − t)
        var field = new FormulaField(1, (_, t, x, v) => v[0] = (float)((Mean - x[0]) / (1 - t)));
        foreach (TimeGrid grid in new[] { TimeGrid.Uniform, TimeGrid.Cosine, TimeGrid.Karras(), TimeGrid.Shift(3) })
        {
            foreach (int steps in new[] { 1, 2, 3, 8 })
            {
                var solver = new FixedSteps(SolverMethod.Named(method), steps) { Grid = grid };
                foreach ((double start, double end) in Intervals)
                {
                    float from = (float)(Mean * start + Noise * (1 - start));
                    Assert.Equal(Mean * end + Noise * (1 - end), Solve.One(field, solver, start, end, from)[0], 2e-6);
                }
            }
        }
    }

    /// <summary>
    /// On the flow of one Gaussian. UniPC's corrector lifts the order of its predictor by one, as its source proves; of
    /// order 3 it is on its way there when the round-off begins.
    /// </summary>
    [Theory]
    [InlineData("dpm++2m", 16, 2)]
    [InlineData("unipc2", 16, 3)]
    [InlineData("unipc3", 16, 3.4)]
    public void The_error_falls_by_the_order_of_the_method_where_the_log_SNR_is_finite(string method, int steps, double order)
    {
        double coarse = Error(steps), fine = Error(2 * steps);
        Assert.True(fine > 3e-5, $"the error {fine} is round-off");
        Assert.Equal(order, Math.Log2(coarse / fine), 0.25);

        double Error(int count)
        {
            float[] x = Solve.One(GaussianFlow.One.Field, new FixedSteps(SolverMethod.Named(method), count), 0.1, 0.7, 3, -40);
            (double first, double second) = GaussianFlow.One.Carried(0.1, 0.7, 3, -40);
            return Math.Max(Math.Abs(x[0] - first), Math.Abs(x[1] - second));
        }
    }

    [Theory, MemberData(nameof(MethodsAndIntervals))]
    public void Steps_are_those_of_the_source_s_algorithm(string method, double start, double end)
    {
        foreach ((TimeGrid grid, double sigmaMin) in new[] { (TimeGrid.Uniform, 0), (TimeGrid.Cosine, 0.01), (TimeGrid.Karras(), 0), (TimeGrid.Karras(), 0.01) })
        {
            var path = new ConditionalOtPath(sigmaMin);
            foreach (int steps in new[] { 1, 2, 3, 4, 9 })
            {
                var reference = new Reference(GaussianFlow.Eight, grid.Times(steps, start, end, path), sigmaMin);
                double[] expected = method == "dpm++2m" ? reference.DpmSolver2M(0.7, -0.4) : reference.UniPC(method[^1] - '0', 0.7, -0.4);
                float[] x = OdeSolver.Solve(Solve.Problem(GaussianFlow.Eight.Field, new FixedSteps(SolverMethod.Named(method), steps) { Grid = grid }, count: 1) with
                {
                    InitialState = (_, state) => (state[0], state[1]) = (0.7f, -0.4f),
                    Start = start,
                    End = end,
                    Path = path,
                }).EnsureSuccess().Values;
                Assert.Equal(expected[0], x[0], 2e-5);
                Assert.Equal(expected[1], x[1], 2e-5);
            }
        }
    }

    [Theory]
    [InlineData("dpm++2m")]
    [InlineData("unipc2")]
    [InlineData("unipc3")]
    [InlineData("euler-maruyama")]
    [InlineData("churned-heun")]
    public void A_method_that_follows_the_path_refuses_to_be_without_one_to_run_in_reverse_and_to_leave_it(string method)
    {
        OdeProblem problem = Solve.Problem(FormulaField.Swirl(3), new FixedSteps(SolverMethod.Named(method), 5), count: 4);
        Assert.Contains("OdeProblem.Path", Refusal(problem with { Path = null }));
        Assert.Contains("noise to data only", Refusal(problem with { Start = 1, End = 0 }));
        Assert.Contains("leaves it", Refusal(problem with { Start = -0.5 }));
        Assert.Contains("leaves it", Refusal(problem with { End = 1.5 }));

        static string Refusal(OdeProblem problem) => Assert.Throws<ArgumentException>(() => OdeSolver.Solve(problem)).Message;
    }

    /// <summary>The algorithms as their sources write them, in double precision, on the path α = t, σ = 1 − (1 − σ_min) t.</summary>
    private sealed class Reference
    {
        private readonly GaussianFlow _flow;
        private readonly double[] _times;
        private readonly double[] _alpha;
        private readonly double[] _sigma;
        private readonly double[] _lambda;
        private readonly double _sigmaMin;

        public Reference(GaussianFlow flow, double[] times, double sigmaMin)
        {
            (_flow, _times, _sigmaMin) = (flow, times, sigmaMin);
            _alpha = times;
            _sigma = [.. times.Select(t => 1 - (1 - sigmaMin) * t)];
            _lambda = [.. times.Select((t, i) => Math.Log(t) - Math.Log(_sigma[i]))];
        }

        /// <summary>
        /// Lu et al. 2022, algorithm 2: D = (1 + 1/2r) D_i − (1/2r) D_(i−1) with r = h_(i−1)/h_i, and
        /// x' = (σ'/σ) x − α' (e^(−h) − 1) D; of order 1 where r or 1/r is not finite.
        /// </summary>
        public double[] DpmSolver2M(params double[] x)
        {
            double[]? last = null;
            for (int i = 0; i < _times.Length - 1; i++)
            {
                double[] data = Data(i, x), combined = data;
                double ratio = i == 0 ? double.PositiveInfinity : (_lambda[i] - _lambda[i - 1]) / (_lambda[i + 1] - _lambda[i]);
                if (double.IsFinite(ratio) && ratio > 0)
                    combined = [.. data.Zip(last!, (now, before) => (1 + 1 / (2 * ratio)) * now - 1 / (2 * ratio) * before)];
                x = FirstOrder(i, x, combined);
                last = data;
            }
            return x;
        }

        /// <summary>
        /// Zhao et al. 2023, algorithms 5 to 8, as public implementations write them for data prediction with B(h) = e^h − 1:
        /// linear systems R ρ = b over ratios of λ, and ρ = ½ for a single difference.
        /// </summary>
        public double[] UniPC(int order, params double[] x)
        {
            var outputs = new List<double[]>();
            int lastOrder = 0;
            double[] lastSample = x;
            for (int i = 0; i < _times.Length - 1; i++)
            {
                double[] data = Data(i, x);
                if (i > 0 && double.IsFinite(_lambda[i - 1]))
                    x = Update(i - 1, lastOrder, lastSample, outputs, data);
                outputs.Add(data);
                int thisOrder = Math.Min(order, outputs.Count - (double.IsFinite(_lambda[0]) ? 0 : 1));
                thisOrder = double.IsFinite(_lambda[i + 1]) ? Math.Max(1, thisOrder) : 1;
                (lastSample, lastOrder) = (x, thisOrder);
                x = Update(i, thisOrder, x, outputs, null);
            }
            return x;
        }

        /// <summary>A step of the predictor, or with the data at its end one of the corrector.</summary>
        private double[] Update(int i, int order, double[] x, List<double[]> outputs, double[]? dataAtEnd)
        {
            double[] first = FirstOrder(i, x, outputs[i]);
            double h = _lambda[i + 1] - _lambda[i], hh = -h;
            var ratios = new List<double>();
            var differences = new List<double[]>();
            for (int k = 1; k < order; k++)
            {
                double ratio = (_lambda[i - k] - _lambda[i]) / h;
                ratios.Add(ratio);
                differences.Add([.. outputs[i - k].Zip(outputs[i], (before, now) => (before - now) / ratio)]);
            }
            if (dataAtEnd is not null)
            {
                ratios.Add(1);
                differences.Add([.. dataAtEnd.Zip(outputs[i], (next, now) => next - now)]);
            }
            int n = ratios.Count;
            if (n == 0)
                return first;
            double grown = Math.Exp(hh) - 1, phi = grown / hh - 1, factorial = 1;
            var right = new double[n];
            for (int row = 0; row < n; row++)
            {
                right[row] = phi * factorial / grown;
                factorial *= row + 2;
                phi = phi / hh - 1 / factorial;
            }
            double[] rho = n == 1 ? [0.5] : Cramer([.. Enumerable.Range(0, n).Select(row => ratios.Select(ratio => Math.Pow(ratio, row)).ToArray())], right);
            return [.. first.Select((value, d) => value - _alpha[i + 1] * grown * rho.Select((share, k) => share * differences[k][d]).Sum())];
        }

        /// <summary>x' = (σ'/σ) x − α' (e^(−h) − 1) D, with e^(−h) = ασ'/(α'σ).</summary>
        private double[] FirstOrder(int i, double[] x, double[] data)
        {
            double shrunk = _alpha[i] * _sigma[i + 1] / (_alpha[i + 1] * _sigma[i]);
            return [.. x.Zip(data, (value, d) => _sigma[i + 1] / _sigma[i] * value - _alpha[i + 1] * (shrunk - 1) * d)];
        }

        private double[] Data(int i, double[] x)
        {
            (double first, double second) = _flow.Velocity(_times[i], x[0], x[1]);
            return [(1 - _sigmaMin) * x[0] + _sigma[i] * first, (1 - _sigmaMin) * x[1] + _sigma[i] * second];
        }

        private static double[] Cramer(double[][] matrix, double[] right) => [.. right.Select((_, column) =>
            Determinant([.. matrix.Select((row, r) => row.Select((value, c) => c == column ? right[r] : value).ToArray())]) / Determinant(matrix))];

        private static double Determinant(double[][] m) => m.Length switch
        {
            2 => m[0][0] * m[1][1] - m[0][1] * m[1][0],
            3 => m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
                + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]),
            _ => throw new NotSupportedException(),
        };
    }
}
