using FlowRuntime.Cards;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>Data to noise and back, and what is made of that, on models whose flow is known: v = t x carries x(0) to √e x(0).</summary>
public sealed class EditingTests : IDisposable
{
    private static readonly double Root = Math.Exp(0.5);
    private static readonly SamplingOptions Exact = new() { Seed = 3, Solver = new AdaptiveSteps { Method = ButcherTableau.Dopri5, RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-6 } };
    private static readonly FlowCard InUnits = TinyModel.Card with { Prior = new(Mean: 0.5, Scale: 2), Data = new(Columns: new(["a", "b"], [100, -100], [2, 3])) };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Data_are_carried_to_the_noise_they_come_from()
    {
        using FlowModel model = Open(TinyModel.TimesTime(), InUnits);
        SampleBatch noise = model.Encode([101, -99, 98.5f, -104], Exact).EnsureSuccess();
        float[] states = [0.5f, 1 / 3f, -0.75f, -4 / 3f];
        for (int i = 0; i < 4; i++)
            Assert.Equal((states[i] / Root - 0.5) / 2, noise.Values[i], 1e-5);
        Assert.Equal([2], noise.Shape);
    }

    [Fact]
    public void Noise_is_carried_to_the_data_it_is_the_noise_of()
    {
        using FlowModel model = Open(TinyModel.TimesTime(), InUnits);
        SampleBatch drawn = model.Sample(20, Exact).EnsureSuccess();
        float[] noise = new float[40];
        for (int i = 0; i < 20; i++)
            Noise.Fill(3, i, noise.AsSpan(2 * i, 2));
        Assert.Equal(drawn.Values, model.Decode(noise, Exact).EnsureSuccess().Values);
        float[] encoded = model.Encode(drawn.Values, Exact).EnsureSuccess().Values;
        for (int i = 0; i < 40; i++)
            Assert.Equal(noise[i], encoded[i], 1e-4);
    }

    /// <summary>Rows have the condition of their index, there and back; v = t x + c.</summary>
    [Fact]
    public void Rows_are_carried_under_the_condition_of_their_turn()
    {
        using FlowModel model = Open(TinyModel.TimesTimePlusTable(1, 0, -1, 3, 0, 0), TinyModel.ClassesCard);
        SamplingOptions options = Exact with { Labels = [0, 1], Slots = 3 };
        float[] data = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
        SampleBatch noise = model.Encode(data, options).EnsureSuccess();
        Assert.Equal(model.Encode(data.AsSpan(2, 2), options with { Labels = [1] }).Values, noise[1].ToArray());
        float[] back = model.Decode(noise.Values, options).EnsureSuccess().Values;
        for (int i = 0; i < data.Length; i++)
            Assert.Equal(data[i], back[i], 1e-4);
        // x(1) = √e (x(0) + c ∫ e^(−s²/2) ds)
        Assert.Equal(1, (data[0] / Root - noise.Values[0]) / 0.8556243918921488, 1e-4);
    }

