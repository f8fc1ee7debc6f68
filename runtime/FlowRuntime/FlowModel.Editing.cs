using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Paths;
using FlowRuntime.Sampling;

namespace FlowRuntime;

public sealed partial class FlowModel
{
    /// <summary>How data become noise and noise data again where nothing is said: tightly, so that one undoes the other.</summary>
    public static AdaptiveSteps InverseSolver { get; } = new() { Method = ButcherTableau.Dopri5, RelativeTolerance = 1e-4, AbsoluteTolerance = 1e-4 };

    /// <summary>
    /// Carries data to the noise they come from, by the reverse solve. <see cref="Decode"/> with the same options carries it back.
    /// </summary>
    /// <param name="data">The data, [count, shape…], row-major, in their own units; a latent model's go through its encoder.</param>
    /// <param name="options">Conditions, guidance and solver, one that runs in reverse. Default: no condition, <see cref="ButcherTableau.Dopri5"/> with tolerances of 1e-4.</param>
    /// <param name="progress">Told after each step in which rows finished.</param>
    /// <param name="cancellationToken">Ends the solve within one network call.</param>
    /// <returns>The noise of each row, [count, d], in units in which a sample's is N(0, I), with its status. Trajectories are not recorded.</returns>
    /// <exception cref="ArgumentException">The data are no rows of this model, or the options do not fit it.</exception>
    /// <exception cref="NotSupportedException">A latent model has no encoder.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed, before or during the solve.</exception>
    public SampleBatch Encode(
        ReadOnlySpan<float> data, SamplingOptions? options = null, IProgress<SamplingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        float[] states = _data.ToStates(data, cancellationToken);
        options = WithoutDensity(options, InverseSolver) with { TrajectoryTimes = [] };
        OdeProblem forward = Problem(states.Length / Field.Dimension, options, "encode");
        double alpha = _path.At(End).Alpha;
        var batch = new SampleBatch(forward.First, forward.Count, Card.Sample.Shape, []);
        batch.Statistics = Solve(
            forward with
            {
                Start = End,
                End = Start,
                FinishesWithData = false,
                InitialState = (index, state) =>
                {
                    for (int i = 0, row = (int)(index - forward.First) * state.Length; i < state.Length; i++)
                        state[i] = (float)(alpha * states[row + i]);
                },
            },
            (in FinishedSample sample) =>
            {
                for (int i = 0; i < sample.State.Length; i++)
                    sample.State[i] = (float)((sample.State[i] - Prior.Mean(i)) / Prior.Scale(i));
                batch.Take(sample);
            },
            progress, cancellationToken);
        return batch;
    }

    /// <summary>Draws a sample from each row of noise that is given, such as <see cref="Encode"/> gives.</summary>
    /// <param name="noise">The noise, [count, d], in units in which a sample's is N(0, I).</param>
    /// <param name="options">Conditions, guidance and solver. Default: no condition, <see cref="ButcherTableau.Dopri5"/> with tolerances of 1e-4.</param>
    /// <param name="progress">Told after each step in which rows finished.</param>
    /// <param name="cancellationToken">Ends the solve within one network call.</param>
    /// <returns>The samples in the data's own units, each with its status.</returns>
    /// <exception cref="ArgumentException">The noise has no rows of this model, or the options do not fit it.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed, before or during the solve.</exception>
    public SampleBatch Decode(
        ReadOnlySpan<float> noise, SamplingOptions? options = null, IProgress<SamplingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        float[] rows = Rows(noise, "noise");
        options = WithoutDensity(options, InverseSolver);
        return Collect(FromNoise(rows, Problem(rows.Length / Field.Dimension, options, "decode")), options, progress, cancellationToken);
    }

