using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>A solve whose end lies before its start runs in reverse, and so undoes the one that runs forward.</summary>
public class ReverseTimeTests
{
    /// <summary>Each method that runs in reverse and how near its two solves come to the start on the flow to eight Gaussians.</summary>
    private static readonly Dictionary<string, (SolverOptions Solver, double Tolerance)> Ways = new()
    {
        ["euler"] = (new FixedSteps(ButcherTableau.Euler, 2000), 0.05),
        ["midpoint"] = (new FixedSteps(ButcherTableau.Midpoint, 200), 2e-3),
        ["heun"] = (new FixedSteps(ButcherTableau.Heun, 200), 2e-3),
        ["ralston"] = (new FixedSteps(ButcherTableau.Ralston, 200), 2e-3),
        ["heun-euler"] = (new FixedSteps(ButcherTableau.HeunEuler, 200), 2e-3),
        ["bosh3"] = (new FixedSteps(ButcherTableau.Bosh3, 100), 1e-3),
        ["rk4"] = (new FixedSteps(ButcherTableau.RungeKutta4, 60), 1e-3),
        ["rk38"] = (new FixedSteps(ButcherTableau.ThreeEighths, 60), 1e-3),
        ["dopri5"] = (new FixedSteps(ButcherTableau.Dopri5, 60), 1e-3),
        ["tsit5"] = (new FixedSteps(ButcherTableau.Tsit5, 60), 1e-3),
        ["vern6"] = (new FixedSteps(ButcherTableau.Verner6, 40), 1e-3),
        ["vern6-robust"] = (new FixedSteps(ButcherTableau.Verner6Robust, 40), 1e-3),
        ["dop853"] = (new FixedSteps(ButcherTableau.Dop853, 30), 1e-3),
        ["ab2"] = (new FixedSteps(MultistepMethod.AdamsBashforth2, 400), 2e-3),
        ["ab3"] = (new FixedSteps(MultistepMethod.AdamsBashforth3, 200), 2e-3),
        ["ab3, cosine"] = (new FixedSteps(MultistepMethod.AdamsBashforth3, 200) { Grid = TimeGrid.Cosine }, 2e-3),
        ["rk4, karras"] = (new FixedSteps(ButcherTableau.RungeKutta4, 60) { Grid = TimeGrid.Karras() }, 1e-3),
        ["heun-euler, adaptive"] = (Adaptive(ButcherTableau.HeunEuler), 2e-3),
        ["bosh3, adaptive"] = (Adaptive(ButcherTableau.Bosh3), 1e-3),
        ["dopri5, adaptive"] = (Adaptive(ButcherTableau.Dopri5), 1e-3),
        ["tsit5, adaptive"] = (Adaptive(ButcherTableau.Tsit5), 1e-3),
        ["vern6, adaptive"] = (Adaptive(ButcherTableau.Verner6), 1e-3),
        ["vern6-robust, adaptive"] = (Adaptive(ButcherTableau.Verner6Robust), 1e-3),
        ["dop853, adaptive"] = (Adaptive(ButcherTableau.Dop853), 1e-3),
    };

    public static TheoryData<string> Names => [.. Ways.Keys];

    [Theory, MemberData(nameof(Names))]
    public void The_states_at_the_end_return_to_their_starts(string way)
    {
        (SolverOptions solver, double tolerance) = Ways[way];
        OdeProblem forward = Solve.Problem(GaussianFlow.Eight.Field, solver, count: 16, slots: 7);
        SampleBatch ends = OdeSolver.Solve(forward).EnsureSuccess();
        var field = new RecordingField(GaussianFlow.Eight.Field);
        SampleBatch starts = OdeSolver.Solve(forward with
        {
            Field = field,
            Start = 1,
            End = 0,
            InitialState = (index, x) => ends[(int)index].CopyTo(x),
        }).EnsureSuccess();

        var expected = new float[2];
        for (int i = 0; i < starts.Count; i++)
        {
            forward.InitialState(i, expected);
            Assert.Equal(expected[0], starts[i][0], tolerance);
            Assert.Equal(expected[1], starts[i][1], tolerance);
        }
        Assert.All(starts.Times, t => Assert.Equal(0, t));
        Assert.All(field.Rows, row => Assert.InRange(row.Time, 0, 1));
    }

    [Fact]
    public void Every_method_that_does_not_follow_the_path_is_tried() =>
        Assert.Empty(SolverMethod.Methods.Where(method => method is not StochasticMethod and not MultistepMethod { IsExponential: true })
            .Select(method => method.Name).Except(Ways.Keys));

    /// <summary>v(t, x) = x cos t run from 2 to −1: x(−1) = x(2) exp(sin(−1) − sin 2).</summary>
    [Theory]
    [InlineData("rk4")]
    [InlineData("dopri5, adaptive")]
    public void Time_may_run_in_reverse_between_any_two_times(string way)
    {
        float x = Solve.One(FormulaField.Cosine, Ways[way].Solver, 2, -1, 3)[0];
        Assert.Equal(3 * Math.Exp(Math.Sin(-1) - Math.Sin(2)), x, 1e-5);
    }

    [Theory]
    [InlineData("rk4")]
    [InlineData("dopri5, adaptive")]
    [InlineData("dop853, adaptive")]
    public void Samples_that_fail_in_reverse_fail_alone_where_they_do(string way)
    {
        FormulaField Field(double breaks) => new(1, (index, t, x, v) => v[0] = index == 3 && t <= breaks ? float.NaN : (1 + index) * MathF.Cos((float)t) - x[0]);
        OdeProblem problem = Solve.Problem(Field(-1), Ways[way].Solver, count: 20, slots: 7) with { Start = 1, End = 0 };
        SampleBatch whole = OdeSolver.Solve(problem).EnsureSuccess(), batch = OdeSolver.Solve(problem with { Field = Field(0.5) });
        Assert.Equal((SampleStatus.NonFinite, 1), (batch.Status[3], batch.Failed));
        Assert.InRange(batch.Times[3], 0.5, 0.53);
        for (int i = 0; i < 20; i++)
            Assert.True(i == 3 || Solve.SameBits(whole[i], batch[i]), $"sample {i}");
    }

    private static AdaptiveSteps Adaptive(EmbeddedPair method) => new() { Method = method, RelativeTolerance = 1e-5, AbsoluteTolerance = 1e-5 };
}
