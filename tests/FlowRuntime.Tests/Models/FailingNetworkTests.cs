using FlowRuntime.Cards;
using FlowRuntime.Likelihood;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests;

/// <summary>
/// Networks that fail in mid-solve, as those on a device that is unplugged do. Each is v = t x up to t = 0.6 and fails beyond, for class 1 alone: calls end in an error, or give what is not finite.
/// </summary>
public sealed class FailingNetworkTests : IDisposable
{
    /// <summary>What takes longer hangs.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>The card that fits these networks.</summary>
    internal static readonly FlowCard Card = TinyModel.ClassesCard with { Outputs = new OutputsCard("v", Divergence: "divergence") };

    private static readonly SamplingOptions Sound = new() { Labels = [0], Seed = 4 }, Failing = Sound with { Labels = [1] }, Mixed = Sound with { Labels = [0, 1] };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Calls => [.. Operations.Keys];

    /// <summary>Each way to have a model solve something, under the first of the labels.</summary>
    private static Dictionary<string, Func<FlowModel, SamplingOptions, Task>> Operations { get; } = new()
    {
        ["sample"] = (model, options) => Done(() => model.Sample(20, options).EnsureSuccess()),
        ["sample on a grid"] = (model, options) => Done(() => model.Sample(20, options with { Solver = new FixedSteps(ButcherTableau.RungeKutta4, 10) }).EnsureSuccess()),
        ["sample on three workers"] = (model, options) => Done(() => model.Sample(20, options with { Workers = 3, Slots = 2 }).EnsureSuccess()),
        ["stream"] = (model, options) => Done(() => model.Stream(20, static (in FinishedSample _) => { }, options)),
        ["stream in order"] = (model, options) => Done(() => model.Stream(200, static (in FinishedSample _) => { }, options with { Workers = 2, Slots = 3 }, SampleOrder.Index)),
        ["sample asynchronously"] = (model, options) => model.SampleAsync(20, options, cancellationToken: TestContext.Current.CancellationToken),
        ["stream asynchronously"] = async (model, options) =>
        {
            await foreach (DrawnSample _ in model.StreamAsync(20, options, cancellationToken: TestContext.Current.CancellationToken))
            {
            }
        },
        ["encode"] = (model, options) => Done(() => model.Encode([1, 2, 3, 4], options)),
        ["decode"] = (model, options) => Done(() => model.Decode([1, 2, 3, 4], options)),
        ["interpolate"] = (model, options) => Done(() => model.Interpolate([1, 2], [3, 4], 3, options)),
        ["edit"] = (model, options) => Done(() => model.Edit([1, 2, 3, 4], 0.3, options)),
        ["inpaint"] = (model, options) => Done(() => model.Inpaint([1, 2, 3, 4], [true, false], options)),
        ["likelihood"] = (model, options) => Done(() => model.LogLikelihood([1, 2, 3, 4], new LikelihoodOptions { Labels = options.Labels })),
    };

    [Theory, MemberData(nameof(Calls))]
    public async Task A_call_of_the_network_that_fails_is_the_callers_error_and_names_the_model(string operation)
    {
        using FlowModel model = Open(Throws());
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => Ended(Operations[operation](model, Failing)));
        Assert.Contains($"{model.Path}: the network failed: ", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory, MemberData(nameof(Calls))]
    public async Task After_a_failure_the_model_is_as_good_as_before(string operation)
    {
        using FlowModel model = Open(Throws()), untouched = Open(TimesTime());
        float[] expected = untouched.Sample(30, Sound).EnsureSuccess().Values;
        await Assert.ThrowsAsync<InvalidOperationException>(() => Ended(Operations[operation](model, Failing)));
        await Ended(Operations[operation](model, Sound));
        Assert.Equal(expected, model.Sample(30, Sound).EnsureSuccess().Values);
    }

    [Fact]
    public async Task A_solve_that_fails_beside_others_fails_alone()
    {
        using FlowModel model = Open(Throws()), untouched = Open(TimesTime());
        float[] expected = untouched.Sample(200, Sound).Values;
        Task[] failing = [.. Enumerable.Range(0, 10).Select(_ => model.SampleAsync(50, Failing, cancellationToken: TestContext.Current.CancellationToken))];
        Task<SampleBatch>[] sound = [.. Enumerable.Range(0, 10).Select(_ => model.SampleAsync(200, Sound, cancellationToken: TestContext.Current.CancellationToken))];
        foreach (Task<SampleBatch> one in sound)
            Assert.Equal(expected, (await one.WaitAsync(Patience, TestContext.Current.CancellationToken)).EnsureSuccess().Values);
        foreach (Task one in failing)
            await Assert.ThrowsAsync<InvalidOperationException>(() => Ended(one));
    }

