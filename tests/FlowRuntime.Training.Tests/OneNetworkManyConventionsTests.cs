using FlowRuntime.Cards;
using FlowRuntime.Ode;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using FlowRuntime.Training.Onnx;

namespace FlowRuntime.Training.Tests;

/// <summary>
/// One trained network, exported as if it predicted something else, or were fed time in another way: its graph then holds the conversion, the card says what it is,
/// and the same seed must give the same samples.
/// </summary>
public sealed class OneNetworkManyConventionsTests : IClassFixture<OneNetworkManyConventionsTests.Trained>
{
    private const double Start = 0.02, End = 0.98; // inside the ends, where every prediction tells every other

    private static readonly SamplingOptions Options = new()
    {
        Seed = 4,
        Solver = new AdaptiveSteps { Method = ButcherTableau.Dopri5, RelativeTolerance = 1e-5, AbsoluteTolerance = 1e-5 },
        TrajectoryTimes = [End], // before the finish that predictions of noise and data have
    };

    private readonly Trained _trained;

    public OneNetworkManyConventionsTests(Trained trained) => _trained = trained;

    [Theory]
    [InlineData(PredictionKind.Noise, TimeOrigin.Noise, 1)]
    [InlineData(PredictionKind.Data, TimeOrigin.Noise, 1)]
    [InlineData(PredictionKind.Score, TimeOrigin.Noise, 1)]
    [InlineData(PredictionKind.VPrediction, TimeOrigin.Noise, 1)]
    [InlineData(PredictionKind.Velocity, TimeOrigin.Data, 1)]
    [InlineData(PredictionKind.Velocity, TimeOrigin.Noise, 1000)]
    [InlineData(PredictionKind.Velocity, TimeOrigin.Data, 1000)]
    [InlineData(PredictionKind.Noise, TimeOrigin.Data, 1000)]
    [InlineData(PredictionKind.VPrediction, TimeOrigin.Data, 1000)]
    public void Every_convention_gives_the_samples_of_the_velocity(PredictionKind prediction, TimeOrigin from, double scale)
    {
        float[] expected = _trained.Sampled(PredictionKind.Velocity, new TimeCard(), Options), actual = _trained.Sampled(prediction, new TimeCard(from, scale), Options);
        Told(LargestDifference(expected, actual));
        Assert.InRange(LargestDifference(expected, actual), 0, 2e-3);
        if (prediction != PredictionKind.Velocity)
            Assert.True(LargestDifference(expected, _trained.Misread(prediction, Options)) > 0.1); // the card matters
    }

    /// <summary>Steps 0 to 999, asked between them by adaptive steps, where predictions are mixed; and on them by 100 steps of Adams and Bashforth, to the error of these.</summary>
    [Theory]
    [InlineData(PredictionKind.Velocity, 2e-3)]
    [InlineData(PredictionKind.Noise, 2e-3)]
    public void Whole_steps_give_the_samples_to_their_grids_error(PredictionKind prediction, double mixed)
    {
        float[] expected = _trained.Sampled(PredictionKind.Velocity, new TimeCard(), Options);
        var steps = new TimeCard(TimeOrigin.Data, Steps: 1000);
        Assert.InRange(LargestDifference(expected, _trained.Sampled(prediction, steps, Options)), 0, mixed);
        SamplingOptions onGrid = Options with { Solver = new FixedSteps(MultistepMethod.AdamsBashforth3, 100) };
        double real = LargestDifference(expected, _trained.Sampled(PredictionKind.Velocity, new TimeCard(), onGrid)), grid = LargestDifference(expected, _trained.Sampled(prediction, steps, onGrid));
        Told(LargestDifference(expected, _trained.Sampled(prediction, steps, Options)), grid, real);
        Assert.InRange(grid, 0, real + 1e-2);
    }

    private static void Told(params double[] differences) => TestContext.Current.TestOutputHelper!.WriteLine(string.Join(" ", differences.Select(difference => FormattableString.Invariant($"{difference:G2}"))));

