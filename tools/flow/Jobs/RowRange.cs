namespace FlowRuntime.Tool.Jobs;

/// <summary>The rows of a job that one run does.</summary>
/// <param name="Whole">Number of rows of the whole job.</param>
/// <param name="First">Index of the first row of this part.</param>
/// <param name="Count">Number of rows of this part.</param>
internal sealed record RowRange(long Whole, long First, long Count)
{
    /// <summary>The rows of a part.</summary>
    /// <param name="whole">Number of rows of the whole job.</param>
    /// <param name="first">Index of its first row.</param>
    /// <param name="shard">The part; null for all.</param>
    /// <exception cref="ArgumentException">There are more parts than rows, or the last index is beyond any.</exception>
    public static RowRange Of(long whole, long first, Shard? shard)
    {
        if (first > long.MaxValue - whole)
            throw new ArgumentException($"--first: the last of {whole} rows from {first} has an index beyond {long.MaxValue}.");
        (long from, long rows) = shard?.Of(whole) ?? (0, whole);
        return new RowRange(whole, first + from, rows);
    }
}