    /// <summary>Draws what lies between two data: both are carried to noise, frames are taken from the great circle between, and carried back.</summary>
    /// <param name="from">Data that the frames begin with, [pairs, shape…], in their own units.</param>
    /// <param name="to">Data that they end with, as many.</param>
    /// <param name="frames">Frames of each pair, at least 2, both ends included.</param>
    /// <param name="options">Conditions, in turn by the pair, guidance and solver, one that runs in reverse. Default: as for <see cref="Encode"/>.</param>
    /// <param name="progress">Told after each step in which frames finished.</param>
    /// <param name="cancellationToken">Ends the solve within one network call.</param>
    /// <returns>The frames, [pairs · frames, shape…], those of the first pair first. The frames of data that could not be carried to noise have failed.</returns>
    /// <remarks>Source of the spherical interpolation: Shoemake 1985, "Animating Rotation with Quaternion Curves".</remarks>
    /// <exception cref="ArgumentException">The data are no rows of this model or of unequal number, or the options do not fit it.</exception>
    /// <exception cref="NotSupportedException">A latent model has no encoder.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed, before or during the solve.</exception>
    public SampleBatch Interpolate(
        ReadOnlySpan<float> from, ReadOnlySpan<float> to, int frames, SamplingOptions? options = null,
        IProgress<SamplingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(frames, 2);
        if ((long)frames * from.Length > Array.MaxLength)
            throw new ArgumentOutOfRangeException(nameof(frames), frames, $"{frames} frames of {from.Length} numbers are more than one array can hold. Ask for fewer frames, or for fewer pairs at a time.");
        if (from.Length != to.Length)
            throw new ArgumentException($"There are {from.Length} numbers to begin with and {to.Length} to end with. Give as many rows of both.");
        options = WithoutDensity(options, InverseSolver);
        SampleBatch start = Encode(from, options, cancellationToken: cancellationToken), end = Encode(to, options, cancellationToken: cancellationToken);
        float[] noise = new float[checked((long)start.Values.Length * frames)];
        for (int frame = 0; frame < start.Count * frames; frame++)
        {
            int pair = frame / frames;
            Span<float> row = noise.AsSpan(frame * start.Dimension, start.Dimension);
            if (start.Status[pair] == SampleStatus.Completed && end.Status[pair] == SampleStatus.Completed)
                GreatCircle.Point(start[pair], end[pair], frame % frames / (frames - 1.0), row);
            else
                row.Fill(float.NaN);
        }
        OdeProblem problem = Problem((long)start.Count * frames, options, "interpolate");
        Func<long, Condition> ofPair = problem.ConditionOf;
        problem = problem with { ConditionOf = index => ofPair(problem.First + (index - problem.First) / frames) };
        return Collect(FromNoise(noise, problem), options, progress, cancellationToken);
    }

    /// <summary>Changes data: noises each to a time of its path and solves on from there. The earlier the time, the more is new.</summary>
    /// <param name="data">The data, [count, shape…], in their own units; a latent model's go through its encoder.</param>
    /// <param name="start">Flow time to start from, at least <see cref="Start"/> and before <see cref="End"/>; 0.5 keeps the coarse features of most images.</param>
    /// <param name="options">Seed of the noise, conditions, guidance and solver. Default: <see cref="Defaults"/>, without a condition.</param>
    /// <param name="progress">Told after each step in which rows finished.</param>
    /// <param name="cancellationToken">Ends the solve within one network call.</param>
    /// <returns>The changed data in their own units, each with its status.</returns>
    /// <remarks>Source: Meng et al. 2022, "SDEdit: Guided Image Synthesis and Editing with Stochastic Differential Equations", with the flow for the stochastic equation.</remarks>
    /// <exception cref="ArgumentException">The data are no rows of this model, the time is none to start from, or the options do not fit it.</exception>
    /// <exception cref="NotSupportedException">A latent model has no encoder.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed, before or during the solve.</exception>
    public SampleBatch Edit(
        ReadOnlySpan<float> data, double start, SamplingOptions? options = null,
        IProgress<SamplingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (!(start >= Start && start < End))
            throw new ArgumentOutOfRangeException(nameof(start), start, FormattableString.Invariant($"Give a time from {Start} to below {End}."));
        float[] states = _data.ToStates(data, cancellationToken);
        options = WithoutDensity(options, _defaults.From(start, End));
        OdeProblem problem = Problem(states.Length / Field.Dimension, options, "edit");
        PathCoefficients at = _path.At(start);
        return Collect(
            problem with
            {
                Start = start,
                InitialState = (index, state) =>
                {
                    Noise.Fill(options.Seed, index, state);
                    for (int i = 0, row = (int)(index - problem.First) * state.Length; i < state.Length; i++)
                        state[i] = (float)(at.Alpha * states[row + i] + at.Deviation * state[i]);
                },
            },
            options, progress, cancellationToken);
    }

