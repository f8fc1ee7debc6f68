using System.Numerics.Tensors;
using System.Runtime.ExceptionServices;
using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tuning;

/// <summary>
/// Measures solvers on a model itself: which method, with which tolerance and step profile, reaches an accuracy with the
/// fewest evaluations. What it finds goes into the model's card and is that model's default from then on.
/// </summary>
/// <remarks>
/// A profile is measured on some samples and judged on others; the errors are those against a tight solution.
/// See docs/solvers.md for what it gains.
/// </remarks>
public static class SolverTuner
{
    private const double TightTolerance = 1e-6;

    /// <summary>State values that a measurement keeps, of all its samples at all the profile's times; large states are measured on fewer samples.</summary>
    private const long MostTrajectoryValues = 1 << 26;
    private const int FewestCalibrated = 8;
    private const int FewestSamples = 32;

    private static readonly EmbeddedPair[] Candidates = [ButcherTableau.Bosh3, ButcherTableau.Dopri5, ButcherTableau.Verner6Robust];

    private static readonly double[] Tolerances = [.. Enumerable.Range(1, 13).Select(i => Math.Pow(10, -i / 2.0))];

    /// <summary>The error of x(1) that each quality stands for, as a share of the data's standard deviation.</summary>
    private static readonly (SamplingQuality Quality, double Error)[] Targets =
        [(SamplingQuality.Draft, 5e-2), (SamplingQuality.Normal, 1e-2), (SamplingQuality.Fine, 1e-3)];

    /// <summary>Measures the step profile of a pair on a field.</summary>
    /// <param name="problem">The samples it is measured on: their field, initial states, conditions and number; a few hundred will do.</param>
    /// <param name="pair">The pair; one with a single error estimate.</param>
    /// <param name="moments">The data's mean and scale, for a profile in their coordinates; the problem then needs its path.</param>
    /// <param name="cancellationToken">Ends the measurement within one call of the field.</param>
    /// <exception cref="ArgumentException">The pair has a second error estimate, or the problem runs in reverse.</exception>
    public static StepProfile MeasureProfile(OdeProblem problem, EmbeddedPair pair, DataMoments? moments = null, CancellationToken cancellationToken = default)
    {
        if (!pair.SecondErrorWeights.IsEmpty)
            throw new ArgumentException($"A profile of {pair}, which has a second error estimate, cannot be measured. Choose another pair, such as dopri5.", nameof(pair));
        if (problem.Direction < 0)
            throw new ArgumentException("A profile is measured from noise to data: let the problem start before its end.", nameof(problem));
        if (moments is not null)
        {
            ProbabilityPath path = problem.Path ?? throw new ArgumentException("The coordinates of Gaussian data follow the model's path: set OdeProblem.Path.", nameof(problem));
            problem = WhitenedField.Whitened(problem, new WhitenedField(problem.Field, path, moments, problem.Start, problem.End));
        }
        double[] times = [.. StepProfile.TimesOf(ProfileMeasurement.Nodes).Select(time => Math.Clamp(time, problem.Start, problem.End))];
        SampleBatch tight = OdeSolver.Solve(Tight(problem) with { TrajectoryTimes = times }, cancellationToken: cancellationToken).EnsureSuccess();
        return ProfileMeasurement.Measure(problem, times, tight.Trajectories, pair, cancellationToken);
    }