    [Theory, InlineData(float.NaN), InlineData(float.PositiveInfinity)]
    public Task What_is_not_finite_fails_its_own_sample_and_no_other(float value) => Ended(Done(() =>
    {
        using FlowModel model = Open(Gives(value)), untouched = Open(TimesTime());
        foreach (SolverOptions solver in new SolverOptions[] { new AdaptiveSteps(), new FixedSteps(ButcherTableau.RungeKutta4, 10) })
        {
            SampleBatch batch = model.Sample(40, Mixed with { Solver = solver, Slots = 7 }), whole = untouched.Sample(40, Mixed with { Solver = solver });
            for (int i = 0; i < batch.Count; i++)
            {
                Assert.Equal(i % 2 == 0 ? SampleStatus.Completed : SampleStatus.NonFinite, batch.Status[i]);
                if (i % 2 == 0)
                    Assert.Equal(whole[i].ToArray(), batch[i].ToArray());
                else
                    Assert.InRange(batch.Times[i], 0.4, 0.65); // the last that was reached, or the first that was not
            }
        }
        Assert.Equal([SampleStatus.Completed, SampleStatus.NonFinite], model.Edit([1, 2, 3, 4], 0.3, Mixed).Status);
        Assert.Equal([SampleStatus.Completed, SampleStatus.NonFinite], model.Encode([1, 2, 3, 4], Mixed).Status);
        Assert.Equal([SampleStatus.Completed, SampleStatus.NonFinite], model.LogLikelihood([1, 2, 3, 4], new LikelihoodOptions { Labels = [0, 1] }).Status);
        SamplingException told = Assert.Throws<SamplingException>(() => model.Sample(4, Mixed).EnsureSuccess());
        Assert.Contains("is not finite there", told.Message, StringComparison.Ordinal);
    }));

    private static Task Done(Action action) => Task.Run(action, TestContext.Current.CancellationToken);

    private static Task Ended(Task task) => task.WaitAsync(Patience, TestContext.Current.CancellationToken);

    private FlowModel Open(byte[] graph) => FlowModel.Open(TinyModel.Write(_folder, $"{Guid.NewGuid():N}.onnx", graph, Card));

    private static byte[] TimesTime() => Model([TinyModel.Node("Mul", ["w", "zero"], "f")]);

    /// <summary>A row of a table of one is asked for: the first before t = 0.6, the second then.</summary>
    internal static byte[] Throws() => Model(
    [
        TinyModel.Node("Div", ["w", "limit"], "number"), TinyModel.Cast("number", TinyModel.Int64, "index"), TinyModel.Node("Gather", ["row", "index"], "f"),
    ]);

    /// <summary>Beyond t = 0.6, √(0.6 − t) · 0 is not a number, and −ln sign(max(0.6 − t, 0)) is infinite; both are 0 before.</summary>
    private static byte[] Gives(float value) => Model(
    [
        TinyModel.Node("Sub", ["limit", "w"], "left"),
        .. float.IsNaN(value) ? [TinyModel.Node("Sqrt", ["left"], "root"), TinyModel.Node("Mul", ["root", "zero"], "f")]
            : new[] { TinyModel.Node("Relu", ["left"], "rest"), TinyModel.Node("Sign", ["rest"], "sign"), TinyModel.Node("Log", ["sign"], "lost"), TinyModel.Node("Neg", ["lost"], "f") },
    ]);

    /// <summary>The model v = t x + f(w), with w = t for class 1 and 0 for others.</summary>
    private static byte[] Model(byte[][] nodes) => TinyModel.Model(
        [TinyModel.Time, TinyModel.State, TinyModel.Label],
        [TinyModel.Velocity, new TinyValue("divergence", TinyModel.Float, -1)],
        [
            TinyModel.Node("Unsqueeze", ["t", "one"], "t1"), TinyModel.Node("Mul", ["x", "t1"], "tx"), TinyModel.Node("Mul", ["t", "two"], "divergence"),
            TinyModel.Node("Gather", ["share", "label"], "weight"), TinyModel.Node("Mul", ["weight", "t"], "w"),
            .. nodes, TinyModel.Node("Unsqueeze", ["f", "one"], "f1"), TinyModel.Node("Add", ["tx", "f1"], "v"),
        ],
        [
            TinyModel.Ints("one", 1), TinyModel.Floats("two", [], 2), TinyModel.Floats("share", [3], 0, 1, 0), TinyModel.Floats("zero", [], 0),
            TinyModel.Floats("limit", [], 0.6f), TinyModel.Floats("row", [1], 0),
        ]);
}
