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
public sealed class FlowModel : IDisposable
{
    private readonly OnnxSession _session;
    private readonly ThreadedField? _threaded;
    private readonly QualityCard? _quality;
    private readonly StepProfile[] _profiles;

    private FlowModel(string path, OnnxSession session, FlowCard card, IVelocityField field, ThreadedField? threaded, ProviderReport provider)
    {
        Path = path;
        _session = session;
        _threaded = threaded;
        Card = card;
        Field = field;
        Provider = provider;
        HintsApply = card.Hints is not null && card.Hints.Graph.Equals(OnnxFile.GraphHash(path), StringComparison.OrdinalIgnoreCase);
        HintsCard? hints = HintsApply ? card.Hints : null;
        _quality = hints?.Quality;
        _profiles = [.. (hints?.Profiles ?? []).Select(profile => new StepProfile((EmbeddedPair)ButcherTableau.Named(profile.Method), profile.Tolerances, profile.Steps, profile.Whitened))];
        Defaults = DefaultsOf(hints);
    }

    /// <summary>The model's file.</summary>
    public string Path { get; }

    /// <summary>The model's card.</summary>
    public FlowCard Card { get; }

    /// <summary>What the network runs on, what was asked for, and why.</summary>
    public ProviderReport Provider { get; }

    /// <summary>The network as a velocity field v(t, x) in its own units, for solvers and for wrapping.</summary>
    public IVelocityField Field { get; }

    /// <summary>Mean and scale of the data in the network's units, where the card tells both and the path is known.</summary>
    public DataMoments? Moments => Card.Data is { Mean: { } mean, Scale: { } scale } && scale.Any(value => value > 0) && ProbabilityPath.Of(Card.Path) is not null
        ? new DataMoments(mean, scale) : null;

    /// <summary>How this model is sampled where nothing else is said: its card's hints, over the library's defaults.</summary>
    public SamplingOptions Defaults { get; }

    /// <summary>Whether the card has hints that were made for this very graph; others are ignored.</summary>
    public bool HintsApply { get; }

    /// <summary>The solver for a quality: as measured on this model where its card says so, otherwise a general choice.</summary>
    /// <param name="quality">How exactly to solve.</param>
    public AdaptiveSteps SolverFor(SamplingQuality quality)
    {
        QualityLevelCard? level = quality switch
        {
            SamplingQuality.Draft => _quality?.Draft,
            SamplingQuality.Normal => _quality?.Normal,
            _ => _quality?.Fine,
        };
        if (level is not null)
        {
            AdaptiveSteps measured = WithTolerance(level.Tolerance) with
            {
                Method = (EmbeddedPair)ButcherTableau.Named(level.Method),
                Moments = level.Whitened ? Moments : null,
            };
            return level.Profiled ? Profiled(measured) : measured;
        }
        return Profiled(quality switch
        {
            SamplingQuality.Draft => WithTolerance(3e-2),
            SamplingQuality.Normal => new AdaptiveSteps(),
            _ => WithTolerance(1e-4),
        });
    }

    /// <summary>The same steps with this model's step profile for their method, or without one where it has none.</summary>
    /// <param name="steps">Adaptive steps.</param>
    public AdaptiveSteps Profiled(AdaptiveSteps steps) =>
        steps with { Profile = Array.Find(_profiles, profile => profile.Method == steps.Method && profile.IsWhitened == steps.Moments is not null) };

