using CsCheck;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests.Robustness;

/// <summary>
/// An adaptive solve of a <see cref="KnownFlow"/>, with states x = scale · y over times t = start ± length · u. Its samples
/// differ in where they start.
/// </summary>
internal sealed record FlowTrial(
    string Kind, double A, double B, EmbeddedPair Pair, StepController Controller, double RelativeTolerance, double AbsoluteTolerance,
    double? FirstStep, int MaxSteps, int Dimension, double Scale, double Start, double Length, bool Reverse, int Count, uint Seed)
{
    private static readonly EmbeddedPair[] Pairs = [.. ButcherTableau.All.OfType<EmbeddedPair>()];

    private KnownFlow? _flow;

    private KnownFlow Flow => _flow ??= KnownFlow.Kinds[Kind](A, B);

    private int Direction => Reverse ? -1 : 1;

    private double End => Start + Direction * Length;

    /// <summary>Trials of all kinds, methods and sizes.</summary>
    public static Gen<FlowTrial> Any { get; } = Gen.Select(
        Gen.Select(Gen.OneOf(KnownFlow.Kinds.Keys.ToArray()), Gen.Double[0, 1], Gen.Double[0, 1], Gen.UInt),
        Gen.Select(Gen.OneOf(Pairs), Gen.OneOf(StepController.I, StepController.PI, StepController.PID), Gen.Double[1, 12], Gen.Double[-3, 0]),
        Gen.Select(Gen.OneOf(Gen.Const((double?)null), Gen.Double[-6, 0].Select(log => (double?)Math.Pow(10, log))), Gen.OneOf(20, 500, 2000, 10_000)),
        Gen.Select(Gen.OneOf(1, 2, 3, 7, 17, 63, 64, 65), Gen.Frequency((3, Gen.Const(0.0)), (1, Gen.Double[-30, 30])),
            Gen.Frequency((3, Gen.Const(0.0)), (1, Gen.Double[-12, 12])), Gen.Frequency((3, Gen.Const(0.0)), (1, Gen.Double[-3, 3])), Gen.Bool, Gen.Int[1, 4]),
        (flow, solver, steps, size) =>
        {
            double scale = Math.Pow(10, size.Item2), length = Math.Pow(10, size.Item3), rtol = Math.Pow(10, -solver.Item3);
            return new FlowTrial(flow.Item1, flow.Item2, flow.Item3, solver.Item1, solver.Item2, rtol, rtol * scale * Math.Pow(10, solver.Item4),
                steps.Item1 * length, steps.Item2, size.Item1, scale, size.Item4, length, size.Item5, size.Item6, flow.Item4);
        });

    /// <summary>The most velocity evaluations of a sample: two to find its first step, and in each step all stages.</summary>
    public int MostEvaluations => 2 + MaxSteps * (Pair.Stages - (Pair.LastStageIsNextFirst ? 1 : 0));

    /// <summary>Solves all samples.</summary>
    /// <param name="broken">Samples whose velocity is NaN, besides.</param>
    public SampleBatch Solve(int broken = 0)
    {
        // The broken ones stand between the others.
        bool IsBroken(long index) => broken > 0 && index % 2 == 1;
        long SampleOf(long index) => broken > 0 ? index / 2 : index;
        var field = new FormulaField(Dimension, (index, t, x, v) =>
        {
            if (IsBroken(index))
                v.Fill(float.NaN);
            else
                Velocity(t, x, v);
        });
        return OdeSolver.Solve(new OdeProblem
        {
            Field = field,
            InitialState = (index, x) => Begin(SampleOf(index), x),
            Count = broken > 0 ? 2 * Count : Count,
            Start = Start,
            End = End,
            Workers = 1,
            Slots = broken > 0 ? 3 : null,
            Solver = new AdaptiveSteps
            {
                Method = Pair,
                Controller = Controller,
                RelativeTolerance = RelativeTolerance,
                AbsoluteTolerance = AbsoluteTolerance,
                FirstStep = FirstStep,
                MaxSteps = MaxSteps,
            },
        });
    }

    /// <summary>Whether the solution of a sample reaches the end in float32.</summary>
    public bool ReachesTheEnd(int sample) =>
        Starts(sample).All(x => Flow.EndsAt(x / Scale) > 1 && Math.Abs(Scale * Flow.Exact(1, x / Scale)) < float.MaxValue);

    /// <summary>
    /// The error of a sample at the time it reached, over its tolerances: √(mean of ((x − exact)/(atol + rtol · the largest |exact| so far))²), over the growth of an error till then.
    /// </summary>
    public double ErrorRatio(SampleBatch batch, int sample)
    {
        float[] starts = Starts(sample);
        double u = Math.Min(1, Math.Abs(batch.Times[sample] - Start) / Length), sum = 0, growth = 1;
        for (int i = 0; i < Dimension; i++)
        {
            double y = starts[i] / Scale, size = 0;
            if (u >= Flow.EndsAt(y))
                u = Math.BitDecrement(Flow.EndsAt(y));
            for (int j = 0; j <= 64; j++)
                size = Math.Max(size, Math.Abs(Scale * Flow.Exact(u * j / 64, y)));
            double error = (batch[sample][i] - Scale * Flow.Exact(u, y)) / (AbsoluteTolerance + RelativeTolerance * size);
            sum += error * error;
            growth = Math.Max(growth, Flow.Growth(y, u));
        }
        return Math.Sqrt(sum / Dimension) / growth;
    }

    private void Velocity(double t, ReadOnlySpan<float> x, Span<float> v)
    {
        double u = Direction * (t - Start) / Length;
        for (int i = 0; i < x.Length; i++)
            v[i] = (float)(Direction * Scale / Length * Flow.Speed(u, x[i] / Scale));
    }

    private float[] Starts(long sample)
    {
        float[] state = new float[Dimension];
        Begin(sample, state);
        return state;
    }

    private void Begin(long sample, Span<float> x)
    {
        Noise.Fill(Seed, sample, x);
        foreach (ref float value in x) // from the normal law to the interval, by its own cumulative in rough form
            value = (float)(Scale * (Flow.Least + (Flow.Most - Flow.Least) / (1 + Math.Exp(-1.7 * value))));
    }
}
