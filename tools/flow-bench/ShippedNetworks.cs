using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;
using FlowRuntime.Tuning;

namespace FlowRuntime.Bench;

/// <summary>On each shipped network: evaluations and time to an error against its own tight solution, for every method and grid at its best setting.</summary>
internal static class ShippedNetworks
{
    private const int Samples = 256;
    private const double LargeError = 1e-2;
    private const double SmallError = 1e-3;
    private static readonly double[] Tolerances = [.. Enumerable.Range(1, 13).Select(i => Math.Pow(10, -i / 2.0))];
    private static readonly int[] StepCounts = [1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181];

    public static IEnumerable<Figure> Run()
    {
        foreach (string name in new[] { "moons", "8gaussians", "digits" })
        {
            using FlowModel model = FlowModel.Open(Path.Combine(AppContext.BaseDirectory, "Models", $"{name}.onnx"));
            string section = $"{name}.onnx: to within an rms error of its own tight solution (network units; all but the worst 2% of {Samples} samples)";
            int classes = model.Card.Conditions?.Classes?.Names.Count ?? 0;
            OdeProblem problem = new()
            {
                Field = model.Field,
                InitialState = static (index, state) => Noise.Fill(seed: 5, index, state),
                ConditionOf = index => classes == 0 ? Condition.None : new Condition { Label = (int)(index % classes) },
                Count = Samples,
                Path = ProbabilityPath.Of(model.Card.Path),
            };
            float[] truth = OdeSolver.Solve(problem with { Solver = Adaptive(ButcherTableau.Dopri5, 1e-7, null, null) }).EnsureSuccess().Values;
            OdeProblem calibration = problem with { InitialState = static (index, state) => Noise.Fill(seed: 99, index, state), Count = 128 };

            var figures = new List<(double Error, Figure Figure)>();
            foreach ((string method, IReadOnlyList<SolverOptions> settings) in Ways(calibration, model.Moments))
            {
                var points = new List<(SolverOptions Solver, double Evaluations, double Error)>();
                foreach (SolverOptions solver in settings) // from cheap to dear, until the smallest error is reached twice
                {
                    (double evaluations, double reachedError) = Run(problem, solver, truth);
                    points.Add((solver, evaluations, reachedError));
                    if (points.Count(point => point.Error <= SmallError) == 2)
                        break;
                }
                foreach (double error in new[] { LargeError, SmallError })
                {
                    var reached = points.Where(point => point.Error <= error).OrderBy(point => point.Evaluations).FirstOrDefault();
                    double? seconds = reached.Solver is null ? null : Measure.Median(3, () => Measure.Wall(() => OdeSolver.Solve(problem with { Solver = reached.Solver })));
                    figures.Add((error, new Figure(section, $"{error:0e+0}: {method}", reached.Solver is null ? null : reached.Evaluations, "evaluations",
                        Remark: reached.Solver is null ? "not reached" : FormattableString.Invariant($"{seconds * 1e3:F1} ms, {Setting(reached.Solver)}, error {reached.Error:0.0e+0}"))));
                }
            }
            foreach (double error in new[] { LargeError, SmallError })
            {
                foreach ((_, Figure figure) in figures.Where(figure => figure.Error == error).OrderBy(figure => figure.Figure.Value ?? double.MaxValue))
                    yield return figure;
            }
            foreach (SamplingQuality quality in Enum.GetValues<SamplingQuality>())
            {
                var solver = (AdaptiveSteps)model.SolverFor(quality); // the shipped networks take real times
                (double evaluations, double error) = Run(problem, solver, truth);
                yield return new Figure(section, $"the model's own: {quality}", evaluations, "evaluations", Remark: FormattableString.Invariant($"error {error:0.0e+0}, {Setting(solver)} {solver.MethodName}{(solver.Profile is null ? "" : ", profiled")}{(solver.Moments is null ? "" : ", whitened")}"));
            }
            (double untuned, double untunedError) = Run(problem, new AdaptiveSteps(), truth);
            yield return new Figure(section, "the general default", untuned, "evaluations", Remark: FormattableString.Invariant($"error {untunedError:0.0e+0}"));
        }
    }

    private static IEnumerable<(string Name, IReadOnlyList<SolverOptions> Settings)> Ways(OdeProblem calibration, DataMoments? moments)
    {
        foreach (EmbeddedPair pair in ButcherTableau.All.OfType<EmbeddedPair>())
        {
            yield return ($"{pair}, adaptive", [.. Tolerances.Select(tolerance => Adaptive(pair, tolerance, null, null))]);
            if (!pair.SecondErrorWeights.IsEmpty || pair == ButcherTableau.Verner6 || pair == ButcherTableau.HeunEuler)
                continue;
            StepProfile profile = SolverTuner.MeasureProfile(calibration, pair);
            yield return ($"{pair}, profiled", [.. Tolerances.Select(tolerance => Adaptive(pair, tolerance, profile, null))]);
            if (moments is null)
                continue;
            StepProfile whitened = SolverTuner.MeasureProfile(calibration, pair, moments);
            yield return ($"{pair}, profiled and whitened", [.. Tolerances.Select(tolerance => Adaptive(pair, tolerance, whitened, moments))]);
        }
        foreach (SolverMethod method in ButcherTableau.All.Where(method => method is not EmbeddedPair).Cast<SolverMethod>().Concat(MultistepMethod.All))
        {
            foreach (TimeGrid grid in new[] { TimeGrid.Uniform, TimeGrid.Cosine, TimeGrid.Shift(3), TimeGrid.Shift(0.5), TimeGrid.Karras() })
                yield return ($"{method}, {grid}", [.. StepCounts.Select(count => new FixedSteps(method, count) { Grid = grid })]);
        }
    }

    private static AdaptiveSteps Adaptive(EmbeddedPair pair, double tolerance, StepProfile? profile, DataMoments? moments) =>
        new() { Method = pair, RelativeTolerance = tolerance, AbsoluteTolerance = tolerance, Profile = profile, Moments = moments };

    private static string Setting(SolverOptions solver) => solver is AdaptiveSteps adaptive
        ? FormattableString.Invariant($"tolerance {adaptive.RelativeTolerance:G2}") : $"{((FixedSteps)solver).Count} steps";

    private static (double Evaluations, double Error) Run(OdeProblem problem, SolverOptions solver, float[] truth)
    {
        SampleBatch batch = OdeSolver.Solve(problem with { Solver = solver });
        if (batch.Failed > 0)
            return ((double)batch.Statistics.Evaluations / Samples, double.PositiveInfinity);
        double[] squares = new double[Samples];
        for (int i = 0; i < batch.Values.Length; i++)
            squares[i / batch.Dimension] += Math.Pow(batch.Values[i] - truth[i], 2) / batch.Dimension;
        return ((double)batch.Statistics.Evaluations / Samples, Math.Sqrt(squares.Order().Take((int)Math.Ceiling(0.98 * Samples)).Average()));
    }
}
