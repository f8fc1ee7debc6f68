using System.Numerics.Tensors;

namespace FlowRuntime.Ode;

/// <summary>
/// The largest step worth trying at each time, measured on a model with one method: along tight trajectories, the step
/// whose scaled error stays just below its limit for nine samples in ten.
/// </summary>
/// <remarks>
/// It is a table of log h over the logarithm of the time left, w = log(1 − t + 0.001), and of the tolerance; between its
/// nodes it is interpolated linearly, and beyond its tolerances h grows with tolerance^(1/k), as the error's order k says.
/// A wrong profile costs evaluations, never accuracy: each sample is controlled by its own error all the same.
/// </remarks>
public sealed class StepProfile
{
    private const double Softening = 1e-3;

    /// <summary>Beyond the table's end: a logarithm of 0 or less would change the last bits of the other rows of its vector.</summary>
    private const double LeastLeft = 1e-6;
    private static readonly double Least = Math.Log(Softening);
    private static readonly double Most = Math.Log(1 + Softening);

    private readonly double[] _tolerances;
    private readonly double[][] _logSteps;

    /// <summary>Makes a profile from its table.</summary>
    /// <param name="method">The pair it was measured with.</param>
    /// <param name="tolerances">Tolerances, rising, each above 0.</param>
    /// <param name="steps">For each tolerance the largest steps at <see cref="TimesOf"/> of their number, at least two, each above 0.</param>
    /// <param name="isWhitened">Whether it was measured in the coordinates of <see cref="AdaptiveSteps.Moments"/>, with their angle for the time.</param>
    /// <exception cref="ArgumentException">The table is empty, ragged or not of positive numbers, or the tolerances do not rise.</exception>
    public StepProfile(EmbeddedPair method, IReadOnlyList<double> tolerances, IReadOnlyList<IReadOnlyList<double>> steps, bool isWhitened = false)
    {
        if (tolerances.Count == 0 || steps.Count != tolerances.Count)
            throw new ArgumentException($"The profile has {tolerances.Count} tolerances and {steps.Count} rows of steps; they must be equally many, and at least one.", nameof(steps));
        for (int i = 0; i < tolerances.Count; i++)
        {
            if (!(tolerances[i] > (i == 0 ? 0 : tolerances[i - 1]) && double.IsFinite(tolerances[i])))
                throw new ArgumentException($"The profile's tolerances must be positive and rise; number {i} is {tolerances[i]}.", nameof(tolerances));
            if (steps[i].Count < 2 || steps[i].Count != steps[0].Count || !steps[i].All(step => step > 0 && double.IsFinite(step)))
                throw new ArgumentException($"Row {i} of the profile must hold as many positive steps as the others, at least two.", nameof(steps));
        }
        (Method, IsWhitened) = (method, isWhitened);
        _tolerances = [.. tolerances];
        _logSteps = [.. steps.Select(row => row.Select(step => Math.Log(step)).ToArray())];
    }

    /// <summary>The pair it was measured with.</summary>
    public EmbeddedPair Method { get; }

    /// <summary>Whether it was measured in the coordinates of <see cref="AdaptiveSteps.Moments"/>, with their angle for the time.</summary>
    public bool IsWhitened { get; }

    /// <summary>The tolerances it was measured at, rising.</summary>
    public IReadOnlyList<double> Tolerances => _tolerances;

    /// <summary>The largest steps for each tolerance, at <see cref="TimesOf"/> of their number.</summary>
    public IReadOnlyList<IReadOnlyList<double>> Steps => [.. _logSteps.Select(row => row.Select(step => Math.Exp(step)).ToArray())];

    /// <summary>The times of a row of steps, rising from 0 to 1: equally far apart in log(1 − t + 0.001).</summary>
    /// <param name="count">Number of steps in the row, at least 2.</param>
    public static double[] TimesOf(int count) =>
        [.. Enumerable.Range(0, count).Select(i => i == 0 ? 0 : i == count - 1 ? 1 : 1 + Softening - Math.Exp(Most + (Least - Most) * i / (count - 1)))];

    /// <summary>The row of log h for a tolerance.</summary>
    internal double[] RowFor(double tolerance)
    {
        double k = Method.EmbeddedOrder + 1;
        int upper = Array.FindIndex(_tolerances, value => value >= tolerance);
        if (upper == 0)
            return Shifted(_logSteps[0], Math.Log(tolerance / _tolerances[0]) / k);
        if (upper < 0)
            return Shifted(_logSteps[^1], Math.Log(tolerance / _tolerances[^1]) / k);
        double share = Math.Log(tolerance / _tolerances[upper - 1]) / Math.Log(_tolerances[upper] / _tolerances[upper - 1]);
        return [.. _logSteps[upper - 1].Zip(_logSteps[upper], (low, high) => low + share * (high - low))];
    }

    /// <summary>The largest steps at some times, in whole vectors.</summary>
    /// <param name="row">The row for the tolerance; see <see cref="RowFor"/>.</param>
    /// <param name="times">Times, as many as fill whole vectors.</param>
    /// <param name="steps">Receives the steps, at least as many.</param>
    internal static void LargestSteps(double[] row, ReadOnlySpan<double> times, Span<double> steps)
    {
        steps = steps[..times.Length];
        TensorPrimitives.Subtract(1 + Softening, times, steps);
        TensorPrimitives.Max(steps, LeastLeft, steps);
        TensorPrimitives.Log(steps, steps);
        double scale = (row.Length - 1) / (Least - Most);
        for (int i = 0; i < steps.Length; i++)
        {
            double place = (steps[i] - Most) * scale;
            place = place > 0 ? Math.Min(place, row.Length - 1) : 0; // NaN of an idle row becomes 0
            int node = Math.Min((int)place, row.Length - 2);
            steps[i] = row[node] + (place - node) * (row[node + 1] - row[node]);
        }
        TensorPrimitives.Exp(steps, steps);
    }

    private static double[] Shifted(double[] row, double shift) => [.. row.Select(value => value + shift)];
}
