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

    /// <summary>Where the solve ends.</summary>
    public double End => Start + Direction * Length;

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
    public SampleBatch Solve() => Solve(Count, static index => index, static _ => false, slots: null);

    /// <summary>Solves all samples, each with another behind it whose velocity is NaN: sample i is sample 2 i.</summary>
    public SampleBatch SolveAmongBroken() => Solve(2 * Count, static index => index / 2, static index => index % 2 == 1, slots: 3);

    /// <summary>Whether a time is one of the solve's.</summary>
    public bool Contains(double time) => time >= Math.Min(Start, End) && time <= Math.Max(Start, End);

    /// <summary>
    /// Whether the estimate sees what the field does: not a wave that is quick beside the step; and of a first step that is given and far too long it is 0 by chance now and then, where the error is not.
    /// </summary>
    public bool IsSeen => Flow.IsSeen && !(FirstStep > 0.01 * Length);

    /// <summary>Whether the solution of a sample, or one from within some tolerances of its start, reaches the end in float32.</summary>
    public bool MayReachTheEnd(int sample) => Starts(sample).All(x =>
    {
        double y = x / Scale, near = 20 * Math.Sqrt(Dimension) * (AbsoluteTolerance / Scale + RelativeTolerance * Math.Abs(y));
        return Math.Max(Flow.EndsAt(y), Math.Max(Flow.EndsAt(y - near), Flow.EndsAt(y + near))) > 1 - 1e-6
            && (Flow.EndsAt(y) <= 1 || RelativeTolerance > 1e-3 || Math.Abs(Scale * Flow.Exact(1, y)) <= float.MaxValue);
    });

    /// <summary>Whether the tolerances are so small that what they allow one value grows as the flow's first derivative says.</summary>
    public bool IsLinear => Flow.IsLinear || Math.Sqrt(Dimension) * (AbsoluteTolerance / Scale + RelativeTolerance) < 0.02;

    /// <summary>Whether a sample ended near the end of its solution, where an error of any size says nothing.</summary>
    public bool IsNearTheEndOfItsSolution(SampleBatch batch, int sample) =>
        Starts(sample).Any(x => Math.Abs(batch.Times[sample] - Start) / Length > 0.9 * Flow.EndsAt(x / Scale));

    /// <summary>
    /// The error of a sample at the time it reached, over its tolerances: √(mean of (e/(atol + rtol · the largest |exact| so far))²), over the growth of an error till then. e is what is
    /// left of |x − exact| without the rounding of a float32 in each step.
    /// </summary>
    public double ErrorRatio(SampleBatch batch, int sample)
    {
        float[] starts = Starts(sample);
        double u = Math.Min(1, Math.Abs(batch.Times[sample] - Start) / Length), sum = 0, growth = 1;
        for (int i = 0; i < Dimension; i++)
        {
            double y = starts[i] / Scale, size = 0;
            for (int j = 0; j <= 64; j++)
                size = Math.Max(size, Math.Abs(Scale * Flow.Exact(u * j / 64, y)));
            double rounding = (batch.Accepted[sample] + 1) * size / (1 << 24);
            double error = Math.Max(0, Math.Abs(batch[sample][i] - Scale * Flow.Exact(u, y)) - rounding) / (AbsoluteTolerance + RelativeTolerance * size);
            sum += error * error;
            growth = Math.Max(growth, Flow.Growth(y, u));
        }
        return Math.Sqrt(sum / Dimension) / growth;
    }

    private SampleBatch Solve(int count, Func<long, long> sampleOf, Func<long, bool> isBroken, int? slots) => OdeSolver.Solve(new OdeProblem
    {
        Field = new FormulaField(Dimension, (index, t, x, v) =>
        {
            if (isBroken(index))
                v.Fill(float.NaN);
            else
                Velocity(t, x, v);
        }),
        InitialState = (index, x) => Begin(sampleOf(index), x),
        Count = count,
        Start = Start,
        End = End,
        Workers = 1,
        Slots = slots,
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
        foreach (ref float value in x) // from the normal law to the interval, by its cumulative in rough form
            value = (float)(Scale * (Flow.Least + (Flow.Most - Flow.Least) / (1 + Math.Exp(-1.7 * value))));
    }
}
