using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Onnx;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;

namespace FlowRuntime;

/// <summary>
/// A generative flow model: an ONNX network with its card, ready to be sampled. Open it once and share it between
/// threads; who opens it disposes it.
/// </summary>
/// <example>
/// <code>
/// using FlowModel model = FlowModel.Open("digits.onnx");
/// SampleBatch batch = model.Sample(10, new SamplingOptions { Seed = 7, Labels = [3] }).EnsureSuccess();
/// </code>
/// </example>
public sealed partial class FlowModel : IDisposable
{
    /// <summary>State values side by side in a worker where memory is short: two images of 28×28.</summary>
    private const int LowMemoryValues = 1 << 11;

    private readonly OnnxSession _session;
    private readonly ThreadedField? _threaded;
    private readonly ProbabilityPath _path;
    private readonly SolverDefaults _defaults;
    private readonly DataSpace _data;
    private readonly Turns _turns;
    private readonly DeviceArithmetic? _device;
    private readonly int _processors;
    private readonly bool _lowMemory;
    private readonly bool _oneAtATime;

    private FlowModel(
        string path, OnnxSession session, FlowCard card, ProbabilityPath probabilityPath, OnnxField field, ThreadedField? threaded, DataSpace data, DeviceArithmetic? device, FlowModelOptions options, bool oneAtATime, ProviderReport provider)
    {
        _turns = new Turns(options.MaxConcurrentSolves);
        (_processors, _lowMemory, _oneAtATime) = (options.Processors, options.LowMemory, oneAtATime);
        Path = path;
        _session = session;
        _threaded = threaded;
        Card = card;
        _path = probabilityPath;
        _data = data;
        _device = device;
        Graph = field.Graph;
        Network = InRealTime(field);
        Field = InVelocities(Network);
        (Start, End) = card.TimeRange(_path);
        Prior = PriorOf(card, _path.At(Start));
        ProviderReport = provider;
        HintsApply = card.Hints is not null && card.Hints.Graph.Equals(GraphHash, StringComparison.OrdinalIgnoreCase);
        _defaults = new SolverDefaults(card, HintsApply ? card.Hints : null, Start, End, path);
    }

    /// <summary>The model's file.</summary>
    public string Path { get; }

    /// <summary>The model's card.</summary>
    public FlowCard Card { get; }

    /// <summary>SHA-256 of the network's graph (<see cref="OnnxFile.GraphHash"/>), 64 hexadecimal digits: that of the file as it was when it was first asked for.</summary>
    public string GraphHash => field ??= OnnxFile.GraphHash(Path);

    /// <summary>Shape of one sample of the data, such as [1, 28, 28]: that of the network's states, or for a latent model what its decoder gives.</summary>
    public IReadOnlyList<int> Shape => _data.Shape;

    /// <summary>What the network runs on, what was asked for, and why.</summary>
    public ProviderReport ProviderReport { get; }

    /// <summary>The network as it is: its prediction, of whatever kind, stands where a field gives its velocity.</summary>
    public IVelocityField Network { get; }

    /// <summary>Makes data of a latent model's states; null where the states are the data.</summary>
    internal LatentNetwork? Decoder => _data.Decoder;

    /// <summary>What the network's graph takes and gives.</summary>
    internal NetworkGraph Graph { get; }

    /// <summary>The network as a velocity field v(t, x) in its own units, for solvers and for wrapping.</summary>
    public IVelocityField Field { get; }

    /// <summary>Flow time at which a sample starts: the first trained time, inside 0 where the prediction does not tell the velocity there.</summary>
    public double Start { get; }

    /// <summary>Flow time at which a solve ends: the last trained time, inside 1 where the prediction does not tell the velocity there.</summary>
    public double End { get; }

    /// <summary>
    /// The law of the state at <see cref="Start"/>: by the card's prior, or else by the path, N(α m, (α² S² + ρ²) I) there, with the data's
    /// mean m and scale S where the card tells them.
    /// </summary>
    public GaussianPrior Prior { get; }

    /// <summary>Mean and scale of the data in the network's units, where the card tells both.</summary>
    public DataMoments? Moments => SolverDefaults.MomentsOf(Card);

    /// <summary>How this model is sampled where nothing else is said: its card's hints, over the library's defaults.</summary>
    public SamplingOptions Defaults => _defaults.Options;

    /// <summary>Whether the card has hints that were made for this very graph; others are ignored.</summary>
    public bool HintsApply { get; }

    /// <summary>
    /// The solver for a quality: as measured on this model where its card says so, otherwise a general choice, that is adaptive steps, or for a network
    /// that knows whole time steps alone (<see cref="TimeCard.Steps"/>) 10, 25 or 100 of them by an exponential multistep method.
    /// </summary>
    /// <param name="quality">How exactly to solve.</param>
    public SolverOptions SolverFor(SamplingQuality quality) => _defaults.For(quality);

    /// <summary>The same steps with this model's step profile for their method, or without one where it has none.</summary>
    /// <param name="steps">Adaptive steps.</param>
    public AdaptiveSteps Profiled(AdaptiveSteps steps) => _defaults.Profiled(steps);