    /// <summary>Measures solvers on a model.</summary>
    /// <param name="model">The model. It is sampled without guidance.</param>
    /// <param name="samples">Samples that profiles are measured on, and others as many that they are judged on; at least 32. Default 128.</param>
    /// <param name="progress">Told the share of the work that is done, in [0, 1].</param>
    /// <param name="conditions">Conditions it is sampled under, in turn. Default: its classes in turn, no vectors.</param>
    /// <param name="cancellationToken">Ends the measurement within one network call.</param>
    /// <returns>Hints to be written into the model's card.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer than 32 samples.</exception>
    /// <exception cref="SamplingException">The model has no tight solution: a sample failed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static HintsCard Tune(
        FlowModel model, int samples = 128, IProgress<double>? progress = null, IReadOnlyList<Condition>? conditions = null, CancellationToken cancellationToken = default)
    {
        if (samples < FewestSamples)
            throw new ArgumentOutOfRangeException(nameof(samples), samples, $"{samples} samples are too few to judge by. Give at least {FewestSamples}.");
        int classes = model.Card.Conditions?.Classes?.Names.Count ?? 0;
        OdeProblem calibration = model.Problem(samples, new SamplingOptions { Conditions = conditions ?? [.. Enumerable.Range(0, classes).Select(label => new Condition { Label = label })] });
        OdeProblem judged = calibration with { First = samples };
        calibration = calibration with { Count = Math.Clamp(MostTrajectoryValues / ((long)ProfileMeasurement.Nodes * model.Field.Dimension), FewestCalibrated, samples) };
        float[] truth = OdeSolver.Solve(Tight(judged), cancellationToken: cancellationToken).EnsureSuccess().Values;

        (EmbeddedPair Pair, DataMoments? Moments)[] ways =
            [.. Candidates.SelectMany(pair => (model.Moments is { } known ? (DataMoments?[])[null, known] : [null]).Select(moments => (pair, moments)))];
        var profiles = new StepProfile[ways.Length];
        int done = 0;
        // Measuring is one network call after another, so the processors share the ways; the solves below share themselves out.
        try
        {
            Parallel.For(0, ways.Length, new ParallelOptions { CancellationToken = cancellationToken, MaxDegreeOfParallelism = calibration.Processors }, way =>
            {
                profiles[way] = Rounded(MeasureProfile(calibration with { Workers = 1 }, ways[way].Pair, ways[way].Moments, cancellationToken));
                progress?.Report(0.7 * Interlocked.Increment(ref done) / ways.Length);
            });
        }
        catch (AggregateException e) // the first failure says what the others do
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
        var runs = new List<Run>();
        for (int way = 0; way < ways.Length; way++)
        {
            foreach (StepProfile? profile in new[] { profiles[way], null })
            {
                int small = 0;
                foreach (double tolerance in Tolerances)
                {
                    Run run = Try(judged, Steps(ways[way].Pair, tolerance, profile, ways[way].Moments), truth, cancellationToken);
                    runs.Add(run);
                    if (run.Error <= Targets[^1].Error / 3 && ++small == 2) // no quality asks for more
                        break;
                }
            }
            progress?.Report(0.7 + 0.3 * (way + 1) / ways.Length);
        }
        Dictionary<SamplingQuality, Run> best = Targets.ToDictionary(target => target.Quality, target => Best(runs, target.Error, judged, truth, cancellationToken));
        return new HintsCard(
            OnnxFile.GraphHash(model.Path),
            Guidance: model.HintsApply ? model.Card.Hints?.Guidance : null, // one for another graph stays ignored
            Quality: new QualityCard(Level(best[SamplingQuality.Draft]), Level(best[SamplingQuality.Normal]), Level(best[SamplingQuality.Fine])),
            // Those in plain coordinates serve other tolerances and methods too; whitened ones are kept where a quality uses them.
            Profiles: [.. profiles.Where(profile => !profile.IsWhitened || best.Values.Any(run => run.Steps.Profile == profile))
                .Select(profile => new ProfileCard(profile.Method.Name, profile.Tolerances, profile.Steps, profile.IsWhitened))]);
    }

    private static OdeProblem Tight(OdeProblem problem) => problem with
    {
        Solver = new AdaptiveSteps { Method = ButcherTableau.Dopri5, RelativeTolerance = TightTolerance, AbsoluteTolerance = TightTolerance },
    };

    private static AdaptiveSteps Steps(EmbeddedPair pair, double tolerance, StepProfile? profile, DataMoments? moments) =>
        new() { Method = pair, RelativeTolerance = tolerance, AbsoluteTolerance = tolerance, Profile = profile, Moments = moments };

    private static Run Try(OdeProblem problem, AdaptiveSteps steps, float[] truth, CancellationToken cancellationToken)
    {
        SampleBatch batch = OdeSolver.Solve(problem with { Solver = steps }, cancellationToken: cancellationToken);
        return new Run(steps, (double)batch.Statistics.Evaluations / batch.Count, batch.Failed == 0 ? ErrorOf(batch, truth) : double.PositiveInfinity);
    }

    /// <summary>The run that reaches an error most cheaply: between two tolerances of a method where one does and the next looser does not.</summary>
    private static Run Best(List<Run> runs, double error, OdeProblem problem, float[] truth, CancellationToken cancellationToken)
    {
        Run best = runs.MinBy(run => run.Error)!;
        foreach (var curve in runs.GroupBy(run => (run.Steps.Method, run.Steps.Profile, run.Steps.Moments)))
        {
            Run[] points = [.. curve.OrderByDescending(run => run.Steps.RelativeTolerance)];
            // From the tight end, as far as the error holds: a loose run that is good by luck does not count.
            int last = points.Length - 1;
            while (last > 0 && points[last].Error <= error && points[last - 1].Error <= error)
                last--;
            Run reached = points[last];
            if (reached.Error > error)
                continue;
            if (last > 0 && double.IsFinite(points[last - 1].Error)) // not where samples failed, which no tolerance lies between
            {
                double share = Math.Log(points[last - 1].Error / error) / Math.Log(points[last - 1].Error / Math.Max(reached.Error, 1e-12));
                double tolerance = points[last - 1].Steps.RelativeTolerance * Math.Pow(reached.Steps.RelativeTolerance / points[last - 1].Steps.RelativeTolerance, share);
                tolerance = double.Parse(tolerance.ToString("G2", System.Globalization.CultureInfo.InvariantCulture), System.Globalization.CultureInfo.InvariantCulture);
                Run between = Try(problem, reached.Steps with { RelativeTolerance = tolerance, AbsoluteTolerance = tolerance }, truth, cancellationToken);
                if (between.Error <= error * 1.2)
                    reached = between;
            }
            if (best.Error > error * 1.2 || reached.Evaluations < best.Evaluations)
                best = reached;
        }
        return best;
    }

    /// <summary>
    /// The error as a share of the data's standard deviation: root mean square over the samples but the worst 2%. One near the border
    /// between two modes ends elsewhere for any change, and would decide alone.
    /// </summary>
    private static double ErrorOf(SampleBatch batch, float[] truth)
    {
        int dimension = batch.Dimension;
        double[] squares = new double[batch.Count];
        for (int i = 0; i < batch.Count; i++)
        {
            float distance = TensorPrimitives.Distance(batch[i], truth.AsSpan(i * dimension, dimension));
            squares[i] = (double)distance * distance / dimension;
        }
        Array.Sort(squares);
        double deviation = TensorPrimitives.StdDev<float>(truth);
        return Math.Sqrt(squares.Take((int)Math.Ceiling(0.98 * batch.Count)).Average()) / Math.Max(deviation, 1e-12);
    }

    private static QualityLevelCard Level(Run run) =>
        new(run.Steps.Method.Name, run.Steps.RelativeTolerance, Math.Round(run.Evaluations, 1), RoundTo(run.Error, 2), run.Steps.Profile is not null, run.Steps.Moments is not null);

    /// <summary>The profile with the digits that a card keeps, so that what is judged is what is stored.</summary>
    private static StepProfile Rounded(StepProfile profile) =>
        new(profile.Method, profile.Tolerances, [.. profile.Steps.Select(row => row.Select(step => RoundTo(step, 3)).ToArray())], profile.IsWhitened);

    private static double RoundTo(double value, int digits) =>
        double.Parse(value.ToString($"G{digits}", System.Globalization.CultureInfo.InvariantCulture), System.Globalization.CultureInfo.InvariantCulture);

    private sealed record Run(AdaptiveSteps Steps, double Evaluations, double Error);
}
