namespace FlowRuntime.Fields;

/// <summary>What a sample is drawn under: for now its class label, or nothing.</summary>
public sealed record Condition
{
    /// <summary>No condition: a network with classes is asked for its null class.</summary>
    public static Condition None { get; } = new();

    /// <summary>Class label, from 0 to the number of classes − 1; null for none.</summary>
    public int? Label { get; init; }
}
