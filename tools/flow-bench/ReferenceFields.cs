using FlowRuntime.Ode;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;
using FlowRuntime.Tests;
using FlowRuntime.Tuning;

namespace FlowRuntime.Bench;

/// <summary>Evaluations to reach an error on three fields whose flow is known, beside what peers need for it.</summary>
internal static class ReferenceFields
{
    public static readonly string[] Names = ["gauss", "mix8", "mix8_stiff"];
    private static readonly double[] Errors = [1e-3, 1e-4, 1e-5];
    private static readonly double[] Tolerances = [.. Enumerable.Range(2, 13).Select(i => Math.Pow(10, -i / 2.0))];

    public static IEnumerable<Figure> Run()
    {
        foreach (string name in Names)
        {
            ReferenceFlow flow = ReferenceFlow.Named(name);
            string section = $"{name}: mean evaluations per sample to reach an rms error (error in float64, states in float32)";
            IReadOnlyList<WorkPrecision> adaptivePeers = Peers.Of(name, fixedSteps: false), fixedPeers = Peers.Of(name, fixedSteps: true);
            EmbeddedPair[] pairs = [.. ButcherTableau.All.OfType<EmbeddedPair>()];
            WorkPrecision[] untuned = [.. pairs.Select(pair => Curve(flow, pair.Name, tolerance => Steps(pair, tolerance, null)))];
            WorkPrecision[] tuned =
            [
                .. from pair in pairs
                   where pair.SecondErrorWeights.IsEmpty
                   from moments in new[] { null, MomentsOf(flow) }
                   let profile = SolverTuner.MeasureProfile(CalibrationOf(flow), pair, moments)
                   select Curve(flow, moments is null ? pair.Name : $"{pair}, whitened", tolerance => Steps(pair, tolerance, profile) with { Moments = moments }),
            ];
            foreach (double error in Errors)
            {
                (double peer, string peerName) = Peers.Best(adaptivePeers, error)!.Value;
                yield return new Figure(section, $"{error:0e+0}: best adaptive peer", peer, "evaluations", Remark: peerName);
                if (Peers.Best(fixedPeers, error) is { } withHindsight)
                    yield return new Figure(section, $"{error:0e+0}: best fixed-step peer, with hindsight", withHindsight.Evaluations, "evaluations", Remark: withHindsight.Name);
                for (int i = 0; i < pairs.Length; i++)
                {
                    yield return new Figure(section, $"{error:0e+0}: {pairs[i]}, untuned", untuned[i].EvaluationsFor(error), "evaluations");
                    foreach (WorkPrecision curve in tuned.Where(curve => curve.Name.Split(',')[0] == pairs[i].Name))
                        yield return new Figure(section, $"{error:0e+0}: {curve.Name}, tuned", curve.EvaluationsFor(error), "evaluations");
                }
                (double plain, string plainName) = Peers.Best(untuned, error)!.Value;
                (double best, string bestName) = Peers.Best(tuned, error)!.Value;
                yield return new Figure(section, $"{error:0e+0}: best untuned / best peer", plain / peer, "ratio", name == "mix8" ? 1.0 : null, Remark: plainName);
                yield return new Figure(section, $"{error:0e+0}: best tuned / best peer", best / peer, "ratio", name == "mix8_stiff" && error == 1e-3 ? 1.1 : 0.75, Remark: bestName);
            }
        }
    }

    private static AdaptiveSteps Steps(EmbeddedPair pair, double tolerance, StepProfile? profile) =>
        new() { Method = pair, RelativeTolerance = tolerance, AbsoluteTolerance = tolerance, Profile = profile };

    /// <summary>Samples to tune on, others than those judged.</summary>
    private static OdeProblem CalibrationOf(ReferenceFlow flow) => new()
    {
        Field = flow.Flow.Field,
        InitialState = static (index, x) => Noise.Fill(seed: 99, index, x),
        Count = 256,
        Path = new ConditionalOtPath(),
    };

    /// <summary>Mean and scale of the mixture.</summary>
    private static DataMoments MomentsOf(ReferenceFlow flow)
    {
        GaussianFlow mixture = flow.Flow;
        double total = mixture.Weights.Sum();
        double[] mean = [.. Enumerable.Range(0, 2).Select(i => mixture.Means.Zip(mixture.Weights, (m, w) => w * m[i]).Sum() / total)];
        double spread = mixture.Means.Zip(mixture.Weights, (m, w) => w * (Math.Pow(m[0] - mean[0], 2) + Math.Pow(m[1] - mean[1], 2))).Sum() / total / 2;
        return new DataMoments(mean, [Math.Sqrt(spread + mixture.Scale * mixture.Scale)]);
    }

    /// <summary>A method's curve over falling tolerances.</summary>
    public static WorkPrecision Curve(ReferenceFlow flow, string name, Func<double, SolverOptions> options) => new(name,
    [
        .. Tolerances.Select(tolerance => Point(flow, options(tolerance))),
    ]);

    public static (double Evaluations, double Error) Point(ReferenceFlow flow, SolverOptions solver)
    {
        SampleBatch batch = OdeSolver.Solve(new OdeProblem
        {
            Field = flow.Flow.Field,
            InitialState = (index, x) => (x[0], x[1]) = ((float)flow.Starts[2 * index], (float)flow.Starts[2 * index + 1]),
            Count = flow.Count,
            Solver = solver,
            Path = new ConditionalOtPath(),
        });
        double sum = 0;
        for (int i = 0; i < flow.Ends.Length; i++)
            sum += Math.Pow(batch.Values[i] - flow.Ends[i], 2);
        return ((double)batch.Statistics.Evaluations / flow.Count, Math.Sqrt(sum / flow.Ends.Length));
    }
}