    /// <summary>As a share of the samples' spread.</summary>
    private static double LargestDifference(float[] expected, float[] actual) => expected.Zip(actual, (a, b) => Math.Abs((double)a - b)).Max() / Math.Sqrt(expected.Average(x => (double)x * x));

    /// <summary>The network, trained once.</summary>
    public sealed class Trained : IDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("flow-conventions").FullName;
        private readonly MlpNetwork _network = Trainer.Seeded(1, () => new MlpNetwork([2], 0, new MlpOptions { Width = 64, Blocks = 2, Frequencies = 8 }));

        public Trained()
        {
            Dataset moons = PlaneData.Moons(4000, seed: 1);
            Trainer.Train(_network, new ConditionalFlowMatching(moons, new FlowMatchingOptions(), seed: 1), new TrainingOptions { Steps = 600, BatchSize = 256 });
        }

        public float[] Sampled(PredictionKind prediction, TimeCard time, SamplingOptions options) => Sampled(prediction, prediction, time, options);

        /// <summary>Samples of a network whose card says that it predicts velocities.</summary>
        public float[] Misread(PredictionKind prediction, SamplingOptions options) => Sampled(prediction, PredictionKind.Velocity, new TimeCard(), options);

        public void Dispose()
        {
            _network.Dispose();
            Directory.Delete(_folder, recursive: true);
        }

        private float[] Sampled(PredictionKind exported, PredictionKind said, TimeCard time, SamplingOptions options)
        {
            string path = Path.Combine(_folder, $"{Guid.NewGuid():N}.onnx");
            var card = new FlowCard(
                FlowCard.CurrentFormat, new PredictionCard(said), new PathCard(PathKind.ConditionalOt, Start: Start, End: End), new SampleCard([2]), OnnxExporter.Inputs, OnnxExporter.Outputs);
            OnnxExporter.Export(new Converted(_network, exported, time), card, path); // disposed, it would dispose the network
            CardFile.Write(path, card with { Time = time }); // the exporter's own networks take flow time, and are checked with it
            using FlowModel model = FlowModel.Open(path);
            return model.Sample(64, options).EnsureSuccess().Trajectories;
        }
    }

    /// <summary>A network of velocities on the linear path, α = t and σ = 1 − t, as one of another prediction and time.</summary>
    private sealed class Converted : VelocityNetwork
    {
        private readonly VelocityNetwork _network;
        private readonly PredictionKind _prediction;
        private readonly TimeCard _time;

        public Converted(VelocityNetwork network, PredictionKind prediction, TimeCard time) : base("converted", network.Shape)
        {
            (_network, _prediction, _time) = (network, prediction, time);
            RegisterComponents();
        }

        public override T Forward<T>(ITensorOps<T> ops, T t, T x, ConditionInputs<T> given = default) where T : class
        {
            double scale = _time.Steps is { } steps ? steps - 1 : _time.Scale;
            t = _time.From == TimeOrigin.Noise ? ops.Affine(t, 1 / scale, 0) : ops.Affine(t, -1 / scale, 1);
            T v = _network.Forward(ops, t, x), alpha = ops.Reshape(t, 1), sigma = ops.Affine(alpha, -1, 1);
            T noise = Minus(ops, x, ops.Multiply(alpha, v)), data = ops.Add(x, ops.Multiply(sigma, v));
            return _prediction switch
            {
                PredictionKind.Noise => noise,
                PredictionKind.Data => data,
                PredictionKind.Score => ops.Divide(ops.Affine(noise, -1, 0), ops.Affine(sigma, 1, 1e-9)), // the exporter also asks at t = 1
                PredictionKind.VPrediction => Minus(ops, ops.Multiply(alpha, noise), ops.Multiply(sigma, data)),
                _ => v,
            };
        }

        private static T Minus<T>(ITensorOps<T> ops, T a, T b) where T : class => ops.Add(a, ops.Affine(b, -1, 0));
    }
}
