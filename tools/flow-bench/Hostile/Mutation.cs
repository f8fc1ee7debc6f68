namespace FlowRuntime.Bench.Hostile;

/// <summary>A way to make a model hostile.</summary>
/// <param name="Kind">Its name, by which outcomes are counted.</param>
/// <param name="Apply">Changes the model.</param>
internal sealed record Mutation(string Kind, Action<MutableModel> Apply)
{
    /// <summary>All of them; each is as likely as any other.</summary>
    public static IReadOnlyList<Mutation> All { get; } = [.. DamagedParts.All, .. HostileNodes.All, .. HostileStructures.All];
}
