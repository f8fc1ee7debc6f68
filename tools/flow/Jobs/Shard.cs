using System.Globalization;

namespace FlowRuntime.Tool.Jobs;

/// <summary>A part of a job: the contiguous rows [Count·i/n, Count·(i + 1)/n) of its shard i of n.</summary>
/// <param name="Index">Number of the part, from 0.</param>
/// <param name="Count">Number of parts.</param>
internal sealed record Shard(int Index, int Count)
{
    private const int MostShards = 1_000_000;

    /// <summary>Reads i/n.</summary>
    /// <exception cref="ArgumentException">The text is no such part.</exception>
    public static Shard Parse(string text)
    {
        if (text.Split('/') is not [var index, var count] || !int.TryParse(index, NumberStyles.None, CultureInfo.InvariantCulture, out int i)
            || !int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out int n) || n is < 1 or > MostShards || i >= n)
            throw new ArgumentException($"'{text}' is no part of a job. Give i/n with i from 0 to n − 1, such as 0/16 for the first of 16.");
        return new Shard(i, n);
    }

    /// <summary>The part's rows among so many.</summary>
    /// <exception cref="ArgumentException">There are more parts than rows.</exception>
    public (long From, long Rows) Of(long rows)
    {
        if (Count > rows)
            throw new ArgumentException($"--shard: {rows} rows have no {Count} parts. Ask for at most {rows}.");
        long Edge(int part) => (long)((Int128)rows * part / Count);
        return (Edge(Index), Edge(Index + 1) - Edge(Index));
    }

    public override string ToString() => $"{Index}/{Count}";
}
