namespace FlowRuntime.Bench;

/// <summary>One figure of a report.</summary>
/// <param name="Section">What was measured.</param>
/// <param name="Name">The case.</param>
/// <param name="Value">The figure; null where the case did not get there.</param>
/// <param name="Unit">Its unit.</param>
/// <param name="Goal">The most (or, where <paramref name="AtLeast"/>, the least) it should be; null for a figure without goal.</param>
/// <param name="AtLeast">Whether the goal is a lower bound.</param>
/// <param name="Remark">What else to know.</param>
internal sealed record Figure(
    string Section, string Name, double? Value, string Unit, double? Goal = null, bool AtLeast = false, string? Remark = null)
{
    /// <summary>Whether the goal is met; null without goal.</summary>
    public bool? Met => Goal is null ? null : Value is { } value && (AtLeast ? value >= Goal : value <= Goal);
}
