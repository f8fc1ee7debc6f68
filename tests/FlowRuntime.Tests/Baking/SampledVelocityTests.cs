using FlowRuntime.Baking;
using FlowRuntime.Cards;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.Tests.Baking;

/// <summary>
/// A network whose answer is P = t x, as every kind of prediction on every path that tells it, and fed every quantity for its time: the sampler turns it into the engine's
/// velocities inside its file.
/// </summary>
public sealed class SampledVelocityTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static readonly PathCard[] Paths =
    [
        new(PathKind.ConditionalOt, SigmaMin: 0.01), new(PathKind.Cosine), new(PathKind.VariancePreserving), new(PathKind.VarianceExploding, SigmaMin: 0.05, SigmaMax: 8),
        new(PathKind.Tabulated, AlphaBar: [.. Enumerable.Range(0, 30).Select(k => 0.999 * Math.Exp(-0.004 * k * k))]),
    ];

    private static readonly string[] Methods = ["heun", "rk4", "dopri5"];

    public static TheoryData<PredictionKind, int, string> Predictions => new(
        from kind in Enum.GetValues<PredictionKind>() from path in Enumerable.Range(0, Paths.Length) from method in Methods select (kind, path, method));

    [Theory, MemberData(nameof(Predictions))]
    public void Every_prediction_on_every_path_is_made_a_velocity(PredictionKind kind, int path, string method) =>
        Agree(TinyModel.Card with { Prediction = new PredictionCard(kind), Path = Paths[path], Data = new DataCard(Mean: [0.25], Scale: [0.5]) }, method);

    public static TheoryData<TimeQuantity, int, string> Quantities => new(
        from quantity in Enum.GetValues<TimeQuantity>() from path in Enumerable.Range(0, Paths.Length) from method in Methods select (quantity, path, method));

    [Theory, MemberData(nameof(Quantities))]
    public void Every_quantity_is_fed_for_the_time(TimeQuantity quantity, int path, string method) =>
        Agree(TinyModel.Card with { Time = new TimeCard(Quantity: quantity, Scale: 0.01), Prediction = new PredictionCard(PredictionKind.Noise), Path = Paths[path], Data = new DataCard(Mean: [0.25], Scale: [0.5]) }, method);

    /// <summary>
    /// Exponentials and sines in float64 are not the same to the last bit in ONNX Runtime and .NET, so that a factor may fall on the other side of float32's rounding:
    /// a few units in the last place of the largest number on the way.
    /// </summary>
    private void Agree(FlowCard card, string name)
    {
        using FlowModel model = FlowModel.Open(TinyModel.Write(_folder, "tiny.onnx", TinyModel.TimesTime(), card));
        SolverMethod method = SolverMethod.Named(name);
        SolverOptions solver = method is EmbeddedPair pair
            ? new AdaptiveSteps { Method = pair, FirstStep = 0.05, RelativeTolerance = 1e-3f, AbsoluteTolerance = 1e-3f, Unfused = true } : new FixedSteps(method, 12) { Unfused = true };
        string path = _folder.File("sampler.onnx");
        SamplerFile.Write(model, path, new BakeOptions(solver) { StepsAreInput = solver is FixedSteps });
        using var sampler = new BakedSampler(path);
        SampleBatch expected = model.Sample(16, new SamplingOptions { Seed = 7, Solver = solver }).EnsureSuccess();
        BakedSamples found = sampler.Run(BakedSampler.NoiseOf(model, 0, 16), steps: solver is FixedSteps ? 12 : null, tolerance: solver is AdaptiveSteps ? 1e-3f : null);
        float size = expected.Values.Max(Math.Abs);
        float worst = expected.Values.Zip(found.Values, (a, b) => Math.Abs(a - b)).Max() / size;
        TestContext.Current.TestOutputHelper?.WriteLine($"{worst:E1} {size:F3}");
        int again = model.FinishesWithData && solver is AdaptiveSteps ? 1 : 0; // the engine asks at the end once more for what the last step has asked already
        Assert.Equal(expected.Evaluations.Select(evaluations => (long)evaluations - again), found.Evaluations);
        Assert.InRange(worst, 0, 2e-6);
    }
}
