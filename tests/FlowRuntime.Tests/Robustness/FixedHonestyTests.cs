using CsCheck;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests.Robustness;

/// <summary>
/// Fixed steps promise no error, but their cost, finite numbers, and the order of their method where the steps are short for the field.
/// </summary>
public class FixedHonestyTests
{
    private static readonly SolverMethod[] Plain = [.. ButcherTableau.All, MultistepMethod.AdamsBashforth2, MultistepMethod.AdamsBashforth3];
    private static readonly SolverMethod[] All = [.. ButcherTableau.All, .. MultistepMethod.All, .. StochasticMethod.All];

    /// <summary>Flows whose Lipschitz number L is known, from 1 to 20.</summary>
    private static readonly string[] Smooth = ["decay", "growth", "wave", "logistic"];

    /// <summary>Any field, with steps of any length: finite numbers at the end, or NonFinite where they were last finite; always the same number of evaluations.</summary>
    [Fact]
    public void Any_method_ends_with_finite_numbers_or_says_so_at_its_fixed_cost()
    {
        Gen.Select(Gen.OneOf(All), Gen.OneOf(KnownFlow.Kinds.Keys.ToArray()), Gen.Double[0, 1], Gen.Double[0, 1], Gen.Int[1, 40], Gen.Double[-30, 30], Gen.OneOf(1, 3, 64)).Sample(
            (method, kind, a, b, steps, log, dimension) =>
            {
                KnownFlow flow = KnownFlow.Kinds[kind](a, b);
                double scale = Math.Pow(10, log);
                OdeProblem problem = Solve.Problem(Field(dimension, flow, scale), new FixedSteps(method, steps), count: 6, slots: 4) with
                {
                    InitialState = (index, x) => x.Fill((float)(scale * (flow.Least + (flow.Most - flow.Least) * (index + 0.5) / 6))),
                };
                SampleBatch batch = OdeSolver.Solve(problem);
                double[] grid = TimeGrid.Uniform.Times(steps, 0, 1, null);
                for (int i = 0; i < 6; i++)
                {
                    Assert.True(batch.Status[i] is SampleStatus.Completed or SampleStatus.NonFinite);
                    Assert.All(batch[i].ToArray(), value => Assert.True(float.IsFinite(value)));
                    Assert.Equal(batch.Status[i] == SampleStatus.Completed, batch.Times[i] == 1);
                    Assert.Equal(grid[batch.Accepted[i]], batch.Times[i]);
                    Assert.InRange(batch.Evaluations[i], 1, CostOf(method, batch.Accepted[i] + batch.Rejected[i]));
                    SampleBatch alone = OdeSolver.Solve(problem with { First = i, Count = 1 });
                    Assert.True(Solve.SameBits(batch[i], alone[0]) && batch.Times[i] == alone.Times[0], $"sample {i} differs from itself alone");
                }
            });
    }

    /// <summary>Steps h with L h ≤ ¼: the error is within 8 (L h)^p and 8 roundings of each step, over the growth of errors; vern6, whose weights reach 177, magnifies roundings as much.</summary>
    [Fact]
    public void Short_steps_have_the_error_of_their_order()
    {
        Gen.Select(Gen.OneOf(Plain), Gen.OneOf(Smooth), Gen.Double[0, 1], Gen.Double[0, 1], Gen.Double[4, 40], Gen.Double[0, 1]).Sample(
            (method, kind, a, b, fineness, place) =>
            {
                // Rates from 10^0 to 10^1.3: what a decay's exponent is of [0.25, 0.41].
                KnownFlow flow = KnownFlow.Kinds[kind](kind == "decay" ? 0.25 + 0.16 * a : a, b);
                double lipschitz = kind switch { "decay" => Math.Pow(10, 8 * (0.25 + 0.16 * a) - 2), "growth" => 12 * a, "wave" => 1 + 19 * a, _ => 100 * a };
                int steps = (int)Math.Ceiling(Math.Max(1, lipschitz) * fineness);
                double start = flow.Least + (flow.Most - flow.Least) * place;
                SampleBatch batch = OdeSolver.Solve(Solve.Problem(Field(1, flow, 1), new FixedSteps(method, steps), count: 1) with { InitialState = (_, x) => x[0] = (float)start }).EnsureSuccess();
                double exact = flow.Exact(1, (float)start), size = Math.Max(1, Math.Max(Math.Abs(start), Math.Abs(exact)));
                double error = Math.Abs(batch[0][0] - exact) / (flow.Growth(start, 1) * Math.Max(1, Math.Abs(start)));
                double roundings = method == ButcherTableau.Verner6 ? 177 : 8;
                double bound = 8 * Math.Pow(1 / fineness, method.Order) + roundings * steps * size / (1 << 24);
                Assert.True(error <= bound, FormattableString.Invariant($"{method}, {kind} {a} {b} from {start}, {steps} steps: {error / bound} times the bound"));
            });
    }

    private static int CostOf(SolverMethod method, int steps) => method switch
    {
        ButcherTableau tableau => tableau.LastStageIsNextFirst ? 1 + steps * (tableau.Stages - 1) : steps * tableau.Stages,
        MultistepMethod multistep => multistep == MultistepMethod.AdamsBashforth3 ? steps + 1 : steps,
        _ => method.Order * steps,
    };

    private static FormulaField Field(int dimension, KnownFlow flow, double scale) => new(dimension, (_, t, x, v) =>
    {
        for (int i = 0; i < x.Length; i++)
            v[i] = (float)(scale * flow.Speed(t, x[i] / scale));
    });
}
