using FlowRuntime.Paths;

namespace FlowRuntime.Ode;

/// <summary>Where fixed steps stand: the times from the start of a solve to its end.</summary>
public abstract record TimeGrid
{
    private protected TimeGrid()
    {
    }

    /// <summary>Equal steps.</summary>
    public static TimeGrid Uniform { get; } = new WarpedGrid("uniform", static u => u);

    /// <summary>t = (1 − cos πu)/2: short steps at both ends.</summary>
    public static TimeGrid Cosine { get; } = new WarpedGrid("cosine", static u => (1 - Math.Cos(Math.PI * u)) / 2);

    /// <summary>
    /// The shift of SD3: the noise level σ = 1 − u becomes sσ/(1 + (s − 1)σ). Above 1 the steps near the noise are shorter.
    /// </summary>
    /// <param name="shift">The shift s, above 0; 1 is <see cref="Uniform"/>, 3 the choice of SD3.</param>
    /// <remarks>Source: Esser et al. 2024, "Scaling Rectified Flow Transformers", on shifting timesteps with the resolution.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The shift is not above 0.</exception>
    public static TimeGrid Shift(double shift) => shift > 0 && double.IsFinite(shift)
        ? new WarpedGrid(FormattableString.Invariant($"shift:{shift}"), u => 1 - shift * (1 - u) / (1 + (shift - 1) * (1 - u)))
        : throw new ArgumentOutOfRangeException(nameof(shift), shift, "Give a shift above 0, such as 3.");

    /// <summary>
    /// The noise levels r = σ/α of EDM: equal steps in r^(1/ρ) from 80 (or the level at the start, if lower) to 0.002 and a
    /// last step to the end, or to the level at the end where that is higher. It needs a Gaussian path.
    /// </summary>
    /// <param name="rho">The exponent ρ, at least 1; 7 is the source's choice.</param>
    /// <remarks>Source: Karras et al. 2022, eq. (5).</remarks>
    /// <exception cref="ArgumentOutOfRangeException">ρ is below 1.</exception>
    public static TimeGrid Karras(double rho = 7) => rho >= 1 && double.IsFinite(rho) ? new KarrasGrid(rho)
        : throw new ArgumentOutOfRangeException(nameof(rho), rho, "Give an exponent of at least 1, such as 7.");

    /// <summary>Times of a user's own.</summary>
    /// <param name="times">The times from the start of the solve to its end, both included, in order: one more than there are steps.</param>
    /// <exception cref="ArgumentException">There are fewer than two times, or they do not run in one direction.</exception>
    public static GivenGrid Given(IReadOnlyList<double> times) => new([.. times]);

    /// <summary>This grid for a network that knows whole time steps alone: each time between start and end is moved to the nearest of the times k/(steps − 1).</summary>
    /// <param name="steps">Number of the network's steps, at least 2.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer than two steps.</exception>
    public TimeGrid OnSteps(int steps) => steps >= 2 ? new SteppedGrid(this, steps)
        : throw new ArgumentOutOfRangeException(nameof(steps), steps, "Give at least two steps, such as 1000.");

    /// <summary>The times of a solve.</summary>
    /// <param name="steps">Number of steps, at least 1.</param>
    /// <param name="start">Time the solve starts from.</param>
    /// <param name="end">Time it ends at; before the start for a solve in reverse.</param>
    /// <param name="path">The model's path; null where none is known.</param>
    /// <returns>steps + 1 times; the first is <paramref name="start"/>, the last <paramref name="end"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer steps than one, or more than <see cref="FixedSteps"/> take.</exception>
    /// <exception cref="ArgumentException">The grid needs a path, its own times do not fit the solve, or there are more steps than numbers between start and end.</exception>
    public double[] Times(int steps, double start, double end, ProbabilityPath? path)
    {
        FixedSteps.CheckCount(steps);
        double[] times = Between(steps, Math.Min(start, end), Math.Max(start, end), path);
        for (int i = 1; i <= steps; i++)
        {
            if (!(times[i] > times[i - 1]))
                throw new ArgumentException(FormattableString.Invariant($"The grid '{this}' of {steps} steps from t = {start} to {end} puts two of its times on t = {times[i]}. Take fewer steps, or the uniform grid."));
        }
        if (start > end)
            Array.Reverse(times);
        return times;
    }

