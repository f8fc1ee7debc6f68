using System.Runtime.InteropServices;
using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>Solves from standard normal noise, and the comparisons of results that the tests speak in.</summary>
internal static class Solve
{
    /// <summary>Ways to solve: fixed and adaptive steps, methods first same as last and not.</summary>
    public static IReadOnlyDictionary<string, SolverOptions> Ways { get; } = new Dictionary<string, SolverOptions>
    {
        ["euler, 12 steps"] = new FixedSteps(ButcherTableau.Euler, 12),
        ["heun, 7 steps"] = new FixedSteps(ButcherTableau.Heun, 7),
        ["rk4, 5 steps"] = new FixedSteps(ButcherTableau.RungeKutta4, 5),
        ["dopri5, 3 steps"] = new FixedSteps(ButcherTableau.Dopri5, 3),
        ["dopri5, adaptive"] = new AdaptiveSteps { Method = ButcherTableau.Dopri5, RelativeTolerance = 1e-3, AbsoluteTolerance = 1e-3 },
        ["dopri5, profile"] = new AdaptiveSteps
        {
            Method = ButcherTableau.Dopri5,
            Controller = StepController.PID,
            Profile = new StepProfile(ButcherTableau.Dopri5, [1e-4, 1e-2], [[0.04, 0.02, 0.01], [0.1, 0.05, 0.02]]),
        },
        ["ab3, 12 steps"] = new FixedSteps(MultistepMethod.AdamsBashforth3, 12),
        ["dpm++2m, 12 steps"] = new FixedSteps(MultistepMethod.DpmSolver2M, 12),
        ["unipc3, 12 steps"] = new FixedSteps(MultistepMethod.UniPC3, 12),
        ["euler-maruyama, 12 steps"] = new FixedSteps(StochasticMethod.EulerMaruyama(), 12),
        ["churned-heun, 12 steps"] = new FixedSteps(StochasticMethod.ChurnedHeun(), 12),
        ["vern6, adaptive"] = new AdaptiveSteps { Method = ButcherTableau.Verner6, RelativeTolerance = 1e-4, AbsoluteTolerance = 1e-4 },
        ["dop853, adaptive"] = new AdaptiveSteps { Method = ButcherTableau.Dop853, RelativeTolerance = 1e-5, AbsoluteTolerance = 1e-5 },
        ["heun-euler, adaptive"] = new AdaptiveSteps { Method = ButcherTableau.HeunEuler, RelativeTolerance = 1e-2, AbsoluteTolerance = 1e-2 },
    };

    public static TheoryData<string> WayNames => [.. Ways.Keys];

    public static OdeProblem Problem(IVelocityField field, SolverOptions solver, int count, int slots = 64, int workers = 1, long first = 0) => new()
    {
        Field = field,
        InitialState = static (index, state) => Noise.Fill(seed: 1, index, state),
        Solver = solver,
        Count = count,
        First = first,
        Slots = slots,
        Workers = workers,
        Path = new ConditionalOtPath(),
    };

    /// <summary>Solves one sample from a given state with one worker.</summary>
    public static float[] One(IVelocityField field, SolverOptions solver, double start, double end, params float[] state) =>
        OdeSolver.Solve(Problem(field, solver, count: 1) with
        {
            InitialState = (_, x) => state.CopyTo(x),
            Start = start,
            End = end,
        }).EnsureSuccess().Values;

    /// <summary>Whether two rows are equal bit for bit (NaN equals itself, −0 differs from 0).</summary>
    public static bool SameBits(ReadOnlySpan<float> left, ReadOnlySpan<float> right) =>
        MemoryMarshal.Cast<float, int>(left).SequenceEqual(MemoryMarshal.Cast<float, int>(right));

    /// <summary>√(mean of |row − expected row|²) over the rows.</summary>
    public static double RootMeanSquare(ReadOnlySpan<float> values, ReadOnlySpan<double> expected, int dimension)
    {
        double sum = 0;
        for (int i = 0; i < values.Length; i++)
            sum += (values[i] - expected[i]) * (values[i] - expected[i]);
        return Math.Sqrt(sum / (values.Length / dimension));
    }
}
