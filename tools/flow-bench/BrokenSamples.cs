using System.Runtime.InteropServices;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;
using FlowRuntime.Tests;

namespace FlowRuntime.Bench;

/// <summary>Four of 64 samples whose velocity turns NaN at t = 0.5: what becomes of the others.</summary>
internal static class BrokenSamples
{
    private static readonly long[] Broken = [0, 7, 31, 63];

    public static IEnumerable<Figure> Run()
    {
        const string Section = "4 of 64 samples made NaN at t = 0.5";
        foreach (SolverOptions solver in new SolverOptions[]
        {
            new AdaptiveSteps(), new AdaptiveSteps { Method = ButcherTableau.Dopri5 }, new FixedSteps(ButcherTableau.RungeKutta4, 20), new FixedSteps(MultistepMethod.UniPC3, 20),
        })
        {
            SampleBatch whole = Solve(solver, from: 2), hurt = Solve(solver, from: 0.5);
            int same = Enumerable.Range(0, 64).Count(i => !Broken.Contains(i) && MemoryMarshal.AsBytes(whole[i]).SequenceEqual(MemoryMarshal.AsBytes(hurt[i])));
            string name = solver is AdaptiveSteps ? $"{solver.MethodName}, adaptive" : $"{solver.MethodName}, 20 steps";
            yield return new Figure(Section, $"{name}: others the same bit for bit", same, "of 60", 60, AtLeast: true,
                Remark: $"the four end as {string.Join(", ", Broken.Select(i => hurt.Status[i]).Distinct())} at t = {Broken.Min(i => hurt.Times[i]):F3} to {Broken.Max(i => hurt.Times[i]):F3}");
        }
    }

    private static SampleBatch Solve(SolverOptions solver, double from) => OdeSolver.Solve(new OdeProblem
    {
        Field = new FormulaField(2, (index, t, x, v) =>
        {
            (double first, double second) = GaussianFlow.Eight.Velocity(t, x[0], x[1]);
            (v[0], v[1]) = ((float)first, (float)second);
            if (t >= from && Broken.Contains(index))
                v[0] = float.NaN;
        }),
        InitialState = static (index, x) => Noise.Fill(seed: 1, index, x),
        Count = 64,
        Solver = solver,
        Path = new Paths.ConditionalOtPath(),
    });
}
