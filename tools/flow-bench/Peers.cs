using System.Globalization;

namespace FlowRuntime.Bench;

/// <summary>What torchdiffeq 0.2.5 and scipy 1.10 need on the reference fields, in float64; from peers-work-precision.csv.</summary>
internal static class Peers
{
    /// <summary>The curves of a field.</summary>
    /// <param name="field">The field.</param>
    /// <param name="fixedSteps">Whether of fixed steps, chosen with hindsight, or of adaptive ones.</param>
    public static IReadOnlyList<WorkPrecision> Of(string field, bool fixedSteps) =>
    [
        .. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "peers-work-precision.csv")).Skip(1)
            .Select(line => line.Split(','))
            .Where(cells => cells[0] == field && (cells[3] == "fixed") == fixedSteps)
            .GroupBy(cells => $"{cells[1]} {cells[2]} {cells[3]}")
            .Select(rows => new WorkPrecision(rows.Key, [.. rows.OrderByDescending(cells => Number(cells[4])).Select(cells => (Number(cells[5]), Number(cells[6])))])),
    ];

    /// <summary>The fewest evaluations with which any of the curves reaches an error, and whose they are.</summary>
    public static (double Evaluations, string Name)? Best(IEnumerable<WorkPrecision> curves, double error) =>
        curves.Select(curve => (Evaluations: curve.EvaluationsFor(error), curve.Name)).Where(best => best.Evaluations is not null)
            .OrderBy(best => best.Evaluations).Select(best => ((double, string)?)(best.Evaluations!.Value, best.Name)).FirstOrDefault();

    private static double Number(string cell) => double.Parse(cell, CultureInfo.InvariantCulture);
}