    /// <summary>Opens a model.</summary>
    /// <param name="path">The ONNX file; its card is inside, or in a sidecar <c>NAME.flow.json</c>.</param>
    /// <param name="options">Provider and threads. Default: the best provider that works, threads by itself.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is no ONNX model, or its card is missing, wrong or does not fit the graph; the message names file and field.</exception>
    /// <exception cref="ArgumentException">There is no provider of that name, or the options do not go together.</exception>
    /// <exception cref="PlatformNotSupportedException">The provider is required and does not work.</exception>
    /// <exception cref="DllNotFoundException">The application carries no native ONNX Runtime; the message names the package to add.</exception>
    public static FlowModel Open(string path, FlowModelOptions? options = null)
    {
        FlowCard card = CardFile.Read(path);
        options ??= new FlowModelOptions();
        bool oneAtATime = options.LowMemory && card.Sample.Shape.Aggregate(1L, (product, size) => product * size) > LowMemoryValues;
        if (oneAtATime)
            options = options with { Threads = options.Threads ?? options.Processors };
        if (options is { CudaGraphs: true, StateOnDevice: false })
            throw new ArgumentException("CUDA graphs need inputs that stay where they are: set FlowModelOptions.StateOnDevice with CudaGraphs.");
        (OnnxSession session, ProviderReport provider) = SessionOpening.Open(path, options);
        DataSpace? data = null;
        DeviceArithmetic? device = null;
        try
        {
            ProbabilityPath probabilityPath = ProbabilityPath.Of(card.Path);
            var field = new OnnxField(session, card, probabilityPath, path);
            // Who says how many threads a call has, or where it runs, means it.
            ThreadedField? threaded = options.Threads is not null || options.Processors == 1 || provider.Chosen != ExecutionProvider.CpuName ? null
                : new ThreadedField(field, options.Processors, threads =>
                {
                    (OnnxSession second, _) = SessionOpening.Open(path, new FlowModelOptions { Provider = ExecutionProvider.CpuName, Threads = threads });
                    return (second, new OnnxField(second, card, probabilityPath, path));
                });
            data = new DataSpace(card, path, options);
            if (options.StateOnDevice)
                device = new DeviceArithmetic(session, field, options);
            return new FlowModel(path, session, card, probabilityPath, field, threaded, data, device, options, oneAtATime, provider);
        }
        catch
        {
            device?.Dispose();
            data?.Dispose();
            session.Dispose();
            throw;
        }
    }

    /// <summary>Closes the model. Solves that are under way in other threads end with <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        _session.Dispose();
        _threaded?.Dispose();
        _data.Dispose();
        _device?.Dispose();
    }

    /// <summary>Solves when it is this solve's turn.</summary>
    private T InTurn<T>(Func<T> solve, CancellationToken cancellationToken)
    {
        _turns.Enter(cancellationToken);
        try
        {
            return solve();
        }
        finally
        {
            _turns.Leave();
        }
    }

    /// <summary>Slots of a worker where nothing else is asked for; whole calls where the network takes a fixed number of rows.</summary>
    private int DefaultSlots
    {
        get
        {
            int slots = OdeSolver.SlotsFor(Field.Dimension, onDevice: ProviderReport.Chosen != ExecutionProvider.CpuName);
            if (_lowMemory)
                slots = Math.Min(slots, Math.Max(1, LowMemoryValues / Field.Dimension));
            return Graph.Batch is { } batch ? (slots + batch - 1) / batch * batch : slots;
        }
    }

    /// <summary>
    /// Where a model of noise, data or score cannot be solved to the data, or a diffusion table ends short of them, the sample is the
    /// data that the last state speaks of.
    /// </summary>
    internal bool FinishesWithData => Card.Path.TellsNoise
        && (Card.Path.Kind == PathKind.Tabulated || (End < 1 && (Card.Prediction.Kind != PredictionKind.Velocity || Card.Path.Kind == PathKind.VariancePreserving)));

    private IVelocityField InRealTime(IVelocityField network) => Card.Time?.Steps is { } steps ? new SteppedField(network, steps) : network;

    private IVelocityField InVelocities(IVelocityField network) =>
        Card.Prediction.Kind == PredictionKind.Velocity ? network : new PredictionField(network, _path, Card.Prediction.Kind);

    /// <summary>A network as a velocity field under guidance, which acts on what the network predicts.</summary>
    private IVelocityField Guided(IVelocityField network, Guidance guidance) => InVelocities(guidance.IsNone ? network : new GuidedField(network, guidance));

    private static GaussianPrior PriorOf(FlowCard card, PathCoefficients at)
    {
        if (card.Prior is { } prior)
            return new GaussianPrior([prior.Mean], [prior.Scale]);
        if (at is { Alpha: 0, Deviation: 1 })
            return GaussianPrior.Standard;
        IReadOnlyList<double> mean = card.Data?.Mean ?? [0], scale = card.Data is { Mean: not null, Scale: { } known } ? known : [0];
        return new GaussianPrior(
            [.. mean.Select(m => at.Alpha * m)],
            [.. scale.Select(s => Math.Sqrt(at.Alpha * s * (at.Alpha * s) + at.Deviation * at.Deviation))]);
    }
}
