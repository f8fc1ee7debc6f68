using System.Numerics.Tensors;
using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Likelihood;
using FlowRuntime.Ode;
using FlowRuntime.Onnx;
using FlowRuntime.Sampling;

namespace FlowRuntime;

public sealed partial class FlowModel
{
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
        OdeProblem problem = Problem(count, options);
        var batch = new SampleBatch(problem.First, count, Shape, problem.TrajectoryTimes, withDensity: options?.LogDensity == true);
        batch.Statistics = Stream(problem, options, batch.Take, SampleOrder.Completion, progress, cancellationToken);
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
        return Stream(Problem(count, options), options, consumer, order, progress, cancellationToken);
    }

    /// <summary>Solves a problem of this model and hands its samples on in the data's own units.</summary>
    private SamplingStatistics Stream(
        OdeProblem problem, SamplingOptions? options, SampleConsumer consumer, SampleOrder order, IProgress<SamplingProgress>? progress, CancellationToken cancellationToken)
    {
        DrawnDensity? density = options?.LogDensity == true ? new DrawnDensity(problem, Prior, DataTransform.LogDeterminant(Card.Data, Field.Dimension)) : null;
        void InDataUnits(in FinishedSample sample)
        {
            consumer(AsData(density is null ? sample : density.Read(sample), cancellationToken));
        }
        return InTurn(() => OdeSolver.Stream(density?.Problem ?? problem, InDataUnits, order, progress, cancellationToken), cancellationToken);
    }

    /// <summary>A sample in the data's own units, in which a finite state may be none any more.</summary>
    private FinishedSample AsData(FinishedSample sample, CancellationToken cancellationToken)
    {
        Span<float> data = _data.ToData(sample.State, cancellationToken);
        bool fails = sample.Status == SampleStatus.Completed && !TensorPrimitives.IsFiniteAll<float>(data);
        return sample with { State = data, Trajectory = _data.ToData(sample.Trajectory, cancellationToken), Status = fails ? SampleStatus.NonFinite : sample.Status };
    }

    /// <summary>How many threads and rows a solve of so many samples takes, and what memory its buffers.</summary>
    /// <param name="count">Number of samples, at least 1.</param>
    /// <param name="options">What to sample and how. Default: <see cref="Defaults"/>, without a class and so without guidance.</param>
    /// <exception cref="ArgumentException">A label, condition or guidance that this model does not know, or a count below 1.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public SolveLayout LayoutOf(long count, SamplingOptions? options = null) => OdeSolver.LayoutOf(Problem(count, options));

    /// <summary>Threads that solve: those that are asked for; one where a large sample is solved alone, and its calls have more; otherwise as many as are worth it.</summary>
    private int? Workers(int? asked) => asked ?? (_oneAtATime ? 1 : null);

    internal OdeProblem Problem(long count, SamplingOptions? options, string operation = "sample")
    {
        _session.ThrowIfDisposed();
        options ??= Defaults with { Guidance = Guidance.None }; // without labels there is nothing to guide towards
        Func<long, Condition> conditionOf = ConditionsInTurn.Of(Card.Conditions, Path, options.Conditions, options.Labels, options.Guidance);
        IVelocityField network = options.Workers is null && _threaded is not null && _device is null ? InRealTime(_threaded.For(count)) : Network;
        SolverOptions solver = options.Solver ?? (options.LogDensity ? LikelihoodProblem.DefaultSolver : Defaults.Solver!);
        if (options.LogDensity)
            RequireDensity(solver, options.Guidance);
        if (solver is FixedSteps { Method: StochasticMethod stochastic } && !Card.Path.TellsNoise)
            throw new ArgumentException($"The method {stochastic} needs the score, which a model of {Card.Path.Described} does not tell. Use another method.");
        if (Card.Time?.Steps is { } steps && solver is FixedSteps { Grid: not GivenGrid } onGrid)
            solver = onGrid with { Grid = onGrid.Grid.OnSteps(steps) };
        return new OdeProblem
        {
            Operation = operation,
            ModelName = System.IO.Path.GetFileName(Path),
            Field = Guided(network, options.Guidance),
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
            StateArithmetic = _device?.For(solver, options, FinishesWithData),
            Workers = Workers(options.Workers),
            Processors = _processors,
            Slots = options.Slots ?? DefaultSlots,
        };
    }
}