    /// <summary>Both ends are the data; half-way between noises a and b at the angle θ lies (a + b)/(2 cos(θ/2)).</summary>
    [Fact]
    public void Frames_lie_on_the_great_circle_between_two_noises()
    {
        using FlowModel model = Open(TinyModel.TimesTime(), TinyModel.Card);
        float[] from = [1, 2, 3, -1], to = [-1, 1, 6, -2];
        SampleBatch frames = model.Interpolate(from, to, 3, Exact).EnsureSuccess();
        Assert.Equal(6, frames.Count);
        double cosine = (-1 + 2) / Math.Sqrt(5 * 2);
        double[] expected = [1, 2, 0 / (2 * Half(cosine)), 3 / (2 * Half(cosine)), -1, 1, 3, -1, 4.5, -1.5, 6, -2]; // the second pair on one ray
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], frames.Values[i], 2e-4);

        static double Half(double cosine) => Math.Sqrt((1 + cosine) / 2);
    }

    [Fact]
    public void Frames_of_a_pair_have_its_condition()
    {
        using FlowModel model = Open(TinyModel.TimesTimePlusTable(1, 0, -1, 3, 0, 0), TinyModel.ClassesCard);
        float[] from = [1, 2, 3, -1], to = [-1, 1, 6, -3];
        SampleBatch both = model.Interpolate(from, to, 5, Exact with { Labels = [0, 1] }).EnsureSuccess();
        SampleBatch second = model.Interpolate(from.AsSpan(2), to.AsSpan(2), 5, Exact with { Labels = [1] }).EnsureSuccess();
        Assert.Equal(second.Values, both.Values[10..]);
        Assert.Equal(6, both[9][0], 1e-3);
    }

    /// <summary>From t0 on: x(1) = (t0 x1 + (1 − t0) ε) exp((1 − t0²)/2).</summary>
    [Theory, InlineData(0), InlineData(0.4), InlineData(0.9)]
    public void An_edit_starts_from_the_noised_datum(double start)
    {
        using FlowModel model = Open(TinyModel.TimesTime(), TinyModel.Card);
        float[] data = [1, 2, 3, -1, 0, 5];
        SampleBatch edited = model.Edit(data, start, Exact with { First = 10 }).EnsureSuccess();
        Span<float> noise = stackalloc float[2];
        for (int i = 0; i < 3; i++)
        {
            Noise.Fill(3, 10 + i, noise);
            for (int j = 0; j < 2; j++)
                Assert.Equal((start * data[2 * i + j] + (1 - start) * noise[j]) * Math.Exp((1 - start * start) / 2), edited[i][j], 1e-4);
        }
    }

    /// <summary>
    /// dx/dt = x M couples the two values by b. With the first kept at t d + (1 − t) ε, the second solves y' = a y + b (t d + (1 − t) ε): by quadrature.
    /// </summary>
    [Theory, InlineData("dopri5"), InlineData("rk4"), InlineData("dpm++2m")]
    public void The_rest_flows_beside_the_known_part_on_its_path(string method)
    {
        const float a = 0.3f, b = -0.5f, d = 4;
        using FlowModel model = Open(TinyModel.Symmetric(a, b, probe: false, column: false), TinyModel.Card);
        SolverOptions solver = method == "dopri5" ? Exact.Solver! : new FixedSteps(SolverMethod.Named(method), method == "rk4" ? 20 : 500);
        SampleBatch drawn = model.Inpaint([d, 99, d, 99, d, 99, d, 99], [true, false], Exact with { Solver = solver, Slots = 2, TrajectoryTimes = [0.5] }).EnsureSuccess();
        Span<float> noise = stackalloc float[2];
        for (int i = 0; i < 4; i++)
        {
            Noise.Fill(3, i, noise);
            (double e, double y) = (noise[0], noise[1]);
            double expected = Math.Exp(a) * y + Simpson(t => Math.Exp(a * (1 - t)) * b * (t * d + (1 - t) * e));
            Assert.Equal(d, drawn[i][0]);
            Assert.Equal(expected, drawn[i][1], method == "dpm++2m" ? 2e-2 : 2e-4);
            Assert.Equal((d + e) / 2, drawn.Trajectories[2 * i], 1e-6);
        }
    }

    [Fact]
    public void Each_row_may_have_a_mask_of_its_own()
    {
        using FlowModel model = Open(TinyModel.TimesTime(), InUnits);
        SampleBatch plain = model.Sample(3, Exact), drawn = model.Inpaint([1, 2, 3, 4, 5, 6], [true, true, false, true, false, false], Exact).EnsureSuccess();
        float[] expected = [1, 2, plain[1][0], 4, plain[2][0], plain[2][1]];
        for (int i = 0; i < 6; i++)
            Assert.Equal(expected[i], drawn.Values[i], 1e-4);
    }

    [Fact]
    public void A_network_of_steps_is_edited_with_no_more_of_them_than_are_left()
    {
        using FlowModel model = Open(TinyModel.Declared(new("t", TinyModel.Int64, -1), TinyModel.State, TinyModel.Velocity), TinyModel.Card with { Time = new(Steps: 31) });
        Assert.Equal(25, model.Edit([1, 2], 0).EnsureSuccess().Evaluations[0]);
        Assert.Equal(6, model.Edit([1, 2], 0.8).EnsureSuccess().Evaluations[0]);
    }

    [Fact]
    public void What_is_no_data_of_the_model_is_refused()
    {
        using FlowModel model = Open(TinyModel.TimesTime(), TinyModel.Card);
        Refused("3 numbers are no data of 2 values", () => model.Encode([1, 2, 3]));
        Refused("not finite", () => model.Encode([1, float.NaN]));
        Refused("3 numbers are no noise of 2 values", () => model.Decode([1, 2, 3]));
        Refused("2 numbers to begin with and 4", () => model.Interpolate([1, 2], [1, 2, 3, 4], 3));
        Refused("Give a time from 0 to below 1", () => model.Edit([1, 2], 1));
        Refused("The mask has 3 values. Give 2, or as many for each row, 4", () => model.Inpaint([1, 2, 3, 4], [true, true, false]));
        Refused("LogDensity", () => model.Edit([1, 2], 0.5, new SamplingOptions { LogDensity = true }));
        Refused("runs from noise to data only", () => model.Encode([1, 2], new SamplingOptions { Solver = new FixedSteps(MultistepMethod.UniPC2, 5) }));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Interpolate([1, 2], [3, 4], 1));
    }

    private static void Refused(string expected, Action act) => Assert.Contains(expected, Assert.ThrowsAny<ArgumentException>(act).Message, StringComparison.Ordinal);

    private static double Simpson(Func<double, double> f) => Enumerable.Range(0, 201).Sum(k => (k is 0 or 200 ? 1 : k % 2 == 1 ? 4 : 2) * f(k / 200.0)) / 600;

    private FlowModel Open(byte[] graph, FlowCard card) => FlowModel.Open(TinyModel.Write(_folder, $"{Guid.NewGuid():N}.onnx", graph, card));
}
