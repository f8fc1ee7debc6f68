using System.CommandLine;
using System.Globalization;
using FlowRuntime.CommandLine;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;
using FlowRuntime.Tool.Input;

namespace FlowRuntime.Tool.Arguments;

/// <summary>The options that say how to solve, shared by the verbs that do: a quality, or a method with tolerances or steps.</summary>
internal sealed class SolverArguments
{
    private readonly Option<string?> _quality = new("--quality") { Description = "draft, normal or fine: as measured on this model by 'flow tune', otherwise a general choice." };
    private readonly Option<string?> _method = new("--method") { Description = $"Solver: {string.Join(", ", SolverMethod.Methods)}." };
    private readonly Option<double?> _rtol = new("--rtol") { Description = "Relative tolerance, for adaptive steps." };
    private readonly Option<double?> _atol = new("--atol") { Description = "Absolute tolerance, for adaptive steps." };
    private readonly Option<int?> _steps = new("--steps") { Description = "Number of steps, instead of tolerances." };
    private readonly Option<string?> _grid = new("--grid") { Description = "Where the steps stand: uniform, cosine, shift:S, karras:RHO or @times.csv." };
    private readonly Option<double?> _sde = new("--sde") { Description = "Stochastic sampling with this churn, in a number of steps." };

    private Option[] All => [_quality, _method, _rtol, _atol, _steps, _grid, _sde];

    public void AddTo(Command command)
    {
        foreach (Option option in All)
            command.Add(option);
        command.Validators.Add(result =>
        {
            // Whether they are given, not their values: one that cannot be read would throw here.
            bool Given(Option option) => result.GetResult(option) is not null;
            Option? other = All.FirstOrDefault(option => option != _quality && Given(option));
            if (Given(_quality) && other is not null)
                result.AddError($"--quality and {other.Name} exclude each other: a quality chooses the method and its tolerance.");
            else if ((Given(_steps) || Given(_grid) || Given(_sde)) && (Given(_rtol) || Given(_atol)))
                result.AddError("--steps, --grid or --sde and --rtol or --atol exclude each other: give a number of steps or tolerances.");
        });
    }

    /// <summary>Whether the command line says anything of how to solve.</summary>
    public bool IsGiven(ParseResult parsed) => All.Any(option => parsed.GetResult(option) is not null);

    /// <summary>How to solve: what the command line says, over the model's own defaults.</summary>
    /// <exception cref="ArgumentException">Options do not fit each other, or a value is none.</exception>
    public SolverOptions Read(ParseResult parsed, FlowModel model)
    {
        SolverOptions defaults = model.Defaults.Solver!;
        if (parsed.GetValue(_quality) is { } quality)
            return model.SolverFor(CommandHost.Checked("--quality", () => Quality(quality)));
        double? rtol = parsed.GetValue(_rtol), atol = parsed.GetValue(_atol);
        SolverMethod? method = parsed.GetValue(_method) is { } name ? CommandHost.Checked("--method", () => SolverMethod.Named(name)) : null;
        if (parsed.GetValue(_sde) is { } churn)
        {
            method ??= StochasticMethod.ChurnedHeun();
            if (method is not StochasticMethod stochastic)
                throw new ArgumentException($"--sde: {method} is no stochastic method. Choose one of {string.Join(", ", StochasticMethod.All)}.");
            method = CommandHost.Checked("--sde", () => stochastic.WithChurn(churn));
        }
        TimeGrid? grid = parsed.GetValue(_grid) is { } text ? CommandHost.Checked("--grid", () => Grid(text)) : null;
        int? steps = parsed.GetValue(_steps) ?? (grid as GivenGrid)?.Steps;
        if (steps is { } count)
        {
            method ??= (defaults as FixedSteps)?.Method ?? ((AdaptiveSteps)defaults).Method;
            return CommandHost.Checked("--steps", () => new FixedSteps(method, count)) with { Grid = grid ?? TimeGrid.Uniform };
        }
        if (grid is not null)
            throw new ArgumentException("--grid: give the number of steps with --steps.");
        if (method is StochasticMethod && parsed.GetResult(_sde) is not null)
            throw new ArgumentException("--sde: stochastic sampling takes a number of steps: give it with --steps.");
        if (defaults is FixedSteps usual && (rtol ?? atol) is null && (method is null || method == usual.Method))
            return usual;
        if (method is not (null or EmbeddedPair))
            throw new ArgumentException($"--method: {method} has no error estimate, so it takes --steps N and no tolerances.");
        var adaptive = defaults as AdaptiveSteps ?? new AdaptiveSteps();
        if (method is EmbeddedPair pair)
        {
            // One that is named stays, whatever tolerance follows; the default goes by the tolerance.
            adaptive = pair == adaptive.Method ? adaptive with { Method = pair }
                : new AdaptiveSteps { Method = pair, RelativeTolerance = adaptive.RelativeTolerance, AbsoluteTolerance = adaptive.AbsoluteTolerance };
        }
        else if ((rtol ?? atol) is not null)
        {
            // What a model's own method was chosen for is another tolerance: the method goes by the one that is given.
            adaptive = new AdaptiveSteps { RelativeTolerance = adaptive.RelativeTolerance, AbsoluteTolerance = adaptive.AbsoluteTolerance };
        }
        if (rtol is not null)
            adaptive = CommandHost.Checked("--rtol", () => adaptive with { RelativeTolerance = rtol.Value });
        if (atol is not null)
            adaptive = CommandHost.Checked("--atol", () => adaptive with { AbsoluteTolerance = atol.Value });
        return model.Profiled(adaptive);
    }

    /// <summary>By name alone: what reads enumerations also takes numbers and lists.</summary>
    private static SamplingQuality Quality(string text) => text.ToLowerInvariant() switch
    {
        "draft" => SamplingQuality.Draft,
        "normal" => SamplingQuality.Normal,
        "fine" => SamplingQuality.Fine,
        _ => throw new ArgumentException($"there is no quality '{text}'. Choose draft, normal or fine."),
    };

    /// <summary>A grid by its name.</summary>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public static TimeGrid Grid(string text)
    {
        if (text.StartsWith('@'))
            return GivenIn(text[1..]);
        string[] parts = text.Split(':', 2);
        double? number = null;
        if (parts.Length == 2)
        {
            number = double.TryParse(parts[1], NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value
                : throw new ArgumentException($"'{parts[1]}' in '{text}' cannot be read. Give a number.");
        }
        return (parts[0], number) switch
        {
            ("uniform", null) => TimeGrid.Uniform,
            ("cosine", null) => TimeGrid.Cosine,
            ("shift", { } shift) => TimeGrid.Shift(shift),
            ("karras", null) => TimeGrid.Karras(),
            ("karras", { } rho) => TimeGrid.Karras(rho),
            _ => throw new ArgumentException($"there is no grid '{text}'. Choose uniform, cosine, shift:S, karras:RHO or @times.csv."),
        };
    }

    private static GivenGrid GivenIn(string path)
    {
        string text;
        try
        {
            text = SmallText.Read(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ArgumentException($"the file of times '{path}' cannot be read: {e.Message}", e);
        }
        string[] cells = text.Split([',', '\n', '\r', ';', ' ', '\t'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        double[] times = [.. cells.Select((cell, i) => double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out double time) ? time
            : throw new ArgumentException($"{path}: value {i + 1}, '{cell}', is no number. Write the times from the start to the end, one a line."))];
        try
        {
            return TimeGrid.Given(times);
        }
        catch (ArgumentException e)
        {
            throw new ArgumentException($"{path}: {e.Message}", e);
        }
    }
}