    /// <summary>Opens a model.</summary>
    /// <param name="path">The ONNX file; its card is inside, or in a sidecar <c>NAME.flow.json</c>.</param>
    /// <param name="options">Provider and threads. Default: the best provider that works, threads by itself.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is no ONNX model, or its card is missing, wrong or does not fit the graph; the message names file and field.</exception>
    /// <exception cref="NotSupportedException">The card asks for what this version cannot do.</exception>
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
            var field = new OnnxField(session, card, path);
            // Who says how many threads a call has, or where it runs, means it.
            ThreadedField? threaded = options?.Threads is not null || provider.Chosen != ExecutionProvider.CpuName ? null
                : new ThreadedField(field, threads =>
                {
                    var (more, _) = ExecutionProvider.Open(path, new FlowModelOptions { Provider = ExecutionProvider.CpuName, Threads = threads });
                    var second = new OnnxSession(more, path, copiesBoundInputs: false);
                    return (second, new OnnxField(second, card, path));
                });
            return new FlowModel(path, session, card, field, threaded, provider);
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
    /// <exception cref="ArgumentException">A label or guidance that this model does not know, or a count below 1.</exception>
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
    /// <exception cref="ArgumentException">A label or guidance that this model does not know, or a count below 1.</exception>
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
        Condition[] conditions = Conditions(options);
        PriorCard prior = Card.Prior ?? new PriorCard();
        IVelocityField field = options.Workers is null && _threaded is not null ? _threaded.For(count) : Field;
        return new OdeProblem
        {
            Field = options.Guidance == 1 ? field : new GuidedField(field, options.Guidance),
            InitialState = (index, state) => DrawPrior(prior, options.Seed, index, state),
            ConditionOf = index => conditions[index % conditions.Length],
            Shape = Card.Sample.Shape,
            First = options.First,
            Count = count,
            Start = Card.Path.Start,
            End = Card.Path.End,
            TrajectoryTimes = options.TrajectoryTimes,
            Solver = options.Solver ?? Defaults.Solver!,
            Path = ProbabilityPath.Of(Card.Path),
            Seed = options.Seed,
            Workers = options.Workers,
            Slots = options.Slots,
        };
    }

    private static void DrawPrior(PriorCard prior, ulong seed, long index, Span<float> state)
    {
        Noise.Fill(seed, index, state);
        if (prior is { Mean: 0, Scale: 1 })
            return;
        foreach (ref float value in state)
            value = (float)(prior.Mean + prior.Scale * value);
    }

    private Condition[] Conditions(SamplingOptions options)
    {
        ClassesCard? classes = Card.Conditions?.Classes;
        if (classes is null)
        {
            if (options.Labels.Count > 0)
                throw new ArgumentException($"{Path} has no classes: sample it without labels.");
            if (options.Guidance != 1)
                throw new ArgumentException($"{Path} has no classes, so nothing to guide towards: sample it without guidance.");
            return [Condition.None];
        }
        if (options.Guidance != 1 && (classes.Null is null || options.Labels.Count == 0))
            throw new ArgumentException(classes.Null is null
                ? $"{Path} has no null class, which guidance needs: sample it without guidance."
                : "Guidance sharpens a class: give labels with it.");
        Condition[] conditions = options.Labels.Count == 0 ? [Condition.None] : [.. options.Labels.Select(label => new Condition { Label = label })];
        foreach (Condition condition in conditions)
            OnnxEvaluator.Label(classes, condition);
        return conditions;
    }

    private SamplingOptions DefaultsOf(HintsCard? hints)
    {
        var defaults = new SamplingOptions { Solver = SolverFor(SamplingQuality.Normal) };
        if (hints is null)
            return defaults;
        defaults = defaults with { Guidance = hints.Guidance ?? 1 };
        if (hints is { Method: null, Steps: null, RelativeTolerance: null, AbsoluteTolerance: null })
            return defaults;
        AdaptiveSteps usual = new();
        SolverMethod method = hints.Method is null ? usual.Method : SolverMethod.Named(hints.Method);
        if (hints.Steps is { } steps)
            return defaults with { Solver = new FixedSteps(method, steps) };
        usual = usual with { RelativeTolerance = hints.RelativeTolerance ?? usual.RelativeTolerance, AbsoluteTolerance = hints.AbsoluteTolerance ?? usual.AbsoluteTolerance };
        if (hints.Method is not null)
        {
            usual = usual with
            {
                Method = method as EmbeddedPair
                    ?? throw new InvalidDataException($"{Path}: the card's hints.method '{method}' has no error estimate, so it needs hints.steps."),
            };
        }
        return defaults with { Solver = Profiled(usual) };
    }

    private static AdaptiveSteps WithTolerance(double tolerance) => new() { RelativeTolerance = tolerance, AbsoluteTolerance = tolerance };
}
