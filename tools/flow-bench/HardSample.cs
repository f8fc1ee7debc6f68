using FlowRuntime.Ode;
using FlowRuntime.Tests;

namespace FlowRuntime.Bench;

/// <summary>One sample that turns with the angular frequency 60 among 64: with steps of its own, and where all share one step and one norm.</summary>
internal static class HardSample
{
    private const int Samples = 64;
    private const int Hard = 17;
    private const double Fast = 60;
    private const double Tolerance = 1e-5;

    public static IEnumerable<Figure> Run()
    {
        const string Section = "one sample of angular frequency 60 among 64 (dx/dt a rotation), dopri5 at 1e-5";
        var each = OdeSolver.Solve(Problem(Rotation(separate: true), Samples, dimension: 2));
        // All samples as one state of 128 values: one step for all, and the root mean square over them as the error, as torchdiffeq has it.
        var joint = OdeSolver.Solve(Problem(Rotation(separate: false), count: 1, dimension: 2 * Samples));
        long jointRows = joint.Statistics.Evaluations * Samples;
        yield return new Figure(Section, "own steps: error of the hard sample", Error(each[Hard], Fast), "");
        yield return new Figure(Section, "own steps: largest error of an easy sample", Enumerable.Range(0, Samples).Where(i => i != Hard).Max(i => Error(each[i], Speed(i))), "");
        yield return new Figure(Section, "own steps: row evaluations of all samples", each.Statistics.Evaluations, "rows");
        yield return new Figure(Section, "joint norm: error of the hard sample", Error(joint.Values.AsSpan(2 * Hard, 2), Fast), "", Remark: "torchdiffeq, measured elsewhere: 1.2e-3 with 308 calls");
        yield return new Figure(Section, "joint norm: row evaluations of all samples", jointRows, "rows");
        yield return new Figure(Section, "row evaluations, own steps / joint norm", (double)each.Statistics.Evaluations / jointRows, "ratio");
    }

    private static double Speed(int i) => i == Hard ? Fast : 1 + i / (double)Samples;

    private static FormulaField Rotation(bool separate) => separate
        ? new FormulaField(2, static (index, _, x, v) => Turn((int)index, x, v))
        : new FormulaField(2 * Samples, static (_, _, x, v) =>
        {
            for (int i = 0; i < Samples; i++)
                Turn(i, x.Slice(2 * i, 2), v.Slice(2 * i, 2));
        });

    private static void Turn(int i, ReadOnlySpan<float> x, Span<float> v)
    {
        float speed = (float)Speed(i);
        (v[0], v[1]) = (-speed * x[1], speed * x[0]);
    }

    private static OdeProblem Problem(FormulaField field, int count, int dimension) => new()
    {
        Field = field,
        InitialState = (_, x) =>
        {
            for (int i = 0; i < dimension; i += 2)
                (x[i], x[i + 1]) = (1, 0);
        },
        Count = count,
        Workers = 1,
        Solver = new AdaptiveSteps { Method = ButcherTableau.Dopri5, RelativeTolerance = Tolerance, AbsoluteTolerance = Tolerance },
    };

    private static double Error(ReadOnlySpan<float> x, double speed) => Math.Sqrt(Math.Pow(x[0] - Math.Cos(speed), 2) + Math.Pow(x[1] - Math.Sin(speed), 2));
}
