using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Likelihood;
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
public sealed class FlowModel : IDisposable
{
    private readonly OnnxSession _session;
    private readonly ThreadedField? _threaded;
    private readonly ProbabilityPath _path;
    private readonly SolverDefaults _defaults;
    private readonly int? _batch;

    private FlowModel(string path, OnnxSession session, FlowCard card, ProbabilityPath probabilityPath, OnnxField field, ThreadedField? threaded, ProviderReport provider)
    {
        Path = path;
        _session = session;
        _threaded = threaded;
        Card = card;
        _path = probabilityPath;
        _batch = field.Batch;
        Network = InRealTime(field);
        Field = InVelocities(Network);
        (Start, End) = card.TimeRange(_path);
        Prior = PriorOf(card, _path.At(Start));
        Provider = provider;
        HintsApply = card.Hints is not null && card.Hints.Graph.Equals(OnnxFile.GraphHash(path), StringComparison.OrdinalIgnoreCase);
        _defaults = new SolverDefaults(card, HintsApply ? card.Hints : null, Start, End, path);
    }

    /// <summary>The model's file.</summary>
    public string Path { get; }

    /// <summary>The model's card.</summary>
    public FlowCard Card { get; }

    /// <summary>What the network runs on, what was asked for, and why.</summary>
    public ProviderReport Provider { get; }