    /// <summary>The times from <paramref name="low"/> to <paramref name="high"/>, rising.</summary>
    private protected abstract double[] Between(int steps, double low, double high, ProbabilityPath? path);

    private sealed record WarpedGrid(string Name, Func<double, double> Warp) : TimeGrid
    {
        private protected override double[] Between(int steps, double low, double high, ProbabilityPath? path)
        {
            var times = new double[steps + 1];
            for (int i = 0; i <= steps; i++)
                times[i] = low + (high - low) * Warp((double)i / steps);
            (times[0], times[steps]) = (low, high);
            return times;
        }

        public override string ToString() => Name;
    }

    private sealed record SteppedGrid(TimeGrid Grid, int Steps) : TimeGrid
    {
        private protected override double[] Between(int steps, double low, double high, ProbabilityPath? path)
        {
            double[] times = Grid.Between(steps, low, high, path);
            for (int i = 1; i < steps; i++)
                times[i] = Math.Round(times[i] * (Steps - 1)) / (Steps - 1);
            for (int i = 1; i <= steps; i++)
            {
                if (!(times[i] > times[i - 1]))
                    throw new ArgumentException(FormattableString.Invariant($"The grid '{Grid}' of {steps} steps puts two of its times on t = {times[i]}: the network has {Steps} time steps. Take fewer steps, or the uniform grid."));
            }
            return times;
        }

        public override string ToString() => Grid.ToString()!;
    }

    private sealed record KarrasGrid(double Rho) : TimeGrid
    {
        private const double Noisiest = 80;
        private const double Cleanest = 0.002;

        private protected override double[] Between(int steps, double low, double high, ProbabilityPath? path)
        {
            if (path is null)
                throw new ArgumentException($"The grid '{this}' is made of noise levels, so it needs the model's path: set OdeProblem.Path.", nameof(path));
            double atLow = path.At(low).NoiseLevel, atHigh = path.At(high).NoiseLevel;
            if (low < 0 || high > 1 || !(atLow > Cleanest && atHigh < Noisiest))
                throw new ArgumentException(FormattableString.Invariant($"The grid '{this}' has the noise levels from {Noisiest} to {Cleanest} of the path; the solve from {low} to {high} has none of them or leaves the path. Choose another grid."), nameof(path));
            double first = Math.Pow(Math.Min(Noisiest, atLow), 1 / Rho);
            double last = Math.Pow(Math.Max(Cleanest, atHigh), 1 / Rho);
            int intervals = atHigh < Cleanest ? steps - 1 : steps; // where the levels do not reach the end, the last step does
            var times = new double[steps + 1];
            for (int i = 1; i < steps; i++)
                times[i] = path.TimeOf(Math.Pow(first + (last - first) * i / intervals, Rho));
            (times[0], times[steps]) = (low, high);
            return times;
        }

        public override string ToString() => FormattableString.Invariant($"karras:{Rho}");
    }
}

/// <summary>A grid of a user's own times; see <see cref="TimeGrid.Given"/>.</summary>
public sealed record GivenGrid : TimeGrid
{
    private readonly double[] _times;

    internal GivenGrid(double[] times)
    {
        if (times.Length < 2)
            throw new ArgumentException($"A grid of {times.Length} times has no step. Give the start, the end and what lies between.", nameof(times));
        for (int i = 1; i < times.Length; i++)
        {
            if (!((times[i] - times[i - 1]) * (times[^1] - times[0]) > 0))
                throw new ArgumentException(FormattableString.Invariant($"The grid's times {times[i - 1]} and {times[i]} (places {i - 1} and {i}) do not run from {times[0]} to {times[^1]}. Sort them."), nameof(times));
        }
        _times = times;
    }

    /// <summary>Number of steps.</summary>
    public int Steps => _times.Length - 1;

    private protected override double[] Between(int steps, double low, double high, ProbabilityPath? path)
    {
        double[] rising = _times[0] < _times[^1] ? [.. _times] : [.. _times.Reverse()];
        if (rising.Length != steps + 1)
            throw new ArgumentException($"The grid has {rising.Length} times for {steps} steps; {steps + 1} are needed.");
        if (rising[0] != low || rising[^1] != high)
            throw new ArgumentException(FormattableString.Invariant($"The grid runs from {_times[0]} to {_times[^1]}, the solve between {low} and {high}. Let them be the same."));
        return rising;
    }

    /// <inheritdoc/>
    public override string ToString() => "given";
}
