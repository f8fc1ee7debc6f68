using FlowRuntime.Cards;
using FlowRuntime.Ode;

namespace FlowRuntime.Sampling;

/// <summary>How a model is solved where the caller says nothing: as its card's hints say, or in general.</summary>
internal sealed class SolverDefaults
{
    private readonly QualityCard? _quality;
    private readonly StepProfile[] _profiles;
    private readonly DataMoments? _moments;
    private readonly MultistepMethod? _ofSteps;
    private readonly int? _steps;
    private readonly int _mostSteps;

    /// <param name="card">The model's card.</param>
    /// <param name="hints">The hints that apply to its graph; null for none.</param>
    /// <param name="start">Flow time a solve starts from.</param>
    /// <param name="end">Flow time it ends at.</param>
    /// <param name="modelPath">The model's file, for messages.</param>
    /// <exception cref="InvalidDataException">The hints name a method that cannot be used so.</exception>
    public SolverDefaults(FlowCard card, HintsCard? hints, double start, double end, string modelPath)
    {
        _quality = hints?.Quality;
        _profiles = [.. (hints?.Profiles ?? []).Select(profile => new StepProfile((EmbeddedPair)ButcherTableau.Named(profile.Method), profile.Tolerances, profile.Steps, profile.Whitened))];
        _moments = MomentsOf(card);
        if (card.Time?.Steps is { } steps)
        {
            _steps = steps;
            _ofSteps = card.Path.TellsNoise ? MultistepMethod.UniPC2 : MultistepMethod.AdamsBashforth2;
            _mostSteps = Math.Max(1, (int)Math.Floor((end - start) * (steps - 1) + 1e-6));
        }
        Options = OptionsOf(hints, modelPath);
    }

    /// <summary>What is sampled where nothing else is said.</summary>
    public SamplingOptions Options { get; }

    /// <summary>Mean and scale of the data, where the card tells both.</summary>
    public static DataMoments? MomentsOf(FlowCard card) => card.Data is { Mean: { } mean, Scale: { } scale } && scale.Any(value => value > 0)
        ? new DataMoments(mean, scale) : null;

    /// <summary>The usual solver for a solve that starts later: a network of steps is not asked for more of them than there are on the way.</summary>
    public SolverOptions From(double start, double end) => Options.Solver is FixedSteps { Grid: not GivenGrid } usual && _steps is { } steps
        ? new FixedSteps(usual.Method, Math.Clamp((int)Math.Floor((end - start) * (steps - 1) + 1e-6), 1, usual.Count)) { Grid = usual.Grid }
        : Options.Solver!;

    /// <summary>The solver for a quality.</summary>
    public SolverOptions For(SamplingQuality quality)
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
                Moments = level.Whitened ? _moments : null,
            };
            return level.Profiled ? Profiled(measured) : measured;
        }
        if (_ofSteps is not null)
            return new FixedSteps(_ofSteps, Math.Min(_mostSteps, quality switch { SamplingQuality.Draft => 10, SamplingQuality.Normal => 25, _ => 100 }));
        return Profiled(quality switch
        {
            SamplingQuality.Draft => WithTolerance(3e-2),
            SamplingQuality.Normal => new AdaptiveSteps(),
            _ => WithTolerance(1e-4),
        });
    }

    /// <summary>The same steps with the model's profile for their method, or without one where it has none.</summary>
    public AdaptiveSteps Profiled(AdaptiveSteps steps) =>
        steps with { Profile = Array.Find(_profiles, profile => profile.Method == steps.Method && profile.IsWhitened == steps.Moments is not null) };

    private SamplingOptions OptionsOf(HintsCard? hints, string modelPath)
    {
        var defaults = new SamplingOptions { Solver = For(SamplingQuality.Normal) };
        if (hints is null)
            return defaults;
        defaults = defaults with { Guidance = hints.Guidance is { } scale ? scale : Fields.Guidance.None };
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
                    ?? throw new InvalidDataException($"{modelPath}: the card's hints.method '{method}' has no error estimate, so it needs hints.steps."),
            };
        }
        return defaults with { Solver = Profiled(usual) };
    }

    private static AdaptiveSteps WithTolerance(double tolerance) => new() { RelativeTolerance = tolerance, AbsoluteTolerance = tolerance };
}
