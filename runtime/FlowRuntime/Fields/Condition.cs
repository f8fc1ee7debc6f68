using System.Collections.Immutable;

namespace FlowRuntime.Fields;

/// <summary>What a sample is drawn under: its class, vectors of numbers, sequences, all of them, or nothing.</summary>
public sealed record Condition
{
    /// <summary>No condition: a network is asked for its null class and its null vectors.</summary>
    public static Condition None { get; } = new();

    /// <summary>Class label, from 0 to the number of classes − 1; null for none.</summary>
    public int? Label { get; init; }

    /// <summary>
    /// Vectors by the name of the network's input, in the condition's own units, such as <c>["condition"] = [21.5f, 0.4f]</c>; one that is not
    /// named is none. Default: none.
    /// </summary>
    public IReadOnlyDictionary<string, float[]> Vectors { get; init; } = ImmutableDictionary<string, float[]>.Empty;

    /// <summary>
    /// Sequences by the name of the network's input, item after item, such as the embeddings of a text's tokens, [length, width]; up to the
    /// network's greatest length. One that is not named is none. Default: none.
    /// </summary>
    public IReadOnlyDictionary<string, float[]> Sequences { get; init; } = ImmutableDictionary<string, float[]>.Empty;

    /// <summary>Whether this is no condition at all.</summary>
    internal bool IsNone => Label is null && Vectors.Count == 0 && Sequences.Count == 0;
}