    /// <summary>The network as it is: its prediction, of whatever kind, stands where a field gives its velocity.</summary>
    public IVelocityField Network { get; }

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
    /// <exception cref="ArgumentException">There is no provider of that name.</exception>
    /// <exception cref="PlatformNotSupportedException">The provider is required and does not work.</exception>
    /// <exception cref="DllNotFoundException">The application carries no native ONNX Runtime; the message names the package to add.</exception>
    public static FlowModel Open(string path, FlowModelOptions? options = null)
    {
        FlowCard card = CardFile.Read(path);
        var (native, provider) = ExecutionProvider.Open(path, options ?? new FlowModelOptions());
        var session = new OnnxSession(native, path, copiesBoundInputs: provider.Chosen != ExecutionProvider.CpuName);
        try
        {
            ProbabilityPath probabilityPath = ProbabilityPath.Of(card.Path);
            var field = new OnnxField(session, card, probabilityPath, path);
            // Who says how many threads a call has, or where it runs, means it.
            ThreadedField? threaded = options?.Threads is not null || provider.Chosen != ExecutionProvider.CpuName ? null
                : new ThreadedField(field, threads =>
                {
                    var (more, _) = ExecutionProvider.Open(path, new FlowModelOptions { Provider = ExecutionProvider.CpuName, Threads = threads });
                    var second = new OnnxSession(more, path, copiesBoundInputs: false);
                    return (second, new OnnxField(second, card, probabilityPath, path));
                });
            return new FlowModel(path, session, card, probabilityPath, field, threaded, provider);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Draws samples. Sample i depends on the model, the options and i alone.</summary>
    /// <param name="count">Number of samples, at least 1.</param>
    /// <param name="options">What to sample and how. Default: <see cref="Defaults"/>, without a class and so without guidance.</param>
    /// <param name="progress">Told after each step in which samples finished, from the threads that solve.</param>
    /// <param name="cancellationToken">Ends the solve within one network call.</param>
    /// <returns>The samples in the data's own units (images in [0, 1], columns in theirs), each with its status; a
    /// sample that fails does so alone and nothing is thrown for it.</returns>
    /// <exception cref="ArgumentException">A label, condition or guidance that this model does not know, or a count below 1.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed, before or during the solve.</exception>
    public SampleBatch Sample(
        int count, SamplingOptions? options = null, IProgress<SamplingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        SampleBatch batch = OdeSolver.Solve(Problem(count, options), progress, cancellationToken);
        DataTransform.ToDataUnits(Card.Data, batch.Values);
        DataTransform.ToDataUnits(Card.Data, batch.Trajectories);
        return batch;
    }

    /// <summary>Draws samples and hands each to a consumer when it is done; memory does not grow with their number.</summary>
    /// <param name="count">Number of samples, at least 1.</param>
    /// <param name="consumer">Takes the samples, in the data's own units, one at a time, from the threads that solve; what it throws ends the solve and is the caller's.</param>
    /// <param name="options">What to sample and how. Default: <see cref="Defaults"/>, without a class and so without guidance.</param>
    /// <param name="order">As they finish, or by index.</param>
    /// <param name="progress">Told after each step in which samples finished, from the threads that solve.</param>
    /// <param name="cancellationToken">Ends the solve within one network call.</param>
    /// <returns>What the solve cost.</returns>
    /// <exception cref="ArgumentException">A label, condition or guidance that this model does not know, or a count below 1.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed, before or during the solve.</exception>
    public SamplingStatistics Stream(
        long count, SampleConsumer consumer, SamplingOptions? options = null, SampleOrder order = SampleOrder.Completion,
        IProgress<SamplingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        void InDataUnits(in FinishedSample sample)
        {
            DataTransform.ToDataUnits(Card.Data, sample.State);
            DataTransform.ToDataUnits(Card.Data, sample.Trajectory);
            consumer(sample);
        }
        return OdeSolver.Stream(Problem(count, options), InDataUnits, order, progress, cancellationToken);
    }

    /// <summary>
    /// The log-density of data under the model, log p(x(End)) = log p(x(Start)) − ∫ ∇·v dt, solved backwards from the data. The network must
    /// give its divergence (<see cref="OutputsCard.Divergence"/>), exactly or with a probe (<see cref="InputsCard.Probe"/>).
    /// </summary>
    /// <remarks>
    /// It is the density of the data as they are given, in their own units (images in [0, 1], columns in theirs), as the law of the solve's
    /// state at <see cref="End"/>. Where that lies inside 1 or the path keeps noise at its end, this is the law of the data blurred by what
    /// is left of the path there, x = α x1 + ρ ε: on the variance-preserving path by a deviation of 0.001 of the network's units. What a
    /// sample undergoes after the solve (the finish with the data, the cut of images at 0 and 1) is not in it. Pixels need
    /// <see cref="LikelihoodOptions.Levels"/>.
    /// </remarks>
    /// <param name="data">The data, [count, d], row-major, in their own units.</param>
    /// <param name="options">How to solve. Default: without a class, one probe, tolerances of 1e-5.</param>
    /// <param name="cancellationToken">Ends the solve within one network call.</param>
    /// <returns>The log-density of each row in nats, with its status; a row that fails does so alone and nothing is thrown for it.</returns>
    /// <exception cref="ArgumentException">The data are no rows of this model, or labels, conditions, guidance, levels or the method do not fit it.</exception>
    /// <exception cref="NotSupportedException">The model has no divergence output.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed, before or during the solve.</exception>
    public LikelihoodBatch LogLikelihood(ReadOnlySpan<float> data, LikelihoodOptions? options = null, CancellationToken cancellationToken = default)
    {
        _session.ThrowIfDisposed();
        options ??= new LikelihoodOptions();
        if (Card.Outputs.Divergence is null)
            throw new NotSupportedException($"{Path} has no divergence output, by which a density is followed. Export it with one.");
        if (options.Levels is not null && Card.Data?.Image is null)
            throw new ArgumentException($"{Path} has no images, so its values have no levels: set LikelihoodOptions.Levels to null.");
        Func<long, Condition> conditionOf = ConditionsInTurn.Of(Card.Conditions, Path, options.Conditions, options.Labels, options.Guidance);
        float[] rows = data.ToArray();
        if (options.Levels is { } levels)
            Dequantisation.Apply(levels, options.Seed, rows, Field.Dimension);
        DataTransform.ToNetworkUnits(Card.Data, rows);
        var problem = new LikelihoodProblem
        {
            Field = Guided(Field, options.Guidance),
            Data = rows,
            Prior = Prior,
            ConditionOf = conditionOf,
            Start = Start,
            End = End,
            Path = _path,
            Seed = options.Seed,
            Probes = Card.Inputs.Probe is null ? 1 : options.Probes,
            Workers = options.Workers,
            Slots = options.Slots ?? DefaultSlots,
        };
        LikelihoodBatch batch = LikelihoodSolver.Solve(
            options.Solver is { } solver ? problem with { Solver = solver } : problem, cancellationToken: cancellationToken);
        batch.ToDataUnits(DataTransform.LogDeterminant(Card.Data, Field.Dimension), options.Levels);
        return batch;
    }

    /// <summary>Closes the model. Solves that are under way in other threads end with <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        _session.Dispose();
        _threaded?.Dispose();
    }

    internal OdeProblem Problem(long count, SamplingOptions? options)
    {
        _session.ThrowIfDisposed();
        options ??= Defaults with { Guidance = 1 }; // without labels there is nothing to guide towards
        Func<long, Condition> conditionOf = ConditionsInTurn.Of(Card.Conditions, Path, options.Conditions, options.Labels, options.Guidance);
        IVelocityField field = options.Workers is null && _threaded is not null ? InVelocities(InRealTime(_threaded.For(count))) : Field;
        SolverOptions solver = options.Solver ?? Defaults.Solver!;
        if (solver is FixedSteps { Method: StochasticMethod stochastic } && !Card.Path.TellsNoise)
            throw new ArgumentException($"The method {stochastic} needs the score, which a model of {Card.Path.Described} does not tell. Use another method.");
        if (Card.Time?.Steps is { } steps && solver is FixedSteps { Grid: not GivenGrid } onGrid)
            solver = onGrid with { Grid = onGrid.Grid.OnSteps(steps) };
        return new OdeProblem
        {
            Field = Guided(field, options.Guidance),
            InitialState = (index, state) => Prior.Draw(options.Seed, index, state),
            ConditionOf = conditionOf,
            Shape = Card.Sample.Shape,
            First = options.First,
            Count = count,
            Start = Start,
            End = End,
            TrajectoryTimes = options.TrajectoryTimes,
            Solver = solver,
            Path = _path,
            FinishesWithData = FinishesWithData,
            Seed = options.Seed,
            Workers = options.Workers,
            Slots = options.Slots ?? DefaultSlots,
        };
    }

    /// <summary>Slots of a worker where nothing else is asked for; whole calls where the network takes a fixed number of rows.</summary>
    private int DefaultSlots
    {
        get
        {
            int slots = OdeSolver.SlotsFor(Field.Dimension, onDevice: Provider.Chosen != ExecutionProvider.CpuName);
            return _batch is { } batch ? (slots + batch - 1) / batch * batch : slots;
        }
    }

    /// <summary>
    /// Where a model of noise, data or score cannot be solved to the data, or a diffusion table ends short of them, the sample is the
    /// data that the last state speaks of.
    /// </summary>
    private bool FinishesWithData => Card.Path.TellsNoise
        && (Card.Path.Kind == PathKind.Tabulated || (End < 1 && (Card.Prediction.Kind != PredictionKind.Velocity || Card.Path.Kind == PathKind.VariancePreserving)));

    private IVelocityField InRealTime(IVelocityField network) => Card.Time?.Steps is { } steps ? new SteppedField(network, steps) : network;

    private IVelocityField InVelocities(IVelocityField network) =>
        Card.Prediction.Kind == PredictionKind.Velocity ? network : new PredictionField(network, _path, Card.Prediction.Kind);

    private static IVelocityField Guided(IVelocityField field, double guidance) => guidance == 1 ? field : new GuidedField(field, guidance);

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
