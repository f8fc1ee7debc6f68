using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Likelihood;
using FlowRuntime.Ode;
using FlowRuntime.Onnx;

namespace FlowRuntime;

public sealed partial class FlowModel
{
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
        RequireDensity(options.Solver, options.Guidance);
        if (options.Levels is not null && Card.Data?.Image is null)
            throw new ArgumentException($"{Path} has no images, so its values have no levels: set LikelihoodOptions.Levels to null.");
        Func<long, Condition> conditionOf = ConditionsInTurn.Of(Card.Conditions, Path, options.Conditions, options.Labels, options.Guidance);
        float[] rows = data.ToArray();
        if (options.Levels is { } levels)
            Dequantisation.Apply(levels, options.Seed, rows, Field.Dimension, options.First);
        DataTransform.ToNetworkUnits(Card.Data, rows);
        var problem = new LikelihoodProblem
        {
            ModelName = System.IO.Path.GetFileName(Path),
            Field = Guided(Network, options.Guidance),
            Data = rows,
            First = options.First,
            Prior = Prior,
            ConditionOf = conditionOf,
            Start = Start,
            End = End,
            Path = _path,
            Seed = options.Seed,
            Probes = Card.Inputs.Probe is null ? 1 : options.Probes,
            Workers = Workers(options.Workers),
            Processors = _processors,
            Slots = options.Slots ?? DefaultSlots,
        };
        if (options.Solver is { } solver)
            problem = problem with { Solver = solver };
        LikelihoodBatch batch = InTurn(() => LikelihoodSolver.Solve(problem, cancellationToken: cancellationToken), cancellationToken);
        batch.ToDataUnits(DataTransform.LogDeterminant(Card.Data, Field.Dimension), options.Levels);
        return batch;
    }

    /// <exception cref="NotSupportedException">The model has no divergence output, or no density in the data's space.</exception>
    /// <exception cref="ArgumentException">A density cannot be followed by such a solver or under such guidance.</exception>
    private void RequireDensity(SolverOptions? solver, Guidance guidance)
    {
        if (Card.Outputs.Divergence is null)
            throw new NotSupportedException($"{Path} has no divergence output, by which a density is followed. Export it with one.");
        if (!_data.IsOfStates)
            throw new NotSupportedException($"{Path} samples latents, whose density is none of the data: the decoder has no inverse that preserves volume.");
        if (guidance.Rescale > 0)
            throw new ArgumentException("The divergence of rescaled guidance is not known: set Guidance.Rescale to 0.");
        LikelihoodProblem.CheckSolver(solver);
    }
}