    /// <summary>
    /// Draws what is missing of data: the known part is kept on its path, x = α x1 + ρ ε, while the rest flows beside it, and is the data's own in the end.
    /// </summary>
    /// <param name="data">The data, [count, shape…], in their own units; values that are not known may be any finite numbers. A latent model's go through its encoder.</param>
    /// <param name="known">Which values are known: one for each value of a row, or of every row. For a latent model, of its latents.</param>
    /// <param name="options">Seed of the noise, conditions, guidance and solver. Default: <see cref="Defaults"/>, without a condition.</param>
    /// <param name="progress">Told after each step in which rows finished.</param>
    /// <param name="cancellationToken">Ends the solve within one network call.</param>
    /// <returns>The completed data in their own units, each with its status.</returns>
    /// <remarks>
    /// The network sees, at each time, the known values as noisy as they are then; what is drawn fits them as well as that tells. Source of the replacement: Song et al. 2021,
    /// "Score-Based Generative Modeling through Stochastic Differential Equations", with one noise for the whole path.
    /// </remarks>
    /// <exception cref="ArgumentException">The data are no rows of this model, the mask has another size, or the options do not fit it.</exception>
    /// <exception cref="NotSupportedException">A latent model has no encoder.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed, before or during the solve.</exception>
    public SampleBatch Inpaint(
        ReadOnlySpan<float> data, ReadOnlySpan<bool> known, SamplingOptions? options = null,
        IProgress<SamplingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        float[] states = _data.ToStates(data, cancellationToken);
        if (known.Length != Field.Dimension && known.Length != states.Length)
            throw new ArgumentException($"The mask has {known.Length} values. Give {Field.Dimension}, or as many for each row, {states.Length}.", nameof(known));
        bool[] mask = new bool[states.Length];
        for (int at = 0; at < mask.Length; at += known.Length)
            known.CopyTo(mask.AsSpan(at));
        options = WithoutDensity(options, Defaults.Solver!);
        OdeProblem problem = Problem(states.Length / Field.Dimension, options, "inpaint");
        var field = new InpaintingField(problem.Field, _path, states, mask, problem.First, options.Seed);
        var batch = new SampleBatch(problem.First, problem.Count, Shape, problem.TrajectoryTimes);
        batch.Statistics = Solve(
            problem with { Field = field, StateArithmetic = null },
            (in FinishedSample sample) =>
            {
                float[] noise = new float[Field.Dimension];
                Noise.Fill(options.Seed, sample.Index, noise);
                for (int i = 0; i < problem.TrajectoryTimes.Count; i++)
                    field.Place(sample.Index, _path.At(problem.TrajectoryTimes[i]), noise, sample.Trajectory.Slice(i * noise.Length, noise.Length));
                field.PlaceData(sample.Index, sample.State);
                batch.Take(AsData(sample, cancellationToken));
            },
            progress, cancellationToken);
        return batch;
    }

    private SamplingStatistics Solve(OdeProblem problem, SampleConsumer consumer, IProgress<SamplingProgress>? progress, CancellationToken cancellationToken) =>
        InTurn(() => OdeSolver.Stream(problem, consumer, SampleOrder.Completion, progress, cancellationToken), cancellationToken);

    private SampleBatch Collect(OdeProblem problem, SamplingOptions options, IProgress<SamplingProgress>? progress, CancellationToken cancellationToken)
    {
        var batch = new SampleBatch(problem.First, problem.Count, Shape, problem.TrajectoryTimes);
        batch.Statistics = Stream(problem, options, batch.Take, SampleOrder.Completion, progress, cancellationToken);
        return batch;
    }

    /// <summary>The problem with given noise in place of the seed's.</summary>
    private OdeProblem FromNoise(float[] noise, OdeProblem problem) => problem with
    {
        InitialState = (index, state) =>
        {
            noise.AsSpan((int)(index - problem.First) * state.Length, state.Length).CopyTo(state);
            for (int i = 0; i < state.Length; i++)
                state[i] = (float)(Prior.Mean(i) + Prior.Scale(i) * state[i]);
        },
    };

    private float[] Rows(ReadOnlySpan<float> values, string what) => values.Length > 0 && values.Length % Field.Dimension == 0 ? values.ToArray()
        : throw new ArgumentException($"{values.Length} numbers are no {what} of {Field.Dimension} values a row.");

    private SamplingOptions WithoutDensity(SamplingOptions? options, SolverOptions solver)
    {
        options ??= Defaults with { Guidance = Guidance.None, Solver = null };
        return options.LogDensity ? throw new ArgumentException("The density of what is drawn is known for samples alone: set LogDensity to false, or ask LogLikelihood.")
            : options with { Solver = options.Solver ?? solver };
    }
}
