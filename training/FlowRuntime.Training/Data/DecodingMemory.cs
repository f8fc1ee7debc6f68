namespace FlowRuntime.Training.Data;

/// <summary>
/// Bounds the memory that images take while they are decoded side by side: however many processors there are, those under way at once take
/// no more than the bound, or there is only one.
/// </summary>
/// <param name="most">The bound, in bytes.</param>
internal sealed class DecodingMemory(long most)
{
    private readonly object _turn = new(); // waited on, which a Lock cannot be
    private long _taken;

    /// <summary>The memory of this process.</summary>
    public static DecodingMemory Shared { get; } = new(1L << 30);

    /// <summary>Runs a decoding when its memory is free.</summary>
    /// <param name="bytes">What it takes.</param>
    /// <param name="decode">The decoding.</param>
    public T Within<T>(long bytes, Func<T> decode)
    {
        lock (_turn)
        {
            while (_taken > 0 && _taken + bytes > most)
                Monitor.Wait(_turn);
            _taken += bytes;
        }
        try
        {
            return decode();
        }
        finally
        {
            lock (_turn)
            {
                _taken -= bytes;
                Monitor.PulseAll(_turn);
            }
        }
    }
}
